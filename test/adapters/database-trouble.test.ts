import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { openDatabase } from '../../src/adapters/database.ts';
import { openTestDatabase, sqliteAt } from '../support/databases.ts';
import { authorize, authorizedTerms, grantNumbered, refreshedTerms } from '../support/grants.ts';
import { createSqlStores } from '../support/sql-stores.ts';

// Requirements F24 to F28: what is started when the database or its disk is in trouble, and what is not.

type Sql = Awaited<ReturnType<typeof openTestDatabase>>;
const now = new Date('2026-11-20T10:00:00.000Z');
const until = new Date('2026-11-20T10:00:30.000Z');
const unavailable = { code: 'database_unavailable' };

let sql: Sql;
let stores: ReturnType<typeof createSqlStores>;
beforeEach(async () => {
  sql = await openTestDatabase();
  stores = createSqlStores(sql.database);
  await authorize(stores, 'u1', grantNumbered(1, now), authorizedTerms(now));
});
afterEach(() => sql.remove());

async function read() {
  const connection = await stores.connections.findByUser('u1');
  if (!connection) throw new Error('no connection');
  return connection;
}
const takeLease = async () => stores.connections.takeLease(await read(), { owner: 'a', until }, now);
const save = async () => stores.connections.saveRefreshed(await read(), grantNumbered(2, now), refreshedTerms(now));
const pragma = (text: string) => sql.database.run((db) => db.raw(`PRAGMA ${text}`));
const expectReadable = async () => expect((await read()).grant).toEqual(grantNumbered(1, now));

/** Trouble of the file as a whole: reads go on, no refresh begins, readiness says no; and all is well when it is over. */
async function expectNoRefresh(end: () => unknown): Promise<void> {
  await expectReadable();
  await expect(takeLease()).rejects.toMatchObject(unavailable);
  await expect(save()).rejects.toMatchObject(unavailable);
  await expect(sql.database.check()).rejects.toMatchObject(unavailable);
  expect((await read()).refreshState.leaseOwner).toBeNull();
  await end();
  expect(await takeLease()).toBe(true);
  expect(await save()).toBe(true);
}

test('F24: locked by somebody for longer than it is waited for', async () => {
  const other = new Sqlite(sql.file);
  other.exec('BEGIN IMMEDIATE');
  await expectNoRefresh(() => {
    other.exec('ROLLBACK');
    other.close();
  });
}, 20_000);

test('F25: a full disk', async () => {
  const [{ page_count: pages }] = (await pragma('page_count')) as [{ page_count: number }];
  const fill = (table: string) =>
    sql.database.run((db) => db(table).insert({ connection_id: 'x'.repeat(3_000), type: 'authorized', at: 'now' }));
  await pragma(`max_page_count = ${pages}`);
  let full: unknown = null;
  for (let rows = 0; rows < 50 && full === null; rows += 1)
    full = await fill('events').then(
      () => null,
      (error) => error,
    );
  expect(full).toMatchObject({ ...unavailable, message: 'database: SQLITE_FULL' });
  await expectReadable();
  await pragma('max_page_count = 1000000');
  expect(await save()).toBe(true);
});

test('F25: a disk that fills up in the middle of storing a grant: nothing of it is stored, and it is trouble, not a bug', async () => {
  const connection = await read();
  const [{ page_count: pages }] = (await pragma('page_count')) as [{ page_count: number }];
  await pragma(`max_page_count = ${pages}`);
  const huge = { ...grantNumbered(2, now), accessToken: 'x'.repeat(200_000) };
  const error = await stores.connections.saveRefreshed(connection, huge, refreshedTerms(now)).catch((thrown) => thrown);
  expect(error).toMatchObject({ ...unavailable, message: 'database: SQLITE_FULL' });
  await expectReadable();
  await pragma('max_page_count = 1000000');
  expect(await save()).toBe(true);
});

test('F25: a disk with too little room for what a refresh brings', async () => {
  const crowded = openDatabase(sqliteAt(sql.file), { leastFreeBytes: Number.MAX_SAFE_INTEGER });
  const { connections } = createSqlStores(crowded);
  await expect(connections.takeLease(await read(), { owner: 'a', until }, now)).rejects.toMatchObject(unavailable);
  await expect(crowded.check()).rejects.toMatchObject({ message: expect.stringContaining('full') });
  // What is on its way already is stored if at all possible.
  expect(await connections.saveRefreshed(await read(), grantNumbered(2, now), refreshedTerms(now))).toBe(true);
  await crowded.close();
});

test('F26: read-only', async () => {
  await pragma('query_only = 1');
  await expectNoRefresh(() =>
    pragma('query_only = 0').then(() => new Promise((resolve) => setTimeout(resolve, 2_100))),
  );
});

test.each(['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_WRITE', 'SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_CANTOPEN'])(
  'F27: %s from the driver is trouble of the database, without what was being written',
  async (code) => {
    const failing = () => Promise.reject(Object.assign(new Error('insert … secret-token'), { code }));
    const error = await sql.database.run(failing).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ ...unavailable, message: `database: ${code}` });
  },
);

describe('F28: the file', () => {
  const aside = () => `${sql.file}.aside`;

  test('is deleted under the app: what is open is read, nothing is written into nowhere', async () => {
    await sql.database.run((db) => db.raw('PRAGMA wal_checkpoint(TRUNCATE)'));
    renameSync(sql.file, aside());
    await expectNoRefresh(() => renameSync(aside(), sql.file));
    expect(existsSync(sql.file)).toBe(true);
  });

  test('is replaced by a backup: the app goes on with that one', async () => {
    const backup = new Sqlite(sql.file);
    await backup.backup(aside());
    backup.close();
    await authorize(stores, 'u2', grantNumbered(5, now), authorizedTerms(now));
    for (const rest of ['', '-wal', '-shm']) rmSync(`${sql.file}${rest}`, { force: true });
    renameSync(aside(), sql.file);
    await expectReadable();
    expect(await stores.connections.findByUser('u2')).toBeNull();
    expect(await takeLease()).toBe(true);
    await sql.database.check();
  });

  test('is replaced while many are asking: nobody is turned away, and it is opened once', async () => {
    const backup = new Sqlite(sql.file);
    await backup.backup(aside());
    backup.close();
    const asking = Array.from({ length: 20 }, () => read());
    for (const rest of ['', '-wal', '-shm']) rmSync(`${sql.file}${rest}`, { force: true });
    renameSync(aside(), sql.file);
    asking.push(...Array.from({ length: 20 }, () => read()));
    for (const connection of await Promise.all(asking)) expect(connection.grant).toEqual(grantNumbered(1, now));
    const used = new Set<unknown>();
    for (let queries = 0; queries < 3; queries += 1) {
      await sql.database.run(async (db) => {
        used.add(db);
      });
    }
    expect(used.size).toBe(1);
  });

  test('is corrupt: every use says so, and none of it is a crash', async () => {
    await sql.database.close();
    for (const rest of ['-wal', '-shm']) rmSync(`${sql.file}${rest}`, { force: true });
    writeFileSync(sql.file, Buffer.alloc(65_536, 'not a database '));
    const broken = openDatabase(sqliteAt(sql.file));
    await expect(broken.migrate()).rejects.toMatchObject(unavailable);
    await expect(createSqlStores(broken).connections.findByUser('u1')).rejects.toMatchObject(unavailable);
    await expect(broken.check()).rejects.toMatchObject(unavailable);
    await broken.close();
  });
});

test('readiness writes to the disk every two seconds at most, however often it is asked', async () => {
  const writtenAt = async () => {
    const rows = await sql.database.run((db) => db('deployments').select<{ written_at: string }[]>('written_at'));
    return rows[0]?.written_at;
  };
  await sql.database.run((db) =>
    db('deployments').insert({ id: 1, base_url: 'b', client_id: 'c', adopted_at: 'a', key_ids: 'k', written_at: 'w' }),
  );
  await sql.database.check();
  const first = await writtenAt();
  expect(first).not.toBe('w');
  for (let asked = 0; asked < 20; asked += 1) await sql.database.check();
  expect(await writtenAt()).toBe(first);
});
