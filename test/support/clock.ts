// A clock that stands still until a test moves it.

import type { Clock } from '../../src/core/ports.ts';

export type FixedClock = Clock & { advance(seconds: number): void };

/** Pauses up to this long are between two looks at something that goes on for real; longer ones end with `advance`. */
const longestPauseMilliseconds = 1_000;

export function createFixedClock(start = new Date()): FixedClock {
  let current = start.getTime();
  const sleepers = new Set<{ until: number; wake: () => void }>();

  function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleeper = { until: current + milliseconds, wake: resolve };
      signal?.addEventListener('abort', () => {
        sleepers.delete(sleeper);
        resolve();
      });
      if (milliseconds <= longestPauseMilliseconds) setTimeout(resolve, Math.min(20, milliseconds));
      else sleepers.add(sleeper);
    });
  }

  return {
    now: () => new Date(current),
    monotonic: () => current,
    sleep,
    advance(seconds) {
      current += seconds * 1000;
      for (const sleeper of [...sleepers].filter(({ until }) => until <= current)) {
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
  };
}
