// Which user a verified identity names, in SQL.

import { randomUUID } from 'node:crypto';
import { ConnectError } from '../core/errors.ts';
import type { IdentityStore } from '../core/stores.ts';
import type { Database } from './database.ts';

type Row = { issuer: string; subject: string; user_id: string; first_seen_at: string };

export function createIdentityStore(database: Database): IdentityStore {
  return {
    async nameUser({ issuer, subject }, candidateUserId, now) {
      for (const userId of [candidateUserId, randomUUID()]) {
        // Ignores a conflict of either kind: the identity is known, or the candidate is somebody else's.
        // The grant that comes next is synced, and takes this along.
        const [named] = await database.runUnsynced((db) =>
          db<Row>('identities')
            .insert({ issuer, subject, user_id: userId, first_seen_at: now.toISOString() })
            .onConflict()
            .ignore()
            .returning('user_id'),
        );
        if (named) return named.user_id;
        const row = await database.run((db) => db<Row>('identities').where({ issuer, subject }).first());
        if (row) return row.user_id;
      }
      throw new ConnectError('database_unavailable', 'an identity could not be stored');
    },
  };
}
