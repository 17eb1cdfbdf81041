// What Chromium itself says about cookies: which it sent with each request for a page, and which it held back and why.

import type { BrowserContext, Page } from 'playwright-core';

export type PageRequest = { method: string; path: string; sent: string[]; heldBack: Record<string, string[]> };

type AssociatedCookie = { cookie: { name: string }; blockedReasons: string[] };

/** Records from now on; the list grows while the page is used. */
export async function recordCookies(context: BrowserContext, page: Page, origin: string): Promise<PageRequest[]> {
  // A redirect keeps its request's id: the n-th of one kind belongs to the n-th of the other.
  const asked = new Map<string, { method: string; url: string }[]>();
  const cookies = new Map<string, AssociatedCookie[][]>();
  const requests: PageRequest[] = [];
  const devTools = await context.newCDPSession(page);

  function match(id: string): void {
    for (;;) {
      const [request] = asked.get(id) ?? [];
      const [associated] = cookies.get(id) ?? [];
      if (!request || !associated) return;
      asked.get(id)?.shift();
      cookies.get(id)?.shift();
      const url = new URL(request.url);
      if (url.origin === origin) requests.push({ method: request.method, path: url.pathname, ...divide(associated) });
    }
  }

  devTools.on('Network.requestWillBeSent', ({ requestId, type, request }) => {
    if (type !== 'Document') return;
    asked.set(requestId, [...(asked.get(requestId) ?? []), request]);
    match(requestId);
  });
  devTools.on('Network.requestWillBeSentExtraInfo', ({ requestId, associatedCookies }) => {
    cookies.set(requestId, [...(cookies.get(requestId) ?? []), associatedCookies]);
    match(requestId);
  });
  await devTools.send('Network.enable');
  return requests;
}

function divide(associated: AssociatedCookie[]): Pick<PageRequest, 'sent' | 'heldBack'> {
  const sent = associated.filter(({ blockedReasons }) => blockedReasons.length === 0);
  const held = associated.filter(({ blockedReasons }) => blockedReasons.length > 0);
  return {
    sent: sent.map(({ cookie }) => cookie.name).sort(),
    heldBack: Object.fromEntries(held.map(({ cookie, blockedReasons }) => [cookie.name, blockedReasons])),
  };
}
