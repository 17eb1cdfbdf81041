// Refresh tokens that the provider still has to be told to revoke, sealed like every grant.

import { randomUUID } from 'node:crypto';
import type { RevocationStore } from '../core/stores.ts';
import type { Database } from './database.ts';
import { type SealedPlace, type Vault, VaultError } from './vault.ts';

export type RevocationRow = {
  id: string;
  sealed_refresh_token: string;
  key_id: string;
  due_at: string;
  tries: number;
};

export function placeOfRevocation(id: string): SealedPlace {
  return `revocations/${id}/refresh_token`;
}

/** A row for a token that is due now; connection-store inserts one in the transaction that ends a connection. */
export async function sealRevocation(vault: Vault, refreshToken: string, now: Date): Promise<RevocationRow> {
  const id = randomUUID();
  return {
    id,
    sealed_refresh_token: await vault.seal(refreshToken, placeOfRevocation(id)),
    key_id: vault.sealingKeyId,
    due_at: now.toISOString(),
    tries: 0,
  };
}

/** `onUnreadable` hears of a token that does not open; it is dropped, for nobody can revoke it any more. */
export function createRevocationStore(
  database: Database,
  vault: Vault,
  onUnreadable: (revocationId: string, error: VaultError) => void,
): RevocationStore {
  const drop = (id: string) => database.run((db) => db<RevocationRow>('revocations').where({ id }).delete());

  async function open({ id, tries, sealed_refresh_token: sealed }: RevocationRow) {
    try {
      return [{ id, tries, refreshToken: await vault.open(sealed, placeOfRevocation(id)) }];
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
      onUnreadable(id, error);
      await drop(id);
      return [];
    }
  }

  return {
    async add(refreshToken, now) {
      const row = await sealRevocation(vault, refreshToken, now);
      await database.run((db) => db<RevocationRow>('revocations').insert(row));
    },

    async listDue(now, limit) {
      const rows = await database.run((db) =>
        db<RevocationRow>('revocations').where('due_at', '<=', now.toISOString()).orderBy('due_at').limit(limit),
      );
      return (await Promise.all(rows.map(open))).flat();
    },

    async postpone(id, until) {
      await database.run((db) =>
        db<RevocationRow>('revocations')
          .where({ id })
          .update({ due_at: until.toISOString(), tries: db.raw('tries + 1') }),
      );
    },

    async delete(id) {
      await drop(id);
    },
  };
}
