// The real store of connections, with the steps of the refresh protocol told before and after.

import { createConnectionStore as createReal } from '../../src/adapters/connection-store.ts';
import type { ConnectionStore } from '../../src/core/stores.ts';
import type { Connection } from '../../src/core/types.ts';
import { type Facts, fingerprint, note, reach } from './steps.ts';

export * from '../../src/adapters/connection-store.ts';

export function createConnectionStore(...needs: Parameters<typeof createReal>): ConnectionStore {
  const store = createReal(...needs);
  return {
    ...store,

    async takeLease(connection, lease, now) {
      const facts = factsOf(connection);
      reach('before_lease', facts);
      const taken = await store.takeLease(connection, lease, now);
      if (taken) reach('after_lease', facts);
      else note('lease_refused', facts);
      return taken;
    },

    async releaseLease(connection, owner, rest, event) {
      const written = await store.releaseLease(connection, owner, rest, event);
      note('released', { ...factsOf(connection), written });
      return written;
    },

    async saveRefreshed(connection, grant, terms) {
      const facts = { ...factsOf(connection), successor: fingerprint(grant.refreshToken) };
      reach('before_commit', facts);
      reach('during_commit', facts);
      try {
        const written = await store.saveRefreshed(connection, grant, terms);
        reach('after_commit', { ...facts, written });
        return written;
      } catch (error) {
        note('commit_failed', { ...facts, message: error instanceof Error ? error.message : String(error) });
        throw error;
      }
    },

    async saveAuthorized(userId, grant, terms) {
      const saved = await store.saveAuthorized(userId, grant, terms);
      if (saved) {
        const { id: connection, generation } = saved;
        // Told as what it replaces, as a refresh is.
        note('authorized', { connection, generation: generation - 1, successor: fingerprint(grant.refreshToken) });
      }
      return saved;
    },
  };
}

function factsOf({ id, generation, grant }: Connection): Facts {
  return { connection: id, generation, token: fingerprint(grant?.refreshToken ?? null) };
}
