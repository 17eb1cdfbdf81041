// A database with users who are connected, many or few, and an app on it.

import { join, resolve } from 'node:path';
import { createApiKeyStore } from '../src/adapters/api-key-store.ts';
import { createConnectionStore } from '../src/adapters/connection-store.ts';
import { type Database, openDatabase } from '../src/adapters/database.ts';
import { createVault } from '../src/adapters/vault.ts';
import { createApiKeys } from '../src/core/api-keys.ts';
import { takeFreePort } from '../test/support/ports.ts';
import { startServer } from './servers.ts';

const keyBytes = new Uint8Array(32).fill(9);
/** As large as Visma Connect's are (facts, section 1). */
const accessToken = `eyJ${'a'.repeat(1_100)}`;
const clock = { now: () => new Date(), monotonic: () => performance.now(), sleep: async () => {} };
const organization = { id: '118244', name: 'RN', vatNumber: '12345678' };

export const tokenPathOf = (userId: string) => `/api/v1/users/${userId}/connections/dinero/token`;

/** Users u1, u2, … with a token that is fresh, and `others` whom nobody asks for. Answers an API key. */
export async function seedUsers(file: string, count: number, others = 0): Promise<string> {
  const database = openDatabase({ kind: 'sqlite', name: file, file });
  await database.migrate();
  const store = createConnectionStore(database, createVault([{ id: 'k1', bytes: keyBytes }]), { unreadable: () => {} });
  const now = new Date();
  const grant = {
    accessToken,
    refreshToken: 'f'.repeat(64),
    scope: ['dineropublicapi:read', 'dineropublicapi:write', 'offline_access'],
    expiresAt: new Date(now.getTime() + 24 * 3_600_000),
    obtainedAt: now,
  };
  const terms = { refreshExpiresAt: null, dueAt: null, subject: null, startedAt: now, now, events: [] };
  for (let number = 1; number <= count; number += 1) {
    const connection = await store.saveAuthorized(`u${number}`, grant, terms);
    if (!connection) throw new Error('not seeded');
    await store.chooseOrganization(connection, organization, now, null);
  }
  await copyFirst(database, others);
  const keys = createApiKeys({ clock, apiKeys: createApiKeyStore(database) });
  const { text } = await keys.create({ name: 'bench', scopes: ['tokens'], expiresAt: null });
  await database.close();
  return text;
}

/** Rows of the same size; what is sealed for another row would not open, and nobody asks. */
async function copyFirst(database: Database, count: number): Promise<void> {
  if (count === 0) return;
  const columns = Object.keys((await database.run((db) => db('connections').first())) as object);
  const taken = columns.map((column) =>
    column === 'id' || column === 'user_id' ? `'other-' || n` : `first.${column}`,
  );
  await database.run((db) =>
    db.raw(
      `with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})
       insert into connections (${columns.join(', ')})
       select ${taken.join(', ')} from numbers, (select * from connections limit 1) first`,
    ),
  );
}

/** Answers the port. */
export async function startAppOn(file: string, folder: string): Promise<number> {
  const port = await takeFreePort();
  await startServer(
    [resolve('src/main.ts')],
    {
      PORT: String(port),
      NODE_ENV: 'production',
      BASE_URL: `http://localhost:${port}`,
      DATABASE_URL: `sqlite:${join(folder, file)}`,
      VISMA_CLIENT_ID: 'isv_bench',
      VISMA_CLIENT_SECRET: 'secret',
      VISMA_ISSUER: 'https://connect.invalid',
      SESSION_SECRETS: 'a session secret of more than thirty-two characters',
      TOKEN_KEYS: `k1:${Buffer.from(keyBytes).toString('base64')}`,
      API_RATE_LIMIT: '100000000',
    },
    folder,
  );
  return port;
}
