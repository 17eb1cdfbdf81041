// Refresh tokens that the provider still has to be told to revoke, sealed like every grant. Rows are made by
// connection-store, in the transaction that ends a connection.

import type { RevocationStore } from '../core/ports.ts';
import type { Database } from './database.ts';
import type { SealedPlace, Vault } from './vault.ts';

type Row = { id: string; sealed_refresh_token: string; due_at: string; tries: number };

export function placeOfRevocation(id: string): SealedPlace {
  return `revocations/${id}/refresh_token`;
}

export function createRevocationStore(database: Database, vault: Vault): RevocationStore {
  return {
    async listDue(now, limit) {
      const rows = await database.run((db) =>
        db<Row>('revocations').where('due_at', '<=', now.toISOString()).orderBy('due_at').limit(limit),
      );
      return Promise.all(
        rows.map(async ({ id, tries, sealed_refresh_token: sealed }) => ({
          id,
          tries,
          refreshToken: await vault.open(sealed, placeOfRevocation(id)),
        })),
      );
    },

    async postpone(id, until) {
      await database.run((db) =>
        db<Row>('revocations')
          .where({ id })
          .update({ due_at: until.toISOString(), tries: db.raw('tries + 1') }),
      );
    },

    async delete(id) {
      await database.run((db) => db<Row>('revocations').where({ id }).delete());
    },
  };
}
