// A refreshed grant is stored, however long that takes: the token that it replaces is spent already.

import { ConnectError, isConnectError } from './errors.ts';
import type { ConnectionStore, Ports } from './ports.ts';
import type { RunningWork } from './running-work.ts';

const quickTries = 3;
/** Short, for the process may be asked to stop, and has 25 seconds then. */
const longestPauseMilliseconds = 5_000;
/** About a day; a grant that cannot be stored for so long is past saving. */
const mostTries = 17_000;

type Write = Parameters<ConnectionStore['saveRefreshed']>;

export function createStoring(ports: Pick<Ports, 'clock' | 'connections' | 'revocations'>, work: RunningWork) {
  const { clock, connections, revocations } = ports;
  /** Connections whose new grant is in memory alone. */
  const held = new Set<string>();

  /**
   * As `saveRefreshed`, tried again while the database does not take it. After a few tries whoever waits is told, with
   * database_unavailable, and the trying goes on without them.
   */
  async function store(...write: Write): Promise<void> {
    for (let tries = 1; tries <= quickTries; tries += 1) {
      if (await trySaving(write)) return;
      await clock.sleep(100 * 2 ** tries);
    }
    const { id } = write[0];
    held.add(id);
    work
      .track(storeLater(write))
      .catch(() => {})
      .finally(() => held.delete(id));
    throw createNotStored();
  }

  async function storeLater(write: Write): Promise<void> {
    for (let tries = 1; tries <= mostTries; tries += 1) {
      await clock.sleep(Math.min(500 * 2 ** tries, longestPauseMilliseconds));
      if (await trySaving(write)) return;
    }
  }

  /** True when nothing is left to be done; false when the database does not take it now. */
  async function trySaving(write: Write): Promise<boolean> {
    try {
      if (!(await connections.saveRefreshed(...write))) await revokeIfEnded(...write);
      return true;
    } catch (error) {
      if (isConnectError(error, 'database_unavailable')) return false;
      throw error;
    }
  }

  /** The connection ended while the answer was on its way: what came with it is to be revoked, too. */
  async function revokeIfEnded({ userId }: Write[0], { refreshToken }: Write[1], { now }: Write[2]): Promise<void> {
    const current = await connections.findByUser(userId);
    if (current?.status === 'disconnected' && refreshToken !== null) await revocations.add(refreshToken, now);
  }

  /** Throws database_unavailable while a newer grant of this connection waits to be stored: the older one is spent. */
  function refuseHeld(connectionId: string): void {
    if (held.has(connectionId)) throw createNotStored();
  }

  return { store, refuseHeld };
}

function createNotStored(): ConnectError {
  return new ConnectError('database_unavailable', 'a refreshed grant waits to be stored; it is tried again');
}
