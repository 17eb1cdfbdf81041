// Posts to an address that somebody configured, and nowhere else: no redirects, no private addresses, whatever a name
// leads to at the moment of connecting; a time limit over all of it, and hardly anything of the answer read.

import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, request } from 'undici';

/** `address` is whatever a name resolved to, or what the URL itself named. */
export type AddressCheck = (address: string) => boolean;

/** What came back; the answer's text does not. `private_address`: nothing was sent, for `isAllowed` said no. */
export type PostOutcome =
  | { kind: 'answered'; status: number; retryAfter: string | null }
  | { kind: 'timeout' | 'network' | 'private_address' };

export type Post = (url: string, headers: Record<string, string>, body: string) => Promise<PostOutcome>;

const readBytes = 16 * 1024;

class PrivateAddressError extends Error {}

export function createPosting(options: {
  timeoutMilliseconds: number;
  connections: number;
  isAllowed: AddressCheck;
}): Post {
  const { timeoutMilliseconds, isAllowed } = options;
  const connect = buildConnector({ timeout: timeoutMilliseconds, lookup: createCheckedLookup(isAllowed) });
  const agent = new Agent({
    connections: options.connections,
    connect(target, done) {
      // An address in the URL is connected to without a lookup.
      if (isIP(target.hostname) !== 0 && !isAllowed(target.hostname)) done(new PrivateAddressError(), null);
      else connect(target, done);
    },
  });

  return async (url, headers, body) => {
    const signal = AbortSignal.timeout(timeoutMilliseconds);
    try {
      const answer = await request(url, { method: 'POST', headers, body, dispatcher: agent, signal });
      const { 'retry-after': retryAfter } = answer.headers;
      // A small body is read so that the connection can be used again; what comes of it makes no difference.
      await answer.body.dump({ limit: readBytes }).catch(() => {});
      return {
        kind: 'answered',
        status: answer.statusCode,
        retryAfter: typeof retryAfter === 'string' ? retryAfter : null,
      };
    } catch (error) {
      if (error instanceof PrivateAddressError) return { kind: 'private_address' };
      return { kind: signal.aborted ? 'timeout' : 'network' };
    }
  };
}

/** The addresses that are checked are the ones that are connected to: a name cannot lead elsewhere in between. */
function createCheckedLookup(isAllowed: AddressCheck): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || !first) done(error ?? new Error('no address'), []);
      else if (!addresses.every(({ address }) => isAllowed(address))) done(new PrivateAddressError(), []);
      else if (options.all) done(null, addresses);
      else done(null, first.address, first.family);
    });
  };
}
