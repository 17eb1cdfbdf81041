// The one way out to other servers: a fetch with a time limit over the whole answer, a cap on its size, a cap on how
// many run at once, and no redirects (requirements, B8 and E7).

import pLimit from 'p-limit';

export type Fetch = (input: Request | string | URL, init?: RequestInit) => Promise<Response>;

/** No whole answer came. `reason` says how, without a word of the other side's. */
export class OutboundError extends Error {
  readonly reason: 'timeout' | 'too_large' | 'network';

  constructor(reason: OutboundError['reason'], host: string) {
    super(
      `${host}: ${{ timeout: 'no answer in time', too_large: 'answer too large', network: 'connection failed' }[reason]}`,
    );
    this.name = 'OutboundError';
    this.reason = reason;
  }
}

/**
 * `timeoutMilliseconds` covers connecting, headers and the whole body; `maxBytes` counts the unpacked body. Answers
 * of any status come back read to their end; a redirect comes back as it is. Throws OutboundError alone.
 */
export function createOutboundFetch(options: {
  timeoutMilliseconds: number;
  maxBytes: number;
  concurrency: number;
}): Fetch {
  const limit = pLimit(options.concurrency);

  async function fetchWhole(input: Request | string | URL, init: RequestInit): Promise<Response> {
    const timeout = AbortSignal.timeout(options.timeoutMilliseconds);
    const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
    const host = new URL(input instanceof Request ? input.url : input).host;
    try {
      const response = await fetch(input, { ...init, redirect: 'manual', signal });
      const body = await readCapped(response, options.maxBytes);
      if (body === null) throw new OutboundError('too_large', host);
      return rebuild(response, body);
    } catch (error) {
      if (error instanceof OutboundError) throw error;
      throw new OutboundError(timeout.aborted ? 'timeout' : 'network', host);
    }
  }

  return (input, init = {}) => limit(() => fetchWhole(input, init));
}

/** The whole body, or null when it is larger than `maxBytes`; then the rest is not read. */
async function readCapped(response: Response, maxBytes: number): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function rebuild(response: Response, body: Uint8Array): Response {
  const headers = new Headers(response.headers);
  headers.delete('content-encoding');
  headers.delete('content-length');
  const bodyless = [204, 205, 304].includes(response.status);
  return new Response(bodyless ? null : Buffer.from(body), { status: response.status, headers });
}

/** Seconds that a `Retry-After` asks for (RFC 9110, 10.2.3: seconds or a date), at most a day; null when it says nothing usable. */
export function parseRetryAfter(value: string | null, now: Date): number | null {
  if (value === null) return null;
  const seconds = /^\d{1,9}$/.test(value.trim()) ? Number(value) : (Date.parse(value) - now.getTime()) / 1000;
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(Math.ceil(seconds), 86_400) : null;
}
