// Ends a connection: local access at once, then the provider is told, as often as it takes (requirements, B5).

import type { Clock, ConnectionStore, EventStore, IdentityProvider, RevocationStore } from './ports.ts';

export type Disconnecting = ReturnType<typeof createDisconnecting>;

const maxTries = 12;
const batchSize = 20;

export function createDisconnecting(ports: {
  clock: Clock;
  identityProvider: IdentityProvider;
  connections: ConnectionStore;
  revocations: RevocationStore;
  events: EventStore;
}) {
  const { clock, identityProvider, connections, revocations, events } = ports;

  /** Ends the user's connection. False when there was none. A provider that fails is asked again later. */
  async function disconnect(userId: string): Promise<boolean> {
    const connection = await connections.findByUser(userId);
    const now = clock.now();
    if (connection === null || !(await connections.disconnect(userId, now))) return false;
    await events.append(connection.id, 'disconnected', now);
    await revokeDue();
    return true;
  }

  /** Tells the provider about the refresh tokens that are due; answers how many could not be told this time. */
  async function revokeDue(): Promise<{ failed: number; abandoned: number }> {
    const outcome = { failed: 0, abandoned: 0 };
    for (const { id, refreshToken, tries } of await revocations.listDue(clock.now(), batchSize)) {
      try {
        await identityProvider.revoke(refreshToken);
        await revocations.delete(id);
      } catch {
        if (tries + 1 >= maxTries) {
          await revocations.delete(id);
          outcome.abandoned += 1;
        } else {
          await revocations.postpone(id, new Date(clock.now().getTime() + backoffSeconds(tries) * 1000));
          outcome.failed += 1;
        }
      }
    }
    return outcome;
  }

  return { disconnect, revokeDue };
}

/** One minute, doubling, to twelve hours at most: about three days in all. */
function backoffSeconds(tries: number): number {
  return Math.min(60 * 2 ** tries, 12 * 3600);
}
