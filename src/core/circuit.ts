// While the provider refuses our own client, asking again for every user would only get the client blocked: one
// question a minute goes through, the others are answered here (design, section 7, rule 6).

import { ConnectError } from './errors.ts';
import type { Clock } from './ports.ts';

export type Circuit = ReturnType<typeof createCircuit>;

const probeMilliseconds = 60_000;

export function createCircuit(clock: Clock) {
  let refusal: { message: string; nextProbe: number } | null = null;

  /** Throws client_rejected while the circuit is open, but for one caller a minute. */
  function check(): void {
    if (refusal === null) return;
    const left = refusal.nextProbe - clock.monotonic();
    if (left > 0) throw new ConnectError('client_rejected', refusal.message, Math.ceil(left / 1000));
    refusal.nextProbe = clock.monotonic() + probeMilliseconds;
  }

  function open(message: string): void {
    refusal = { message, nextProbe: clock.monotonic() + probeMilliseconds };
  }

  function close(): void {
    refusal = null;
  }

  return { check, open, close };
}
