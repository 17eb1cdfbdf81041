import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Grant } from '../../src/core/types.ts';
import { openTestDatabase } from '../support/databases.ts';
import { authorizedTerms } from '../support/grants.ts';
import { createSqlStores, testKey } from '../support/sql-stores.ts';

type Sql = Awaited<ReturnType<typeof openTestDatabase>>;
let sql: Sql;
beforeEach(async () => {
  sql = await openTestDatabase();
});
afterEach(() => sql.remove());

const now = new Date('2026-11-20T10:00:00.000Z');
const terms = authorizedTerms(now);
const otherKey = { id: 'k2', bytes: new Uint8Array(32).fill(9) };
const grantOf = (name: string): Grant => ({
  accessToken: `access-of-${name}`,
  refreshToken: `refresh-of-${name}`,
  scope: ['dineropublicapi:read'],
  expiresAt: now,
  obtainedAt: now,
});

async function twoConnections() {
  const stores = createSqlStores(sql.database);
  await stores.connections.saveAuthorized('anna', grantOf('anna'), terms);
  await stores.connections.saveAuthorized('bo', grantOf('bo'), terms);
  return stores;
}

type Row = { user_id: string; sealed_access_token: string; sealed_refresh_token: string };
const rowOf = (user: string) => sql.database.run((db) => db<Row>('connections').where({ user_id: user }).first());
const change = (user: string, fields: Partial<Row>) =>
  sql.database.run((db) => db<Row>('connections').where({ user_id: user }).update(fields));

test('a grant copied from one row to another is refused, counted, and costs that user alone', async () => {
  const { connections, unreadable } = await twoConnections();
  const bo = await rowOf('bo');
  await change('anna', { sealed_refresh_token: bo?.sealed_refresh_token ?? '' });
  expect(await connections.findByUser('anna')).toMatchObject({
    status: 'needs_reconnect',
    reason: 'grant_unreadable',
    grant: null,
  });
  expect(await connections.findByUser('bo')).toMatchObject({ grant: grantOf('bo') });
  expect(unreadable).toMatchObject([{ reason: 'damaged' }]);
});

test('a grant moved to another field of its row is refused', async () => {
  const { connections } = await twoConnections();
  const anna = await rowOf('anna');
  await change('anna', { sealed_access_token: anna?.sealed_refresh_token ?? '' });
  expect(await connections.findByUser('anna')).toMatchObject({ reason: 'grant_unreadable' });
});

test('a user whose grant does not open can connect again, and can disconnect', async () => {
  const { connections } = await twoConnections();
  for (const user of ['anna', 'bo']) await change(user, { sealed_access_token: 'broken' });
  expect(await connections.saveAuthorized('anna', grantOf('anna'), terms)).toMatchObject({
    grant: grantOf('anna'),
  });
  expect(await connections.disconnect('bo', now)).toBe(true);
});

test('what was sealed with a key that is gone stops the start, says which, and changes nothing', async () => {
  await twoConnections();
  const before = await rowOf('anna');
  const { checkKeys } = createSqlStores(sql.database, [otherKey]);
  await expect(checkKeys()).rejects.toMatchObject({
    code: 'misconfigured',
    message: expect.stringContaining('"k1"'),
  });
  await expect(createSqlStores(sql.database, [{ ...otherKey, id: 'k1' }]).checkKeys()).rejects.toMatchObject({
    code: 'misconfigured',
  });
  expect(await rowOf('anna')).toEqual(before);
});

test('after a rotation old and new grants open, and the start goes on', async () => {
  await twoConnections();
  const { connections, checkKeys } = createSqlStores(sql.database, [otherKey, testKey]);
  await checkKeys();
  await connections.saveAuthorized('carla', grantOf('carla'), terms);
  await checkKeys();
  expect(await connections.findByUser('anna')).toMatchObject({ grant: grantOf('anna') });
  expect(await connections.findByUser('carla')).toMatchObject({ grant: grantOf('carla') });
});

test('an empty database starts with any key', async () => {
  await createSqlStores(sql.database, [otherKey]).checkKeys();
});

test('one damaged row does not stop the start of everybody else', async () => {
  const { checkKeys } = await twoConnections();
  await change('anna', { sealed_access_token: 'broken' });
  await checkKeys();
});

test('a disconnected row holds nothing sealed', async () => {
  const { connections } = await twoConnections();
  await connections.disconnect('anna', now);
  expect(await rowOf('anna')).toMatchObject({
    sealed_access_token: null,
    sealed_refresh_token: null,
    key_id: null,
    scope: '',
    organization_id: null,
    refresh_expires_at: null,
  });
});

test('a revocation that does not open is dropped and reported, and the others go on', async () => {
  const { connections, revocations, dropped } = await twoConnections();
  await connections.disconnect('anna', now);
  await sql.database.run((db) => db('revocations').update({ sealed_refresh_token: 'broken' }));
  await connections.disconnect('bo', now);
  expect(await revocations.listDue(now, 10)).toMatchObject([{ refreshToken: 'refresh-of-bo' }]);
  expect(dropped).toHaveLength(1);
  expect(await sql.database.run((db) => db('revocations'))).toHaveLength(1);
});

test('a revocation that is sealed with a key that is gone stops the start', async () => {
  const { connections } = await twoConnections();
  for (const user of ['anna', 'bo']) await connections.disconnect(user, now);
  await expect(createSqlStores(sql.database, [otherKey]).checkKeys()).rejects.toMatchObject({ code: 'misconfigured' });
});

test('an attempt whose secrets do not open is not exchanged with others', async () => {
  const { attempts } = await twoConnections();
  const attempt = {
    id: 'a1',
    stateHash: 'h',
    linkId: null,
    secrets: { nonce: 'n', codeVerifier: 'v' },
    browserId: 'b',
    userId: 'u',
  };
  const unused = { returnedAt: null, response: null, claimedAt: null, result: null };
  await attempts.insert({ ...attempt, ...unused, startedAt: now, expiresAt: now });
  await sql.database.run((db) => db('attempts').update({ sealed_secrets: 'broken' }));
  expect((await attempts.find('a1'))?.secrets).toBeNull();
});
