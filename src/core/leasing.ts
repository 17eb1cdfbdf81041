// The right to refresh one generation of a grant: taken, kept prolonged while it is used, and never relied on longer
// than it surely lasts.

import { randomUUID } from 'node:crypto';
import type { Clock } from './ports.ts';
import { leaseMilliseconds, sendLimitMilliseconds } from './refresh-schedule.ts';
import type { ConnectionStore } from './stores.ts';
import type { Connection } from './types.ts';

const renewEveryMilliseconds = leaseMilliseconds / 3;

export type HeldLease = {
  owner: string;
  /** True while the lease surely is ours. A process that was stopped finds out here that time went on. */
  maySend(): boolean;
  /** Prolongs it now. False when it is not ours any more, or the database does not say. */
  renew(): Promise<boolean>;
  /** Stops prolonging it. */
  end(): Promise<void>;
};

export function createLeasing(clock: Clock, connections: Pick<ConnectionStore, 'takeLease' | 'renewLease'>) {
  /** Null when somebody else has it, or the grant has changed. Throws database_unavailable. */
  async function take(connection: Connection): Promise<HeldLease | null> {
    const owner = randomUUID();
    let term = beginTerm();
    if (!(await connections.takeLease(connection, { owner, until: term.until }, clock.now()))) return null;
    const ended = new AbortController();

    let lost = false;

    async function renew(): Promise<boolean> {
      const next = beginTerm();
      try {
        const renewed = await connections.renewLease(connection, { owner, until: next.until });
        if (renewed) term = next;
        else lost = true;
        return renewed;
      } catch {
        // It runs out: `maySend` notices, and the save is fenced by the generation.
        return false;
      }
    }

    async function keep(): Promise<void> {
      for (;;) {
        await clock.sleep(renewEveryMilliseconds, ended.signal);
        if (ended.signal.aborted) return;
        await renew();
      }
    }

    /** By two clocks: one stands still while a machine sleeps, the other one may be set. */
    function maySend(): boolean {
      const spent = [clock.monotonic() - term.startedMonotonic, clock.now().getTime() - term.started];
      return !lost && spent.every((milliseconds) => milliseconds >= 0 && milliseconds < sendLimitMilliseconds);
    }

    const keeping = keep();
    return {
      owner,
      maySend,
      renew,
      end() {
        ended.abort();
        return keeping;
      },
    };
  }

  /** Begins before the database is asked, so that it never seems to last longer than it does. */
  function beginTerm() {
    const now = clock.now().getTime();
    return { started: now, startedMonotonic: clock.monotonic(), until: new Date(now + leaseMilliseconds) };
  }

  return { take };
}
