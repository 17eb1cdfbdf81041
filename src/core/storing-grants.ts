// A refreshed grant is stored, however long that takes: the token that it replaces is spent already.

import { ConnectError, isConnectError } from './errors.ts';
import type { Ports } from './ports.ts';
import { heldPauseMilliseconds } from './refresh-schedule.ts';
import type { RunningWork } from './running-work.ts';
import type { ConnectionStore } from './stores.ts';

const quickTries = 3;
/** About a day; a grant that cannot be stored for so long is past saving. */
const mostTries = 90_000;

type Write = Parameters<ConnectionStore['saveRefreshed']>;

export function createStoring(
  ports: Pick<Ports, 'clock' | 'connections' | 'revocations' | 'watchRefresh'>,
  work: RunningWork,
) {
  const { clock, connections, revocations, watchRefresh } = ports;
  /** Connections whose new grant is in memory alone. */
  const held = new Set<string>();

  /**
   * As `saveRefreshed`, tried again whatever goes wrong. After a few tries whoever waits is told, with
   * database_unavailable or the bug that it is, and the trying goes on without them.
   */
  async function store(...write: Write): Promise<void> {
    const { id } = write[0];
    held.add(id);
    let failure: unknown = null;
    for (let tries = 1; tries <= quickTries; tries += 1) {
      failure = await trySaving(write);
      if (failure === null) {
        held.delete(id);
        return;
      }
      await clock.sleep(100 * 2 ** tries);
    }
    void work.track(storeLater(write));
    throw isConnectError(failure) ? createNotStored() : failure;
  }

  async function storeLater(write: Write): Promise<void> {
    const { id } = write[0];
    let failure: unknown = null;
    for (let tries = 1; tries <= mostTries; tries += 1) {
      await clock.sleep(heldPauseMilliseconds);
      failure = await trySaving(write);
      if (failure === null) break;
    }
    held.delete(id);
    if (failure !== null) {
      watchRefresh({ connectionId: id, outcome: 'unknown', message: 'a new grant could not be stored, and is lost' });
    }
  }

  /** What went wrong; null when nothing is left to be done. */
  async function trySaving(write: Write): Promise<unknown> {
    try {
      if (!(await connections.saveRefreshed(...write))) await revokeIfEnded(...write);
      return null;
    } catch (error) {
      return error;
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
