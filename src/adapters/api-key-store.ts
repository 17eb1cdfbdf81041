// Keys of the integrator's backends in SQL: the hash of each secret, never the secret.

import type { ApiKey, ApiScope } from '../core/integrator-types.ts';
import type { ApiKeyStore } from '../core/stores.ts';
import { toDate } from './connection-row.ts';
import type { Database } from './database.ts';

type Row = {
  id: string;
  name: string;
  scopes: string;
  secret_hash: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  used_at: string | null;
};

export function createApiKeyStore(database: Database): ApiKeyStore {
  return {
    async insert(key) {
      await database.run((db) =>
        db<Row>('api_keys').insert({
          id: key.id,
          name: key.name,
          scopes: key.scopes.join(' '),
          secret_hash: key.secretHash,
          created_at: key.createdAt.toISOString(),
          expires_at: key.expiresAt?.toISOString() ?? null,
          revoked_at: null,
          used_at: null,
        }),
      );
    },

    async find(id) {
      const row = await database.run((db) => db<Row>('api_keys').where({ id }).first());
      return row ? toApiKey(row) : null;
    },

    async list() {
      const rows = await database.run((db) => db<Row>('api_keys').orderBy(['created_at', 'id']));
      return rows.map(toApiKey);
    },

    async revoke(id, now) {
      const count = await database.run((db) =>
        db<Row>('api_keys').where({ id, revoked_at: null }).update({ revoked_at: now.toISOString() }),
      );
      return count === 1;
    },

    async markUsed(id, now) {
      await database.run((db) => db<Row>('api_keys').where({ id }).update({ used_at: now.toISOString() }));
    },
  };
}

function toApiKey(row: Row): ApiKey {
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes.split(' ') as ApiScope[],
    secretHash: row.secret_hash,
    createdAt: new Date(row.created_at),
    expiresAt: toDate(row.expires_at),
    revokedAt: toDate(row.revoked_at),
    usedAt: toDate(row.used_at),
  };
}
