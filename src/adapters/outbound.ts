// The one way out to other servers: a fetch with a time limit over the whole answer, a cap on its size, caps on how
// many run at once and how many wait, and no redirects (requirements, B8 and E7).

import pLimit from 'p-limit';

/**
 * `maySend` is asked once the connection stands, in the moment before the body leaves; when it says no, nothing of the
 * body is sent. It is for text bodies.
 */
export type Fetch = (input: Request | string | URL, init?: RequestInit, maySend?: () => boolean) => Promise<Response>;

const usualMaxWaiting = 100;
const readMilliseconds = 100;

const sentences = {
  timeout: 'no answer in time',
  too_large: 'answer too large',
  network: 'connection failed',
  busy: 'too many calls are waiting',
  aborted: 'the caller gave up',
  held_back: 'not sent, for it was too late for that',
};

/** No whole answer came. `reason` says how, without a word of the other side's. */
export class OutboundError extends Error {
  readonly reason: keyof typeof sentences;
  /** Some of the body may have left; false when surely nothing did. */
  readonly sent: boolean;

  constructor(reason: OutboundError['reason'], host: string, sent = false) {
    super(`${host}: ${sentences[reason]}`);
    this.name = 'OutboundError';
    this.reason = reason;
    this.sent = sent;
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
  maxWaiting?: number;
}): Fetch {
  const limit = pLimit(options.concurrency);

  async function fetchWhole(
    input: Request | string | URL,
    init: RequestInit,
    maySend: () => boolean,
  ): Promise<Response> {
    const host = hostOf(input);
    const outgoing = watchBody(init, maySend);
    // `init.signal` would take the place of the request's own, which is the one that ky aborts.
    const callers = [input instanceof Request ? input.signal : null, init.signal].filter((signal) => signal != null);
    const timeout = startTimeout(options.timeoutMilliseconds);
    try {
      const signal = AbortSignal.any([...callers, timeout.signal]);
      const response = await fetch(input, { ...outgoing.init, redirect: 'manual', signal });
      const body = await readCapped(response, options.maxBytes);
      if (body === null) throw new OutboundError('too_large', host, true);
      return rebuild(response, body);
    } catch (error) {
      if (error instanceof OutboundError) throw error;
      const { sent, heldBack } = outgoing.state;
      if (heldBack) throw new OutboundError('held_back', host);
      if (timeout.signal.aborted) throw new OutboundError('timeout', host, sent);
      throw new OutboundError(callers.some((signal) => signal.aborted) ? 'aborted' : 'network', host, sent);
    } finally {
      timeout.clear();
    }
  }

  return async (input, init = {}, maySend = () => true) => {
    if (limit.pendingCount >= (options.maxWaiting ?? usualMaxWaiting)) throw new OutboundError('busy', hostOf(input));
    return limit(() => fetchWhole(input, init, maySend));
  };
}

/**
 * The same request with its text body as a generator, which fetch begins when the connection stands (a ReadableStream
 * it reads before): so that it is known whether the body left, and it can be held back until then. Its length is told,
 * for not every server takes a chunked body.
 */
function watchBody(init: RequestInit, maySend: () => boolean) {
  const bytes = init.body === undefined || init.body === null ? null : new TextEncoder().encode(String(init.body));
  const state = { sent: bytes === null, heldBack: false };
  if (bytes === null) return { init, state };
  async function* send(content: Uint8Array) {
    state.heldBack = !maySend();
    if (state.heldBack) throw new Error('held back');
    state.sent = true;
    yield content;
  }
  const headers = new Headers(init.headers);
  headers.set('content-length', String(bytes.byteLength));
  return { init: { ...init, body: send(bytes), headers, duplex: 'half' as const }, state };
}

/**
 * Ends a call in two steps: a process that was stopped finds its time over when it goes on, and has yet to read the
 * answer that arrived meanwhile.
 */
function startTimeout(milliseconds: number) {
  const controller = new AbortController();
  const abortSoon = () => {
    timer = setTimeout(() => controller.abort(), readMilliseconds);
  };
  let timer = setTimeout(abortSoon, milliseconds);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
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
