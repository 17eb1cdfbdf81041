// Remembers connections that were just read, for hand-outs: reading and opening one costs several times what the rest
// of an answer does (decision 18). A write of this process is seen at once, another process's within a second.

import type { Clock } from '../core/ports.ts';
import type { ConnectionStore } from '../core/stores.ts';
import type { Connection } from '../core/types.ts';

const rememberedMilliseconds = 1_000;
const mostRemembered = 5_000;

/** The same store, with a `findRecent` that remembers. */
export function rememberRecentConnections(store: ConnectionStore, clock: Pick<Clock, 'monotonic'>): ConnectionStore {
  const recent = new Map<string, { connection: Connection; until: number }>();
  /** Of this process, begun and ended: a reading beside one of them may be of before it. */
  let writes = 0;

  function forget(userId: string): void {
    writes += 1;
    recent.delete(userId);
  }

  async function write<T>(userId: string, work: () => Promise<T>): Promise<T> {
    forget(userId);
    try {
      return await work();
    } finally {
      forget(userId);
    }
  }

  return {
    ...store,
    async findRecent(userId) {
      const known = recent.get(userId);
      if (known && known.until > clock.monotonic()) return known.connection;
      const writesBefore = writes;
      const connection = await store.findByUser(userId);
      if (recent.size >= mostRemembered) recent.clear();
      if (connection && writes === writesBefore) {
        recent.set(userId, { connection, until: clock.monotonic() + rememberedMilliseconds });
      }
      return connection;
    },
    saveAuthorized: (userId, ...rest) => write(userId, () => store.saveAuthorized(userId, ...rest)),
    disconnect: (userId, ...rest) => write(userId, () => store.disconnect(userId, ...rest)),
    takeLease: (one, ...rest) => write(one.userId, () => store.takeLease(one, ...rest)),
    renewLease: (one, ...rest) => write(one.userId, () => store.renewLease(one, ...rest)),
    releaseLease: (one, ...rest) => write(one.userId, () => store.releaseLease(one, ...rest)),
    saveRefreshed: (one, ...rest) => write(one.userId, () => store.saveRefreshed(one, ...rest)),
    chooseOrganization: (one, ...rest) => write(one.userId, () => store.chooseOrganization(one, ...rest)),
    markNeedsReconnect: (one, ...rest) => write(one.userId, () => store.markNeedsReconnect(one, ...rest)),
    reschedule: (one, ...rest) => write(one.userId, () => store.reschedule(one, ...rest)),
  };
}
