// Requests that are not the app's own, to Dinero over undici: as they are, both ways, a piece at a time. Bound to one
// origin: whatever stands in a target, the token goes nowhere else (requirements, B8).

import { Readable } from 'node:stream';
import { Pool } from 'undici';
import { ConnectError } from '../core/errors.ts';
import type { Clock, DineroForwarding, ForwardedAnswer, ForwardedRequest } from '../core/ports.ts';
import { parseRetryAfter } from './outbound.ts';
import { type CallWatch, outcomeOfStatus } from './watched-calls.ts';

const connectMilliseconds = 5_000;
const concurrency = 256;
/** Until Dinero's answer begins, after the last piece of the request. */
const usualHeadersMilliseconds = 30_000;
/** Between two pieces of a body, whoever is slow. */
const usualIdleMilliseconds = 60_000;

type Limits = { headersMilliseconds?: number; idleMilliseconds?: number };

/** `baseUrl` is an origin. */
export function createDineroForwarding(
  options: { baseUrl: string } & Limits,
  clock: Clock,
  watchCall: CallWatch = () => {},
): DineroForwarding {
  const { headersMilliseconds = usualHeadersMilliseconds, idleMilliseconds = usualIdleMilliseconds } = options;
  const pool = new Pool(options.baseUrl, {
    connections: concurrency,
    pipelining: 1,
    // Over HTTP/2 an answer that breaks off would have to be told from a whole one by other means.
    allowH2: false,
    connect: { timeout: connectMilliseconds },
    // undici's own stand still while a body is held up by the other side of this app.
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  async function send(request: ForwardedRequest, accessToken: string, signal: AbortSignal): Promise<ForwardedAnswer> {
    const stall = watchForStall(headersMilliseconds);
    const started = performance.now();
    try {
      const response = await pool.request({
        method: request.method,
        path: request.target,
        headers: [...request.headers.flat(), 'authorization', `Bearer ${accessToken}`],
        body: request.body && Readable.from(watchPieces(request.body, stall), { objectMode: false }),
        signal: AbortSignal.any([signal, stall.signal]),
        responseHeaders: 'raw',
      });
      // What becomes of the body is the business of whoever reads it; nobody may.
      response.body.on('error', () => {});
      stall.continue(idleMilliseconds);
      watchCall('proxy', outcomeOfStatus(response.statusCode), performance.now() - started);
      const headers = pairsOf(response.headers as unknown as string[]);
      const retryAfter = headers.find(([name]) => name.toLowerCase() === 'retry-after')?.[1] ?? null;
      return {
        status: response.statusCode,
        headers,
        retryAfterSeconds: parseRetryAfter(retryAfter, clock.now()),
        body: readBody(response.body, stall, signal),
        discard() {
          stall.end();
          response.body.destroy();
        },
      };
    } catch {
      stall.end();
      const reason = stall.signal.aborted ? 'timeout' : 'network';
      watchCall('proxy', signal.aborted ? 'aborted' : reason, performance.now() - started);
      signal.throwIfAborted();
      const message = stall.signal.aborted ? 'Dinero gave no answer in time' : 'Dinero could not be reached';
      throw new ConnectError('dinero_unavailable', message);
    }
  }

  return { send };
}

type Stall = ReturnType<typeof watchForStall>;

/** Aborts its signal when nothing moves for so long. */
function watchForStall(milliseconds: number) {
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), milliseconds);
  return {
    signal: stalled.signal,
    /** Something moved. */
    restart: () => void timer.refresh(),
    /** From now on the limit is another one. */
    continue(nextMilliseconds: number) {
      clearTimeout(timer);
      timer = setTimeout(() => stalled.abort(), nextMilliseconds);
    },
    end: () => clearTimeout(timer),
  };
}

async function* watchPieces(body: AsyncIterable<Uint8Array>, stall: Stall): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    stall.restart();
    yield piece;
  }
}

async function* readBody(body: Readable, stall: Stall, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of watchPieces(body, stall)) yield piece;
  } catch {
    signal.throwIfAborted();
    throw new ConnectError('dinero_unavailable', 'Dinero’s answer broke off or stood still');
  } finally {
    stall.end();
  }
}

function pairsOf(raw: string[]): [name: string, value: string][] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[index * 2] ?? '', raw[index * 2 + 1] ?? '']);
}
