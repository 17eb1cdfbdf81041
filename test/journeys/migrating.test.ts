import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Knex } from 'knex';
import { openDatabase } from '../../src/adapters/database.ts';
import { runCommand, startCommand } from '../support/command.ts';
import { engineName } from '../support/databases.ts';
import { locateDatabase, querySql } from '../support/journey-database.ts';
import { takeFreePort } from '../support/ports.ts';
import { makeFolder, startApp } from '../support/process.ts';
import { createSqlStores } from '../support/sql-stores.ts';

// Requirements F31 and F32: versions, and starts that meet or are cut off, on one database.

let place: ReturnType<typeof makeFolder>;
beforeEach(() => {
  place = makeFolder();
  mkdirSync(`${place.folder}/data`);
});
afterEach(() => place.remove());

const envOf = async () => ({
  NODE_ENV: 'production',
  PORT: String(await takeFreePort()),
  BASE_URL: 'http://localhost:3000',
  VISMA_ISSUER: 'https://127.0.0.1:9',
  VISMA_CLIENT_ID: 'isv_migrating',
  VISMA_CLIENT_SECRET: 'of-the-test',
  SESSION_SECRETS: 'a-session-secret-of-32-characters-or-more',
  TOKEN_KEYS: `k1:${Buffer.alloc(32, 5).toString('base64')}`,
});

const file = 'data/dinero-connect.db';
const query = <T>(sql: string): T[] => querySql(place.folder, file, sql);
const open = () => openDatabase(locateDatabase(place.folder, file));

test('F32: of six starts at once on a new database exactly one migrates, and all run', async () => {
  const apps = await Promise.all(Array.from({ length: 6 }, async () => startApp(place.folder, await envOf())));
  for (const app of apps) expect(app.output()).toContain('is ready');
  const names = query<{ name: string }>('select name from knex_migrations');
  expect(new Set(names.map(({ name }) => name)).size).toBe(names.length);
  expect(await Promise.all(apps.map((app) => app.stop()))).toEqual(apps.map(() => 0));
}, 60_000);

test('F32: starts that are killed at any moment leave a database that the next start can use', async () => {
  for (let round = 0; round < 12; round += 1) {
    const command = startCommand(place.folder, ['serve'], await envOf());
    await new Promise((resolve) => setTimeout(resolve, 150 + round * 25));
    command.kill('SIGKILL');
    await command.ended;
  }
  const app = await startApp(place.folder, await envOf());
  expect(app.output()).toContain('is ready');
  expect(await app.stop()).toBe(0);
  const sound = engineName === 'SQLite' ? query('pragma integrity_check') : [{ integrity_check: 'ok' }];
  expect(sound).toEqual([{ integrity_check: 'ok' }]);
}, 60_000);

test('F32: a lock that a killed start of version 0.1.0 left behind does not keep anybody out', async () => {
  const database = open();
  await database.migrate();
  await database.run((db) => db('knex_migrations_lock').update({ is_locked: 1 }));
  await database.close();
  const app = await startApp(place.folder, await envOf());
  expect(app.output()).toContain('is ready');
  await app.stop();
}, 60_000);

test('F31: what version 0.1.0 has written on the new schema is read, and looked after from the next minute on', async () => {
  const database = open();
  await database.migrate();
  const stores = createSqlStores(database);
  const at = '2026-11-20T10:00:00.000Z';
  // The columns that 0.1.0 knows, and no others.
  const row = {
    id: randomUUID(),
    user_id: 'u1',
    status: 'pending',
    reason: null,
    scope: '',
    sealed_access_token: null,
    sealed_refresh_token: null,
    key_id: null,
    generation: 1,
    access_expires_at: null,
    refresh_expires_at: null,
    authorized_at: at,
    disconnected_at: null,
  };
  await database.run((db) => db('connections').insert(row));
  await database.run((db) => db('events').insert({ connection_id: row.id, type: 'needs_reconnect', at }));
  expect(await stores.connections.findByUser('u1')).toMatchObject({
    refreshState: { leaseOwner: null, failures: 0 },
    dueAt: null,
  });
  await database.run((db) => db('connections').update({ sealed_access_token: 'sealed by it' }));
  expect(await stores.connections.scheduleForgotten(new Date(at))).toBe(1);
  expect(await stores.connections.listDue(new Date(at), null, 10)).toMatchObject([{ userId: 'u1' }]);
  expect(await stores.events.listLatest(row.id, 1)).toMatchObject([
    { type: 'needs_reconnect', reason: expect.any(String) },
  ]);
  await database.close();
});

test('F31: a database that a newer version has migrated is good enough for this one', async () => {
  const database = open();
  await database.migrate();
  await database.run((db) =>
    db('knex_migrations').insert({
      name: '20991231000000_of_a_newer_version.ts',
      batch: 9,
      migration_time: '2099-12-31T00:00:00.000Z',
    }),
  );
  await database.migrate();
  await database.run((db) =>
    db('deployments').insert({ id: 1, base_url: 'b', client_id: 'c', adopted_at: 'a', key_ids: 'k', written_at: 'w' }),
  );
  await expect(database.check()).resolves.toBeUndefined();
  await database.close();
});

test('F31: connections of version 0.1.0 are all due once, so that none is forgotten', async () => {
  const database = open();
  await database.run((db) => db.migrate.up());
  const columns = { status: 'connected', scope: '', generation: 1, authorized_at: '2026-11-01T00:00:00.000Z' };
  await database.run((db) =>
    db('connections').insert({ id: 'a', user_id: 'a', sealed_refresh_token: 'x', ...columns }),
  );
  await database.run((db) => db('connections').insert({ id: 'b', user_id: 'b', ...columns }));
  await database.migrate();
  const { connections } = createSqlStores(database);
  const due = await connections.listDue(new Date('2026-11-21T00:00:00.000Z'), null, 10);
  expect(due.map(({ userId }) => userId)).toEqual(['a']);
  await database.close();
});

test('F31: every migration from the second on only adds, so that the version before goes on with its tables', async () => {
  const database = open();
  const listTables = (): Promise<string[]> =>
    database.run((db) =>
      engineName === 'SQLite'
        ? db('sqlite_master').where({ type: 'table' }).whereNot('name', 'like', 'sqlite_%').pluck('name')
        : db('pg_tables')
            .where({ schemaname: db.raw('current_schema()') })
            .pluck('tablename'),
    );
  const listUniqueIndexes = (): Promise<string[]> =>
    database.run((db) =>
      engineName === 'SQLite'
        ? db('sqlite_master').where('sql', 'like', 'create unique%').pluck('tbl_name')
        : db('pg_indexes')
            .where({ schemaname: db.raw('current_schema()') })
            .where('indexdef', 'like', 'CREATE UNIQUE%')
            .pluck('tablename'),
    );
  const describeTables = async () => {
    const columns: Record<string, Record<string, Knex.ColumnInfo>> = {};
    for (const table of await listTables()) {
      if (table.startsWith('knex_')) continue;
      columns[table] = (await database.run((db) => db(table).columnInfo())) as Record<string, Knex.ColumnInfo>;
    }
    return { columns, unique: (await listUniqueIndexes()).sort() };
  };

  await database.run((db) => db.migrate.up());
  const pending = (await database.listMigrations()).filter(({ state }) => state === 'pending');
  expect(pending.length).toBeGreaterThan(0);
  for (const { name } of pending) {
    const before = await describeTables();
    await database.run((db) => db.migrate.up());
    const after = await describeTables();
    for (const [table, columns] of Object.entries(before.columns)) {
      const now = after.columns[table] ?? {};
      expect({ name, table, columns: now }).toMatchObject({ name, table, columns });
      const demanded = Object.entries(now).filter(
        ([column, { nullable, defaultValue }]) => !(column in columns) && !nullable && defaultValue === null,
      );
      expect({ name, table, demanded }).toEqual({ name, table, demanded: [] });
      const uniqueOf = (list: string[]) => list.filter((one) => one === table).length;
      expect({ name, table, unique: uniqueOf(after.unique) }).toEqual({ name, table, unique: uniqueOf(before.unique) });
    }
  }
  await database.close();
});

describe('npm run migrate', () => {
  const run = async (...args: string[]) => runCommand(place.folder, ['migrate', ...args], await envOf());

  test('says what is pending and makes nothing; brings the database up to date; and says so', async () => {
    const before = await run('status');
    expect(before.code).toBe(1);
    expect(before.stdout).toMatch(engineName === 'SQLite' ? /everything is pending/ : /^pending: \d+_initial\.ts\n/);
    const up = await run('up');
    expect(up).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^done: \d+_initial\.ts\n[\s\S]*Migrated: \d+\.\n$/),
    });
    expect((await run('up')).stdout).toMatch(/Nothing was pending\.\n$/);
    query("insert into knex_migrations (name, batch) values ('29990101000000_of_a_newer_version.ts', 9)");
    const status = await run('status');
    expect(status.code).toBe(0);
    expect(status.stdout).not.toContain('pending');
    expect(status.stdout).toMatch(/done by a newer version: 29990101000000_of_a_newer_version\.ts\n$/);
  }, 60_000);

  test.each([[[]], [['down']], [['up', 'now']]])('does not take %j', async (words) => {
    const refused = await run(...words);
    expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining('takes status or up')]);
  });
});
