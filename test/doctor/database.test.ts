import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/adapters/database.ts';
import { createDatabaseProbe } from '../../src/adapters/database-probe.ts';
import { createDeployment } from '../../src/adapters/deployment.ts';
import { createVault, type VaultKey } from '../../src/adapters/vault.ts';
import { checkOpening } from '../../src/doctor/keys.ts';
import { checkDatabase } from '../../src/doctor/surroundings.ts';
import { sqliteAt } from '../support/databases.ts';
import { authorize, authorizedTerms, grantNumbered } from '../support/grants.ts';
import { createSqlStores, testKey } from '../support/sql-stores.ts';
import { find, tell } from './support.ts';

// The database and its disk, each in one kind of trouble.

const identity = { baseUrl: 'https://connect.fakturaflow.dk', clientId: 'isv_fakturaflow' };
const now = new Date('2026-11-20T10:00:00.000Z');
const local = 0xef53;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dinero-connect-doctor-'));
  file = join(folder, 'deep', 'app.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Trouble = { keys?: VaultKey[]; fileSystem?: number; leastFreeBytes?: number; readOnly?: boolean };

async function look(options: Trouble = {}) {
  const probe = createDatabaseProbe(
    file,
    async (work) => {
      const database = openDatabase(sqliteAt(file), { leastFreeBytes: options.leastFreeBytes ?? 0 });
      if (options.readOnly) await database.run((db) => db.raw('PRAGMA query_only = ON'));
      const vault = createVault(options.keys ?? [testKey]);
      return work({ database, vault, deployment: createDeployment(database, identity) }).finally(database.close);
    },
    () => options.fileSystem ?? local,
  );
  const facts = await probe.look();
  return { facts, findings: [...checkDatabase(facts, file), ...checkOpening(facts.keys)] };
}

async function makeDatabase(work: (database: ReturnType<typeof openDatabase>) => Promise<unknown> = async () => {}) {
  const database = openDatabase(sqliteAt(file));
  await database.migrate();
  await work(database);
  await database.close();
}

test('a database in order is said to be', async () => {
  await makeDatabase((database) => createDeployment(database, identity).claim(['k1'], now));
  expect(tell((await look()).findings)).toEqual(['done database_done', 'done keys_open']);
});

describe('no database yet', () => {
  test('is no mistake, and none is made', async () => {
    expect(tell((await look()).findings)).toEqual(['unknown database_absent', 'unknown keys_untried']);
    expect(existsSync(join(folder, 'deep'))).toBe(false);
  });

  test('where none can be made is one', async () => {
    writeFileSync(join(folder, 'deep'), 'a file where a folder should be');
    expect(tell((await look()).findings)).toEqual(['wrong database_folder', 'unknown keys_untried']);
  });
});

test('a database without a table of the app’s is no mistake either', async () => {
  mkdirSync(join(folder, 'deep'));
  writeFileSync(file, '');
  expect(tell((await look()).findings)).toEqual(['unknown database_empty', 'unknown keys_untried']);
});

test('an older database is not migrated by looking at it', async () => {
  await makeDatabase((database) =>
    database.run((db) => db('knex_migrations').where('name', 'like', '%integrators%').delete()),
  );
  for (const _twice of [1, 2]) {
    expect(tell((await look()).findings)).toEqual(['wrong database_not_migrated', 'unknown keys_untried']);
  }
});

test('a full disk', async () => {
  await makeDatabase();
  expect(tell((await look({ leastFreeBytes: Number.MAX_SAFE_INTEGER })).findings)).toEqual([
    'wrong database_full',
    'done keys_open',
  ]);
});

test('a file that is no database', async () => {
  mkdirSync(join(folder, 'deep'));
  writeFileSync(file, 'something else '.repeat(1_000));
  const { findings } = await look();
  expect(tell(findings)).toEqual(['wrong database_unusable', 'unknown keys_untried']);
  expect(find(findings, 'database_unusable')?.values.reason).toContain('SQLITE_NOTADB');
});

test('a database that cannot be written', async () => {
  await makeDatabase((database) => createDeployment(database, identity).claim(['k1'], now));
  const { findings } = await look({ readOnly: true });
  expect(tell(findings)).toEqual(['wrong database_unusable', 'done keys_open']);
  expect(find(findings, 'database_unusable')?.values.reason).toContain('SQLITE_READONLY');
});

test('another deployment’s database is named with its owner', async () => {
  await makeDatabase((database) =>
    createDeployment(database, { baseUrl: 'http://localhost:3000', clientId: 'isv_sandbox' }).claim(['k1'], now),
  );
  const { findings } = await look();
  expect(tell(findings)).toEqual(['wrong database_foreign', 'done keys_open']);
  expect(find(findings, 'database_foreign')?.values.owner).toBe('http://localhost:3000 (isv_sandbox)');
});

test('keys that do not open what is stored', async () => {
  await makeDatabase((database) =>
    authorize(createSqlStores(database), 'u1', grantNumbered(1, now), authorizedTerms(now)),
  );
  expect(tell((await look()).findings)).toEqual(['done database_done', 'done keys_open']);
  for (const id of ['k2', testKey.id]) {
    const { findings } = await look({ keys: [{ id, bytes: new Uint8Array(32).fill(9) }] });
    expect(tell(findings)).toEqual(['done database_done', 'wrong keys_do_not_open']);
  }
});

test.each([
  ['NFS', 0x6969, 'wrong database_network'],
  ['CIFS', 0xff534d42, 'wrong database_network'],
  ['CIFS, as a signed number', 0xff534d42 | 0, 'wrong database_network'],
  ['SMB2', 0xfe534d42, 'wrong database_network'],
  ['FUSE', 0x65735546, 'unknown database_shared'],
])('a database on %s', async (_name, fileSystem, expected) => {
  await makeDatabase();
  expect(tell((await look({ fileSystem })).findings)).toEqual(['done database_done', expected, 'done keys_open']);
});

test('the disk of this very folder is told to be local, or shared', async () => {
  await makeDatabase();
  const probe = createDatabaseProbe(file, () => Promise.reject(new Error('not asked here')));
  const { fileSystem } = await probe.look();
  expect(['local', 'shared', ...(process.platform === 'linux' ? [] : ['unknown'])]).toContain(fileSystem);
});
