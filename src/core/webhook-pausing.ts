// A receiver that is down is left alone but for one message at a time, with growing pauses; nothing else is tried, so
// that the queue is still young when the receiver is back.

import type { Clock } from './ports.ts';

const troublesToPause = 5;
const firstPauseSeconds = 5;
const longestPauseSeconds = 60;
const longestAskedSeconds = 600;

export function createWebhookPausing(clock: Pick<Clock, 'monotonic'>) {
  let troubles = 0;
  let pauseSeconds = firstPauseSeconds;
  let pausedUntil = Number.NEGATIVE_INFINITY;
  let probing = false;

  const isPaused = () => clock.monotonic() < pausedUntil;

  /** Asked before each message: `no` message may be sent now, or a single one as a probe, or any number. */
  function ask(): 'no' | 'probe' | 'any' {
    if (isPaused() || probing) return 'no';
    if (troubles < troublesToPause) return 'any';
    probing = true;
    return 'probe';
  }

  /** The message that `ask` let through as a probe has ended, in whatever way. */
  function endProbe(): void {
    probing = false;
  }

  function noteDelivery(): void {
    troubles = 0;
    pauseSeconds = firstPauseSeconds;
  }

  /** `askedSeconds` is what the receiver asked for with `Retry-After`; null when it did not. */
  function noteTrouble(askedSeconds: number | null): void {
    troubles += 1;
    const asked = Math.min(askedSeconds ?? 0, longestAskedSeconds);
    // Those that were on their way when a pause began say nothing new.
    const grown = troubles >= troublesToPause && !isPaused() ? pauseSeconds : 0;
    if (grown > 0) pauseSeconds = Math.min(pauseSeconds * 2, longestPauseSeconds);
    if (Math.max(asked, grown) > 0) {
      pausedUntil = Math.max(pausedUntil, clock.monotonic() + Math.max(asked, grown) * 1000);
    }
  }

  return { ask, endProbe, noteDelivery, noteTrouble };
}
