// Dinero's quota: so many calls a minute for each organization and client.

import type { SandboxSettings } from './types.ts';

const MINUTE_MS = 60_000;

export type RateLimit = {
  /** Counts one call; 0 when it may go on. */
  secondsToWait(key: string): number;
  reset(): void;
};

export function createRateLimit(settings: SandboxSettings): RateLimit {
  const windows = new Map<string, { endsAt: number; calls: number }>();
  return {
    secondsToWait(key) {
      const now = Date.now();
      const known = windows.get(key);
      const window = known && known.endsAt > now ? known : { endsAt: now + MINUTE_MS, calls: 0 };
      windows.set(key, window);
      window.calls += 1;
      return window.calls > settings.dineroCallsAMinute ? Math.ceil((window.endsAt - now) / 1000) : 0;
    },
    reset: () => windows.clear(),
  };
}
