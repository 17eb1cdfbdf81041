// What the page is that an authorize request ends on: the provider's sign-in, its error page, or neither; and how far
// the way there may lead. No standard says how to tell, so only what is plain counts as an answer.

import type { AuthorizeAnswer, Blame } from '../core/probes.ts';

const longestErrorId = 600;

/** In the words of RFC 6749, 4.1.2.1, of Duende's IdentityServer, and of the sandbox. */
const blames: [Blame, RegExp][] = [
  ['pkce', /code[ _]challenge|\bpkce\b/i],
  ['redirect_uri', /redirect[ _]ur[il]/i],
  ['scopes', /invalid[ _]scope/i],
  ['client', /unauthorized_client|invalid_client|unknown client/i],
];

/** `url` is where the page was at last, `text` its source. */
export function readPage(url: URL, status: number, text: string): AuthorizeAnswer {
  const errorId = url.searchParams.get('errorId');
  const isRefusal = status >= 400 && status < 500 && status !== 429;
  if (errorId !== null || isRefusal || (status === 200 && /\/error\b/i.test(url.pathname))) {
    return { kind: 'error_page', errorId: errorId?.slice(0, longestErrorId) ?? null, blame: readBlame(text) };
  }
  // A form that posts elsewhere hands an answer over to the app: a refusal that comes back is not about registration.
  const signsIn = status === 200 && /<form\b/i.test(text) && !handsOver(text, url);
  return signsIn ? { kind: 'sign_in' } : { kind: 'unclear' };
}

function handsOver(text: string, url: URL): boolean {
  const actions = [...text.matchAll(/<form\b[^>]*\baction\s*=\s*["']?([^"'\s>]*)/gi)];
  return actions.some(([, action = '']) => URL.parse(action.replaceAll('&amp;', '&'), url.href)?.origin !== url.origin);
}

/** Null when the page names nothing that we know, or more than one thing. */
function readBlame(text: string): Blame | null {
  const words = text.replace(/<(script|style)\b[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ');
  const [first, ...others] = blames.filter(([, pattern]) => pattern.test(words));
  return first && others.length === 0 ? first[0] : null;
}

/** Of one host, or, by names of three parts or more, of one parent: visma.com for connect.visma.com. */
export function isSameSite(target: URL, start: URL): boolean {
  if (target.protocol !== start.protocol) return false;
  if (target.host === start.host) return true;
  const parent = /^[^.]+(\.[^.]+\.[a-z][^:]*)$/i.exec(start.hostname)?.[1];
  return parent !== undefined && target.port === start.port && `.${target.hostname}`.endsWith(parent);
}
