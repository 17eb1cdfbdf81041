// A copy of the SQLite database, taken while the app writes, and a look into such a copy. The app itself never comes
// here: it copies for as long as the disk needs, in one piece.

import { closeSync, fsyncSync, openSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { ConnectError } from '../core/errors.ts';
import { sealedTables } from './key-check.ts';

/** `owner`: base URL and client id, null when nobody has started on it yet. `keyIds`: of TOKEN_KEYS, as they sealed. */
export type BackupContents = {
  bytes: number;
  connections: number;
  lastMigration: string;
  owner: string | null;
  keyIds: string[];
};

const busyTimeoutMilliseconds = 10_000;
/** The app refreshes nothing on a disk with less than 16 MB of room, and a backup must not be what takes it. */
const reservedBytes = 64 * 1024 * 1024;

/**
 * Writes what is committed at one moment into `target`, which must exist and be empty. In one read transaction, so that
 * writers neither wait nor make it begin again, as SQLite's backup API would at every write of another process. What was
 * deleted is not in the copy. Throws database_unavailable.
 */
export function copyDatabase(file: string, target: string): void {
  translateErrors(`${file} cannot be copied`, () => {
    const database = new Sqlite(file, { fileMustExist: true, timeout: busyTimeoutMilliseconds });
    try {
      database.prepare('VACUUM INTO ?').run(target);
    } finally {
      database.close();
    }
    // VACUUM INTO leaves this to us.
    syncToDisk(target);
  });
}

/** Opens a copy as a restore would, and reads all of it. Throws database_unavailable when it is not whole. */
export function examineCopy(file: string): BackupContents {
  return translateErrors('the copy cannot be read', () => {
    const database = new Sqlite(file, { readonly: true, fileMustExist: true });
    try {
      return examine(database, statSync(file).size);
    } finally {
      database.close();
    }
  });
}

/** Throws database_unavailable when the folder of `target` has no room for a copy of `file`. */
export function checkRoomForCopy(file: string, target: string): void {
  const needed = sizeOf(file) + sizeOf(`${file}-wal`) + reservedBytes;
  const { bavail, bsize } = statfsSync(dirname(target));
  const free = bavail * bsize;
  if (free >= needed) return;
  throw new ConnectError(
    'database_unavailable',
    `there is no room for the backup in ${dirname(target)}: it takes up to ${toMegabytes(needed)}, ${toMegabytes(free)} are free`,
  );
}

export function syncToDisk(fileOrFolder: string): void {
  const descriptor = openSync(fileOrFolder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

export function toMegabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function examine(database: Sqlite.Database, bytes: number): BackupContents {
  const tables = new Set(readColumn(database, "select name from sqlite_master where type = 'table'"));
  if (readColumn(database, 'pragma integrity_check').join() !== 'ok') throw notWhole('it is damaged');
  if (!tables.has('knex_migrations') || !tables.has('connections')) throw notWhole('it is no database of this app');
  const [lastMigration = ''] = readColumn(database, 'select name from knex_migrations order by id desc limit 1');
  // A database that the version before has left has fewer tables, and is worth as much.
  const [owner = null] = tables.has('deployments')
    ? readColumn(database, "select base_url || ' (' || client_id || ')' from deployments")
    : [];
  const keyIds = sealedTables
    .filter(({ name }) => tables.has(name))
    .flatMap(({ name }) => readColumn(database, `select distinct key_id from ${name} where key_id is not null`));
  return {
    bytes,
    connections: Number(readColumn(database, 'select count(*) from connections')[0]),
    lastMigration: lastMigration.replace(/\.ts$/, ''),
    owner,
    keyIds: [...new Set(keyIds)].sort(),
  };
}

function readColumn(database: Sqlite.Database, sql: string): string[] {
  return database.prepare(sql).pluck().all() as string[];
}

function notWhole(reason: string): ConnectError {
  return new ConnectError('database_unavailable', `the copy is no backup: ${reason}`);
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** A driver's message can quote what is stored, so only its code leaves here. */
function translateErrors<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ConnectError || !(error instanceof Error && 'code' in error)) throw error;
    throw new ConnectError('database_unavailable', `${what}: ${String(error.code)}`);
  }
}
