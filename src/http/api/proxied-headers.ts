// What may pass the proxy of a request's and an answer's headers: nothing that is between two neighbours (RFC 9110,
// 7.6.1), nothing that says who somebody is, nothing that an origin says about itself.

import type { IncomingMessage, ServerResponse } from 'node:http';

type Header = [name: string, value: string];

const betweenNeighbours = ['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

/** The last ones make some servers answer for another address than the one that was asked. */
const requestersOwn =
  /^(host|expect|authorization|cookie2?|forwarded|x-real-ip|x-forwarded(-.*)?|x-original-.*|x-rewrite-url)$/;

const serversOwn =
  /^(set-cookie2?|server|x-powered-by|strict-transport-security|content-security-policy(-report-only)?|cache-control|access-control-.*|cross-origin-.*|x-frame-options|referrer-policy|permissions-policy|origin-agent-cluster|alt-svc|clear-site-data|nel|report-to|reporting-endpoints|dinero-connect-.*)$/;

/** Without `Authorization`: the app puts in its own. */
export function takeRequestHeaders({ rawHeaders }: IncomingMessage): Header[] {
  const headers = Array.from({ length: rawHeaders.length / 2 }, (_, index): Header => {
    return [rawHeaders[index * 2] ?? '', rawHeaders[index * 2 + 1] ?? ''];
  });
  return passOn(headers, requestersOwn);
}

/** What this app says of itself stays as it is. */
export function setAnswerHeaders(response: ServerResponse, headers: Header[]): void {
  const ours = new Set(response.getHeaderNames());
  for (const [name, value] of passOn(headers, serversOwn)) {
    if (!ours.has(name.toLowerCase())) response.appendHeader(name, value);
  }
}

function passOn(headers: Header[], own: RegExp): Header[] {
  const named = headers
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(','))
    .map((name) => name.trim());
  const dropped = new Set([...betweenNeighbours, ...named]);
  return headers.filter(([name]) => {
    const key = name.toLowerCase();
    return !dropped.has(key) && !key.startsWith('proxy-') && !own.test(key);
  });
}
