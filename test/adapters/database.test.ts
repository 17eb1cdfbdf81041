import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { openDatabase } from '../../src/adapters/database.ts';
import { openTestDatabase, sqliteAt } from '../support/databases.ts';

type Sql = Awaited<ReturnType<typeof openTestDatabase>>;
let sql: Sql;
beforeEach(async () => {
  sql = await openTestDatabase();
});
afterEach(() => sql.remove());

const write = () =>
  sql.database.run((db) => db('events').insert({ connection_id: 'c', type: 'authorized', at: 'now' }));

test('what another version of the app adds to a table and takes away is seen at once by statements from before', async () => {
  const readLine = () => sql.database.run((db) => db('events').first());
  await write();
  expect(await readLine()).not.toHaveProperty('added');
  const other = new Sqlite(sql.file);
  other.exec("alter table events add column added text default 'new'");
  expect(await readLine()).toMatchObject({ type: 'authorized', added: 'new' });
  other.exec('alter table events drop column added');
  expect(await readLine()).not.toHaveProperty('added');
  await write();
  other.close();
});

describe('a database that another process has locked', () => {
  test('is tried again until it is free', async () => {
    const other = new Sqlite(sql.file);
    other.exec('BEGIN IMMEDIATE');
    const writing = write();
    await sleep(200);
    other.exec('COMMIT');
    other.close();
    await writing;
  });

  test('for longer than two seconds is reported, and the event loop runs on meanwhile', async () => {
    const other = new Sqlite(sql.file);
    other.exec('BEGIN IMMEDIATE');
    let longest = 0;
    let last = performance.now();
    const watching = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    await expect(write()).rejects.toMatchObject({ code: 'database_unavailable' });
    clearInterval(watching);
    other.exec('ROLLBACK');
    other.close();
    // The driver's own wait is 20 ms, where the whole wait is 2 s; the rest is what a shared machine adds.
    expect(longest).toBeLessThan(1_500);
  });
});

test('an error of the driver says its code and never what was stored', async () => {
  const insert = () =>
    sql.database.run((db) =>
      db('identities').insert({ issuer: 'i', subject: 'secret-subject', user_id: 'u', first_seen_at: 'now' }),
    );
  await insert();
  const error = await insert().catch((thrown: unknown) => thrown);
  expect(String(error)).toContain('SQLITE_CONSTRAINT');
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('secret-subject');
});

test('a file that cannot be opened is reported', async () => {
  const broken = openDatabase(sqliteAt('/proc/nowhere.db'));
  await expect(broken.migrate()).rejects.toMatchObject({ code: 'database_unavailable' });
  await broken.close();
});

test('is readable by its owner alone, in WAL mode, and waits for the disk', async () => {
  expect(statSync(sql.file).mode & 0o777).toBe(0o600);
  const pragma = async (name: string) =>
    Object.values((await sql.database.run((db) => db.raw(`PRAGMA ${name}`)))[0])[0];
  expect(await pragma('journal_mode')).toBe('wal');
  expect(await pragma('synchronous')).toBe(2);
});

test('opened again is up to date and keeps what it held', async () => {
  await write();
  const again = openDatabase(sqliteAt(sql.file));
  await again.migrate();
  await again.check();
  expect(await again.run((db) => db('events').count({ count: '*' }))).toEqual([{ count: 1 }]);
  await again.close();
});

test('that was never migrated is not ready', async () => {
  const fresh = openDatabase(sqliteAt(`${sql.file}.fresh`));
  await expect(fresh.check()).rejects.toMatchObject({ code: 'database_unavailable' });
  await fresh.close();
});

describe('a power cut', () => {
  const readLevel = (run: 'run' | 'runUnsynced') =>
    sql.database[run]((db) => db.raw('pragma synchronous')) as Promise<{ synchronous: number }[]>;
  const [normal, full] = [1, 2];

  test('costs nothing that was stored, but for what says that it may', async () => {
    const levels = await Promise.all(
      (['run', 'runUnsynced', 'run', 'runUnsynced', 'runUnsynced', 'run'] as const).map(readLevel),
    );
    expect(levels.map(([row]) => row?.synchronous)).toEqual([full, normal, full, normal, normal, full]);
  });

  test('costs nothing that was stored in a transaction, whoever asked before', async () => {
    await readLevel('runUnsynced');
    const [row] = (await sql.database.runTransaction((trx) => trx.raw('pragma synchronous'))) as {
      synchronous: number;
    }[];
    expect(row?.synchronous).toBe(full);
  });
});

test('a new database, its log and its folder are for this account alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dinero-connect-mode-'));
  const file = join(folder, 'new', 'a.db');
  const database = openDatabase(sqliteAt(file));
  await database.migrate();
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
  expect([dirname(file), file, `${file}-wal`, `${file}-shm`].map(modeOf)).toEqual(['700', '600', '600', '600']);
  await database.close();
  rmSync(folder, { recursive: true });
});
