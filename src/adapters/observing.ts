// What is looked at while metrics are being read: the counts of the database and whether this process is ready. Whoever
// reads gets an answer in time, whatever the database and the provider do.

import type { Clock } from '../core/ports.ts';
import type { Counts } from './counts.ts';

export type Check = { name: string; check: () => Promise<void> };

/** `counts` is null while the database does not tell; a check that does not answer in time is not ready. */
export type Observation = { counts: Counts | null; ready: Record<string, boolean> };

/** Prometheus gives up after ten seconds. */
const limitMilliseconds = 3_000;
const keptMilliseconds = 5_000;
/** Counting takes a hundredth of the time at most, however large the database is; and is not older than a minute. */
const keptTimes = 100;
const longestKeptMilliseconds = 60_000;

export function createObserving(
  clock: Clock,
  { checks, readCounts }: { checks: Check[]; readCounts: (now: Date) => Promise<Counts> },
) {
  let last: Promise<Observation> | null = null;
  let lastUntil = 0;
  let counted: { counts: Counts; until: number } | null = null;

  /** What was seen within the last seconds, or a new look; everybody who asks meanwhile shares it. */
  function observe(): Promise<Observation> {
    if (last && clock.monotonic() < lastUntil) return last;
    lastUntil = Number.POSITIVE_INFINITY;
    last = look().finally(() => {
      lastUntil = clock.monotonic() + keptMilliseconds;
    });
    return last;
  }

  async function look(): Promise<Observation> {
    const limit = new AbortController();
    const tooLate = clock.sleep(limitMilliseconds, limit.signal);
    const [counts, ...ready] = await Promise.all([
      answerBefore(tooLate, count(), null),
      ...checks.map(async ({ name, check }) => [name, await answerBefore(tooLate, succeeds(check), false)] as const),
    ]);
    limit.abort();
    return { counts, ready: Object.fromEntries(ready) };
  }

  async function count(): Promise<Counts> {
    const started = clock.monotonic();
    if (counted && started < counted.until) return counted.counts;
    const counts = await readCounts(clock.now());
    const ended = clock.monotonic();
    const kept = Math.min((ended - started) * keptTimes, longestKeptMilliseconds);
    counted = { counts, until: ended + kept };
    return counts;
  }

  return { observe };
}

async function succeeds(check: Check['check']): Promise<boolean> {
  await check();
  return true;
}

/** `otherwise` when the time is over, and when it fails. */
function answerBefore<T, O>(tooLate: Promise<void>, asked: Promise<T>, otherwise: O): Promise<T | O> {
  return Promise.race([asked, tooLate.then(() => otherwise)]).catch(() => otherwise);
}
