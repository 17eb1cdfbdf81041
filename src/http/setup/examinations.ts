// The last examination of this process: making one costs requests to Visma Connect and Dinero, looking at it does not.

import type { Doctor, Finding } from '../../core/findings.ts';
import type { Clock } from '../../core/ports.ts';

export type Examination = { findings: Finding[]; at: Date };

/** Without a doctor there is never one. */
export function createExaminations(doctor: Doctor | undefined, clock: Clock) {
  let latest: Examination | null = null;
  let running: Promise<Examination> | null = null;

  async function examine({ examine }: Doctor): Promise<Examination> {
    latest = { findings: await examine(), at: clock.now() };
    return latest;
  }

  /** A new one; whoever asks while one is made gets that one. */
  async function renew(): Promise<Examination | null> {
    if (!doctor) return null;
    running ??= examine(doctor).finally(() => {
      running = null;
    });
    return running;
  }

  return { renew, last: async () => latest ?? renew(), peek: () => latest };
}
