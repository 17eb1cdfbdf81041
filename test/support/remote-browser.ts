// A person at a browser without JavaScript, over real HTTP: for journeys through a running process. Keeps every
// answer it got, so that a test can look through all of them.

import { answerAuthorization, createCookieJar } from './person.ts';

export type Visit = { status: number; location: string | null; text: string; headers: string; url: string };

export function openRemoteBrowser(origin: string) {
  const jar = createCookieJar();
  const visits: Visit[] = [];

  async function send(
    path: string,
    form?: Record<string, string>,
    withCookies = true,
    signal: AbortSignal | null = null,
  ): Promise<Visit> {
    const url = new URL(path, origin);
    const response = await fetch(url, {
      redirect: 'manual',
      signal,
      headers: { 'accept-language': 'da', ...(withCookies ? { cookie: jar.cookiesFor(url) } : {}) },
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    });
    if (withCookies) jar.take(url, response.headers.getSetCookie());
    const visit: Visit = {
      status: response.status,
      location: response.headers.get('location'),
      text: await response.text(),
      headers: JSON.stringify([...response.headers]),
      url: url.href,
    };
    visits.push(visit);
    return visit;
  }

  const get = (path: string) => send(path);

  async function submit(page: Visit, path: string, fields: Record<string, string> = {}): Promise<Visit> {
    const token = /name="_csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    return send(path, { _csrf: token, ...fields });
  }

  /** From the first page to the page after the way back; `hungUp` ends the last request early. */
  async function signIn(
    person: string,
    consent: 'accept' | 'cancel' = 'accept',
    hungUp: AbortSignal | null = null,
  ): Promise<Visit> {
    const home = await get('/');
    const left = await submit(home.text.includes('_csrf') ? home : await get('/connection'), '/connect');
    const answer = await answerAuthorization(left.location ?? '', { person, consent });
    if ('errorPage' in answer) throw new Error(`stranded on ${answer.errorPage}`);
    const returned = await send('/oauth/callback', answer.fields, false);
    return send(returned.location ?? '', undefined, true, hungUp);
  }

  return { get, send, submit, signIn, visits, jar };
}
