// A clock that stands still until a test moves it.

import type { Clock } from '../../src/core/ports.ts';

export type FixedClock = Clock & { advance(seconds: number): void };

export function createFixedClock(start = new Date()): FixedClock {
  let current = start.getTime();
  return {
    now: () => new Date(current),
    sleep: () => new Promise((resolve) => setTimeout(resolve, 20)),
    advance(seconds) {
      current += seconds * 1000;
    },
  };
}
