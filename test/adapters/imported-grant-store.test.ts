import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createImportedGrantStore } from '../../src/adapters/imported-grant-store.ts';
import { createVault } from '../../src/adapters/vault.ts';
import { openTestDatabase } from '../support/databases.ts';
import { authorize, authorizedTerms, grantNumbered } from '../support/grants.ts';
import { createSqlStores, testKey } from '../support/sql-stores.ts';

// What imported grants are in SQL beyond what every store of them promises.

const now = new Date('2026-11-20T10:00:00.000Z');
const later = new Date('2026-11-20T11:00:00.000Z');
const imported = (userId: string) => ({
  userId,
  refreshToken: `refresh-of-${userId}`,
  scope: ['dineropublicapi:read', 'offline_access'],
  organizationId: '118244',
});

let sql: Awaited<ReturnType<typeof openTestDatabase>>;
let stores: ReturnType<typeof createSqlStores>;
beforeEach(async () => {
  sql = await openTestDatabase();
  stores = createSqlStores(sql.database);
  await stores.importedGrants.insertAll(['u1', 'u2'].map(imported), now, () => {});
});
afterEach(() => sql.remove());

type Row = { user_id: string; sealed_refresh_token: string };
const sealedOf = async (userId: string) =>
  (await sql.database.run((db) => db<Row>('imported_grants').where({ user_id: userId }).first()))?.sealed_refresh_token;

test('a token is sealed for its own row: in another one it does not open, and the others go on', async () => {
  const sealed = await sealedOf('u2');
  expect(sealed).not.toContain('refresh');
  await sql.database.run((db) =>
    db('imported_grants').where({ user_id: 'u1' }).update({ sealed_refresh_token: sealed }),
  );
  expect((await stores.importedGrants.list(null, 10)).map(({ refreshToken }) => refreshToken)).toEqual([
    null,
    'refresh-of-u2',
  ]);
});

test.each([
  ['connects for the first time', false],
  ['connects again', true],
])('a user who %s while the grant is being activated keeps that, and the grant waits on', async (_what, again) => {
  if (again) {
    await authorize(stores, 'u1', grantNumbered(1, now), authorizedTerms(new Date('2026-11-20T08:00:00.000Z')));
    await stores.connections.disconnect('u1', new Date('2026-11-20T09:00:00.000Z'));
  }
  const vault = createVault([testKey]);
  let connected = false;
  const slow = createImportedGrantStore(sql.database, {
    ...vault,
    async seal(...values) {
      if (!connected) await authorize(stores, 'u1', grantNumbered(2, now), authorizedTerms(now));
      connected = true;
      return vault.seal(...values);
    },
  });
  const terms = { now: later, dueAt: later, events: [{ type: 'authorized' as const }] };
  expect(await slow.activate({ ...imported('u1'), importedAt: now }, terms)).toBe(false);
  expect((await stores.connections.findByUser('u1'))?.grant?.refreshToken).toBe('refresh-2');
  expect(await stores.importedGrants.count()).toEqual({ waiting: 2, activated: 0 });
});

test('every line that an activation brings is told of once it is stored', async () => {
  const terms = { now: later, dueAt: later, events: [{ type: 'authorized' as const }] };
  await stores.importedGrants.activate({ ...imported('u1'), importedAt: now }, terms);
  await stores.importedGrants.activate({ ...imported('u1'), importedAt: now }, terms);
  const { id } = (await stores.connections.findByUser('u1')) ?? {};
  expect(stores.written).toEqual([{ connectionId: id, event: { type: 'authorized' } }]);
});
