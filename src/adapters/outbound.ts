// The one way out to other servers: a fetch with a time limit over the whole answer, a cap on its size, caps on how
// many run at once and how many wait, and no redirects (requirements, B8 and E7).

import pLimit from 'p-limit';

export type Fetch = (input: Request | string | URL, init?: RequestInit) => Promise<Response>;

const maxWaiting = 100;

const sentences = {
  timeout: 'no answer in time',
  too_large: 'answer too large',
  network: 'connection failed',
  busy: 'too many calls are waiting',
  aborted: 'the caller gave up',
};

/** No whole answer came. `reason` says how, without a word of the other side's. */
export class OutboundError extends Error {
  readonly reason: keyof typeof sentences;

  constructor(reason: OutboundError['reason'], host: string) {
    super(`${host}: ${sentences[reason]}`);
    this.name = 'OutboundError';
    this.reason = reason;
  }
}

/**
 * `timeoutMilliseconds` covers connecting, headers and the whole body, but not the wait for a place; `maxBytes` counts
 * the unpacked body. Answers of any status come back read to their end; a redirect comes back as it is. A call whose
 * caller gave up while it waited is never sent. Throws OutboundError alone.
 */
export function createOutboundFetch(options: {
  timeoutMilliseconds: number;
  maxBytes: number;
  concurrency: number;
}): Fetch {
  const limit = pLimit(options.concurrency);

  async function fetchWhole(input: Request | string | URL, init: RequestInit): Promise<Response> {
    const host = hostOf(input);
    // `init.signal` would take the place of the request's own, which is the one that ky aborts.
    const callers = [input instanceof Request ? input.signal : null, init.signal].filter((signal) => signal != null);
    const timeout = AbortSignal.timeout(options.timeoutMilliseconds);
    try {
      const signal = AbortSignal.any([...callers, timeout]);
      const response = await fetch(input, { ...init, redirect: 'manual', signal });
      const body = await readCapped(response, options.maxBytes);
      if (body === null) throw new OutboundError('too_large', host);
      return rebuild(response, body);
    } catch (error) {
      if (error instanceof OutboundError) throw error;
      if (timeout.aborted) throw new OutboundError('timeout', host);
      throw new OutboundError(callers.some((signal) => signal.aborted) ? 'aborted' : 'network', host);
    }
  }

  return async (input, init = {}) => {
    if (limit.pendingCount >= maxWaiting) throw new OutboundError('busy', hostOf(input));
    return limit(() => fetchWhole(input, init));
  };
}

function hostOf(input: Request | string | URL): string {
  return new URL(input instanceof Request ? input.url : input).host;
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
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text), 86_400);
  // Date.parse alone makes a date of "-5" and of "soon 2099".
  if (!/^(mon|tue|wed|thu|fri|sat|sun)\w*, .+ gmt$/i.test(text)) return null;
  const seconds = (Date.parse(text) - now.getTime()) / 1000;
  return seconds >= 0 ? Math.min(Math.ceil(seconds), 86_400) : null;
}
