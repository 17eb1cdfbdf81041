import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readCounts } from '../../src/adapters/counts.ts';
import { openDatabase } from '../../src/adapters/database.ts';
import { openTestDatabase, sqliteAt } from '../support/databases.ts';

const now = new Date('2026-11-20T10:00:00.000Z');
const at = (days: number) => new Date(now.getTime() + days * 86_400_000).toISOString();

let sql: Awaited<ReturnType<typeof openTestDatabase>>;
beforeEach(async () => {
  sql = await openTestDatabase();
});
afterEach(() => sql.remove());

let made = 0;
const insert = (table: 'connections' | 'webhooks', row: object) => sql.database.run((db) => db(table).insert(row));

function connection(row: object) {
  made += 1;
  const base = {
    id: `c${made}`,
    user_id: `u${made}`,
    status: 'connected',
    scope: '',
    generation: 1,
    authorized_at: at(-1),
  };
  return insert('connections', { ...base, ...row });
}

function webhook(row: object) {
  made += 1;
  const base = { id: `m${made}`, user_id: `u${made}`, type: 'x', content: '{}', created_at: at(-1), tries: 0 };
  return insert('webhooks', { ...base, ...row });
}

test('an empty database has nothing of anything', async () => {
  expect(await readCounts(sql.database, now)).toEqual({
    connections: { pending: 0, connected: 0, needs_reconnect: 0, disconnected: 0 },
    due: 0,
    ending: 0,
    failing: 0,
    webhooksWaiting: 0,
    oldestWebhookAt: null,
  });
});

test('connections are counted by status, those that are due, those that end within a week, those that fail', async () => {
  await connection({ status: 'pending', refresh_expires_at: at(6.9), due_at: at(0) });
  await connection({ refresh_expires_at: at(7.1), due_at: at(0.1), failures: 2 });
  await connection({ refresh_expires_at: at(-0.1), due_at: at(-3), failures: 1 });
  await connection({ refresh_expires_at: null });
  await connection({ status: 'needs_reconnect', refresh_expires_at: at(1) });
  await connection({ status: 'disconnected' });
  expect(await readCounts(sql.database, now)).toMatchObject({
    connections: { pending: 1, connected: 3, needs_reconnect: 1, disconnected: 1 },
    due: 2,
    ending: 2,
    failing: 2,
  });
});

test('messages that wait are counted, and the oldest of them is the one that was queued first', async () => {
  await webhook({ created_at: at(-9), due_at: null, delivered_at: at(-8) });
  await webhook({ created_at: at(-3), due_at: at(1) });
  await webhook({ created_at: at(-2), due_at: at(-1) });
  await webhook({ created_at: at(-4), due_at: null, failure: 'timeout' });
  expect(await readCounts(sql.database, now)).toMatchObject({ webhooksWaiting: 2, oldestWebhookAt: new Date(at(-3)) });
});

test('on SQLite every count is answered by an index alone, so that a million rows are not read', async () => {
  const asked: { sql: string; bindings: readonly string[] }[] = [];
  const database = openDatabase(sqliteAt(`${sql.file}.planned`));
  await database.migrate();
  await database.run(async (db) => void db.on('query', (query) => asked.push(query)));
  await readCounts(database, now);
  const counts = asked.filter((query) => query.sql.includes('count('));
  expect(counts).toHaveLength(5);
  for (const query of counts) {
    const plan = await database.run((db) => db.raw(`explain query plan ${query.sql}`, query.bindings));
    expect((plan as { detail: string }[]).map(({ detail }) => detail)).toEqual([
      expect.stringContaining('USING COVERING INDEX'),
    ]);
  }
  await database.close();
});
