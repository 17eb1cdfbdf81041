import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/adapters/database.ts';
import type { WaitingWebhook } from '../../src/core/webhook-messages.ts';
import { openTestDatabase } from '../support/databases.ts';
import { authorize, authorizedTerms, grantNumbered } from '../support/grants.ts';
import { emptySqlStores } from '../support/sql-stores.ts';

// What SQLite's single writer keeps from happening.

const now = new Date('2026-11-21T10:00:00.000Z');
const later = new Date(now.getTime() + 3 * 3_600_000);

let sql: Awaited<ReturnType<typeof openTestDatabase>>;
beforeAll(async () => {
  sql = await openTestDatabase();
});
afterAll(() => sql.remove());

test('a message that is queued while the one before it is being ended does not wait as long as that one would have', async () => {
  const stores = await emptySqlStores(sql.database, { announce: true });
  let connection = await authorize(stores, 'u1', grantNumbered(1, now), authorizedTerms(now, { events: [] }));
  const choose = (id: string, type: 'organization_chosen' | 'organization_changed') =>
    stores.connections.chooseOrganization(connection, { id, name: id, vatNumber: null }, now, { type });
  await choose('1', 'organization_chosen');
  connection = (await stores.connections.findByUser('u1')) ?? connection;
  const [first] = await stores.webhooks.listDue(now, 10);
  await stores.webhooks.postpone(first as WaitingWebhook, 'timeout', later);

  const other = openDatabase(sql.location);
  let choosing: Promise<boolean> | null = null;
  await other.runTransaction(async (trx) => {
    await trx('webhooks').update({ due_at: null, delivered_at: now.toISOString() });
    choosing = choose('2', 'organization_changed');
    const waits = trx('pg_locks').where({ granted: false }).first();
    for (let tries = 0; tries < 200 && !(await waits.clone()); tries += 1) await sleep(20);
    expect(await waits.clone()).toBeDefined();
  });
  expect(await choosing).toBe(true);
  await other.close();
  expect((await stores.webhooks.listDue(now, 10)).map(({ type }) => type)).toEqual(['connection.organization_changed']);
});
