import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/adapters/database.ts';
import { createDeployment } from '../../src/adapters/deployment.ts';
import { openTestDatabase } from '../support/databases.ts';
import { authorize, authorizedTerms, grantNumbered } from '../support/grants.ts';
import { createSqlStores } from '../support/sql-stores.ts';

const now = new Date('2026-11-21T10:00:00.000Z');
const later = new Date('2026-11-22T10:00:00.000Z');
const us = { baseUrl: 'https://connect.example.com', clientId: 'isv_us' };
const others = [
  { baseUrl: 'https://test.example.com', clientId: us.clientId },
  { baseUrl: us.baseUrl, clientId: 'isv_them' },
];

let sql: Awaited<ReturnType<typeof openTestDatabase>>;
beforeEach(async () => {
  sql = await openTestDatabase();
});
afterEach(() => sql.remove());

test('a database without an owner is ours', async () => {
  const deployment = createDeployment(sql.database, us);
  expect(await deployment.findOwner()).toBeNull();
  expect(await deployment.isOurs()).toBe(true);
  await deployment.checkOwner();
});

test('who claims it first owns it, and every start of the owner notes its keys', async () => {
  const deployment = createDeployment(sql.database, us);
  await deployment.claim(['k1'], now);
  await createDeployment(sql.database, us).claim(['k2', 'k1'], later);
  expect(await deployment.findOwner()).toEqual({ ...us, adoptedAt: now, keyIds: ['k2', 'k1'] });
  expect(await deployment.isOurs()).toBe(true);
});

/** Somebody has connected: from now on there is something to lose. */
async function connectSomebody(): Promise<void> {
  await authorize(createSqlStores(sql.database), 'u1', grantNumbered(1, now), authorizedTerms(now));
}

test.each(others)('while nobody has connected, a start as $baseUrl with $clientId takes it over', async (other) => {
  await createDeployment(sql.database, us).claim(['k1'], now);
  const deployment = createDeployment(sql.database, other);
  await deployment.claim(['k9'], later);
  expect(await deployment.findOwner()).toEqual({ ...other, adoptedAt: later, keyIds: ['k9'] });
  await deployment.checkOwner();
});

test('while imported grants wait it is not taken over', async () => {
  await createDeployment(sql.database, us).claim(['k1'], now);
  const row = { user_id: 'u1', sealed_refresh_token: 'x', key_id: 'k1', scope: '', organization_id: '1' };
  await sql.database.run((db) => db('imported_grants').insert({ ...row, imported_at: now.toISOString() }));
  await createDeployment(sql.database, others[0] ?? us).claim(['k9'], later);
  expect(await createDeployment(sql.database, us).isOurs()).toBe(true);
});

test.each(others)('a start as $baseUrl with $clientId changes nothing, and is told whose it is', async (other) => {
  await connectSomebody();
  await createDeployment(sql.database, us).claim(['k1'], now);
  const deployment = createDeployment(sql.database, other);
  await deployment.claim(['k9'], later);
  expect(await deployment.isOurs()).toBe(false);
  expect(await deployment.findOwner()).toEqual({ ...us, adoptedAt: now, keyIds: ['k1'] });
  await expect(deployment.checkOwner()).rejects.toMatchObject({
    code: 'deployment_foreign',
    message:
      'this database belongs to https://connect.example.com (isv_us): nothing is refreshed until `npm run adopt`',
  });
});

test('of two that claim it at once, over connections of their own, one owns it', async () => {
  await connectSomebody();
  const second = openDatabase(sql.location);
  const deployments = [createDeployment(sql.database, us), createDeployment(second, others[0] ?? us)];
  await Promise.all(deployments.map((deployment) => deployment.claim(['k1'], now)));
  const ours = await Promise.all(deployments.map((deployment) => deployment.isOurs()));
  await second.close();
  expect(ours.filter(Boolean)).toHaveLength(1);
});

test('an adoption changes the owner, at once and for both, and the keys are unknown until the next start', async () => {
  await connectSomebody();
  const former = createDeployment(sql.database, us);
  const adopting = createDeployment(sql.database, others[0] ?? us);
  await former.claim(['k1'], now);
  expect(await adopting.isOurs()).toBe(false);
  await adopting.adopt(later);
  expect(await adopting.isOurs()).toBe(true);
  await adopting.checkOwner();
  expect(await former.isOurs()).toBe(false);
  await expect(former.checkOwner()).rejects.toMatchObject({ code: 'deployment_foreign' });
  expect(await adopting.findOwner()).toEqual({ ...others[0], adoptedAt: later, keyIds: [] });
  await adopting.claim(['k2'], later);
  expect((await adopting.findOwner())?.keyIds).toEqual(['k2']);
});

test('what nobody owns can be adopted', async () => {
  const deployment = createDeployment(sql.database, us);
  await deployment.adopt(now);
  expect(await deployment.findOwner()).toEqual({ ...us, adoptedAt: now, keyIds: [] });
});
