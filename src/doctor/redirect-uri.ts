// The redirect URI, judged by its one source: BASE_URL. Whether it is registered, only the provider knows. And the
// cookies of the same address, which decide whether a sign-in can end where it began.

import type { Finding } from '../core/findings.ts';
import type { AddressFacts } from '../core/probes.ts';
import { loopback } from '../environment.ts';
import { findingsOf } from './finding.ts';
import type { Settings } from './settings.ts';

const { done, wrong, unknown, unexamined } = findingsOf('redirect_uri');
const cookies = findingsOf('cookies');

const callbackPath = '/oauth/callback';
/** Addresses of every network at once, and names that belong to documentation (RFC 2606). */
const nobodysHost = /^(0\.0\.0\.0|\[::\]|(.*\.)?(example(\.(com|net|org))?|invalid|test))$/;

/** What is wrong with the address as such; what is left to the provider is told in `redirect_uri_done`. */
export function checkRedirectUri({ baseUrl, port, production }: Settings): Finding[] {
  if (baseUrl === null) return [unexamined('needs_configuration')];
  const url = parseWebUrl(baseUrl);
  if (url === null) return [wrong('redirect_uri_invalid', { baseUrl: withoutPassword(baseUrl) })];
  const { hostname, origin, protocol } = url;
  const isLoopback = loopback.test(hostname);
  const found = [
    ...(protocol === 'http:' && !isLoopback ? [wrong('redirect_uri_scheme', { baseUrl })] : []),
    ...(nobodysHost.test(hostname) ? [wrong('redirect_uri_host', { host: hostname })] : []),
    ...(url.pathname !== '/' ? [wrong('redirect_uri_path', { path: url.pathname, origin })] : []),
    ...(url.search || url.hash ? [wrong('redirect_uri_query', { origin })] : []),
    ...(production && isLoopback ? [wrong('redirect_uri_localhost', { host: hostname })] : []),
    ...(isLoopback && protocol === 'http:' && port !== null && Number(url.port || 80) !== port
      ? [unknown('redirect_uri_port', { port: url.port || '80', listens: String(port) })]
      : []),
  ];
  return found.length > 0 ? found : [done('redirect_uri_done', { redirectUri: `${origin}${callbackPath}` })];
}

/** A Secure cookie needs https on both sides of the app: in the browser's address, and in what the app is told of it. */
export function checkCookies(baseUrl: string | null, trustsProxies: boolean, address: AddressFacts | null): Finding[] {
  const url = baseUrl === null ? null : parseWebUrl(baseUrl);
  if (url === null) return [cookies.unexamined('needs_configuration')];
  if (url.protocol === 'http:') {
    return [loopback.test(url.hostname) ? cookies.done('cookies_localhost') : cookies.wrong('cookies_insecure')];
  }
  const arrivesAsHttp = !trustsProxies || (address?.kind === 'seen' && address.protocol === 'http');
  return [arrivesAsHttp ? cookies.wrong('cookies_not_secure') : cookies.done('cookies_done')];
}

function parseWebUrl(text: string): URL | null {
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null;
  return url && !url.username && !url.password ? url : null;
}

/** What stands before the @ of an address is a name and a password. */
function withoutPassword(address: string): string {
  return address.replace(/[^/]*@/, '…@');
}
