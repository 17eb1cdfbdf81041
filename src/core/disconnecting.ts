// Ends a connection: local access at once, then the provider is told, as often as it takes (requirements, B5).

import type { Clock, DeploymentGuard, IdentityProvider } from './ports.ts';
import type { RunningWork } from './running-work.ts';
import type { ConnectionStore, RevocationStore } from './stores.ts';

export type Disconnecting = ReturnType<typeof createDisconnecting>;

/** `failed` will be tried again, `abandoned` will not: those tokens live until their end. */
export type RevocationOutcome = { failed: number; abandoned: number };

const maxTries = 12;
const batchSize = 20;

export function createDisconnecting(
  ports: {
    clock: Clock;
    identityProvider: IdentityProvider;
    connections: ConnectionStore;
    revocations: RevocationStore;
    deployment: DeploymentGuard;
  },
  work: RunningWork,
) {
  const { clock, identityProvider, connections, revocations, deployment } = ports;
  let round: Promise<void> | null = null;
  let outcome: RevocationOutcome = { failed: 0, abandoned: 0 };

  /**
   * Ends the user's connection; false when there was none. The provider is told at once, but nobody waits for that;
   * one that fails is told again later.
   */
  async function disconnect(userId: string): Promise<boolean> {
    if (!(await connections.disconnect(userId, clock.now()))) return false;
    // What fails here is still queued, and housekeeping reports what it meets.
    revokeOnce().catch(() => {});
    return true;
  }

  /** Tells the provider about the refresh tokens that are due; answers what failed since it was asked last. */
  async function revokeDue(): Promise<RevocationOutcome> {
    await revokeOnce();
    const report = outcome;
    outcome = { failed: 0, abandoned: 0 };
    return report;
  }

  /** Two rounds at once in one process would send the same tokens. */
  function revokeOnce(): Promise<void> {
    round ??= work.track(revokeRound()).finally(() => {
      round = null;
    });
    return round;
  }

  async function revokeRound(): Promise<void> {
    // In a copy of a database these tokens are the other deployment's, in use.
    if (!(await deployment.isOurs())) return;
    for (const { id, refreshToken, tries } of await revocations.listDue(clock.now(), batchSize)) {
      try {
        await identityProvider.revoke(refreshToken);
        await revocations.delete(id);
      } catch {
        await putOff(id, tries);
      }
    }
  }

  async function putOff(id: string, tries: number): Promise<void> {
    if (tries + 1 >= maxTries) {
      await revocations.delete(id);
      outcome.abandoned += 1;
    } else {
      await revocations.postpone(id, new Date(clock.now().getTime() + backoffSeconds(tries) * 1000));
      outcome.failed += 1;
    }
  }

  return { disconnect, revokeDue };
}

/** One minute, doubling, to twelve hours at most: about three days in all. */
function backoffSeconds(tries: number): number {
  return Math.min(60 * 2 ** tries, 12 * 3600);
}
