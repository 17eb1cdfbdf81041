// So many calls in any stretch of time, for each line of callers: first come, first served. Who would have to wait too
// long is told at once for how long. Knows nothing of what is called; in one process.

import { ConnectError } from './errors.ts';
import type { Clock } from './ports.ts';

export type Quota = ReturnType<typeof createQuota>;

export type QuotaLimits = { calls: number; windowMilliseconds: number; longestWaitMilliseconds: number };

type Waiting = { since: number; go(): void; refuse(error: ConnectError): void };

/** `started`: when the calls of the last window began, the oldest first. `deserted` is aborted when nobody waits any more. */
type Line = { started: number[]; waiting: Waiting[]; restsUntil: number; deserted: AbortController; serving: boolean };

export function createQuota(clock: Clock, limits: QuotaLimits) {
  const { calls, windowMilliseconds, longestWaitMilliseconds } = limits;
  const lines = new Map<string, Line>();
  let cleanedAt = clock.monotonic();

  /**
   * Resolves when a call of this line may begin, to the milliseconds that it waited. Throws dinero_quota_exhausted with
   * the seconds after which there is a place, and the signal's reason when the caller gives up.
   */
  async function take(name: string, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    forgetIdle();
    const line = findLine(name);
    const since = clock.monotonic();
    const wait = freeAt(line, line.waiting.length) - since;
    // No line grows beyond `calls`: whoever stands behind so many waits for a second window.
    if (wait > longestWaitMilliseconds) throw createExhausted(wait);
    if (wait > 0 || line.waiting.length > 0) await join(line, since, signal);
    else line.started.push(since);
    return clock.monotonic() - since;
  }

  /** Lets no call of this line begin for so many seconds; who would now wait too long is refused. */
  function rest(name: string, seconds: number): void {
    const line = findLine(name);
    const now = clock.monotonic();
    line.restsUntil = Math.max(line.restsUntil, now + seconds * 1000);
    const staying: Waiting[] = [];
    for (const one of line.waiting) {
      const at = freeAt(line, staying.length);
      if (at - one.since <= longestWaitMilliseconds) staying.push(one);
      else one.refuse(createExhausted(at - now));
    }
    keepWaiting(line, staying);
  }

  /** When the call at this place of the queue may begin, if nobody before it leaves. */
  function freeAt(line: Line, position: number): number {
    if (position >= calls) return freeAt(line, position - calls) + windowMilliseconds;
    const now = clock.monotonic();
    while (line.started[0] !== undefined && line.started[0] <= now - windowMilliseconds) line.started.shift();
    const before = line.started[position - calls + line.started.length];
    return Math.max(now, line.restsUntil, before === undefined ? now : before + windowMilliseconds);
  }

  function join(line: Line, since: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        signal.removeEventListener('abort', leave);
        end();
      };
      const waiting: Waiting = {
        since,
        go: () => settle(resolve),
        refuse: (error) => settle(() => reject(error)),
      };
      const leave = () => {
        keepWaiting(
          line,
          line.waiting.filter((one) => one !== waiting),
        );
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      line.waiting.push(waiting);
      if (!line.serving) void serve(line);
    });
  }

  function keepWaiting(line: Line, waiting: Waiting[]): void {
    line.waiting = waiting;
    if (waiting.length === 0) line.deserted.abort();
  }

  async function serve(line: Line): Promise<void> {
    line.serving = true;
    while (line.waiting.length > 0) {
      const wait = freeAt(line, 0) - clock.monotonic();
      if (wait > 0) {
        line.deserted = new AbortController();
        await clock.sleep(wait, line.deserted.signal);
      } else {
        line.started.push(clock.monotonic());
        line.waiting.shift()?.go();
      }
    }
    line.serving = false;
  }

  function findLine(name: string): Line {
    const line = lines.get(name) ?? {
      started: [],
      waiting: [],
      restsUntil: Number.NEGATIVE_INFINITY,
      deserted: new AbortController(),
      serving: false,
    };
    lines.set(name, line);
    return line;
  }

  function forgetIdle(): void {
    const now = clock.monotonic();
    if (now - cleanedAt < windowMilliseconds) return;
    cleanedAt = now;
    for (const [name, { started, waiting, restsUntil }] of lines) {
      const last = started.at(-1) ?? Number.NEGATIVE_INFINITY;
      if (waiting.length === 0 && restsUntil <= now && last <= now - windowMilliseconds) lines.delete(name);
    }
  }

  return { take, rest, lines: () => lines.size };
}

function createExhausted(waitMilliseconds: number): ConnectError {
  const seconds = Math.max(1, Math.ceil(waitMilliseconds / 1000));
  return new ConnectError('dinero_quota_exhausted', 'too many calls to Dinero for one organization', seconds);
}
