// `npm run backup -- <file>`: a copy of the SQLite database beside the running app, looked through before it gets its name.

import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { checkRoomForCopy, copyDatabase, examineCopy, syncToDisk, toMegabytes } from '../adapters/database-backup.ts';
import { checkAccess } from '../adapters/file-access.ts';
import type { Config } from '../config.ts';
import { ConnectError } from '../core/errors.ts';
import { parse, UsageError } from './usage.ts';

const privateMode = 0o600;

/** `readConfig` is asked once the words are understood. Throws UsageError. */
export function backup(args: string[], readConfig: () => Config): void {
  const target = readTarget(args);
  const { database } = readConfig();
  if (database.kind !== 'sqlite') {
    throw new ConnectError(
      'misconfigured',
      'DATABASE_URL is PostgreSQL, which makes its own backups:\n' +
        '  pg_dump --format=custom --file=<file> "$DATABASE_URL"',
    );
  }
  checkPlace(database.file, target);
  const { bytes, connections, lastMigration, owner, keyIds } = makeBackup(database.file, target);
  const people = connections === 1 ? '1 connection' : `${connections} connections`;
  process.stdout.write(
    `${target}: ${people}, schema ${lastMigration}, of ${owner ?? 'nobody yet'}, ${toMegabytes(bytes)}, complete and readable.\n`,
  );
  const keys = keyIds.length > 0 ? `Without the key "${keyIds.join('", "')}" no token in it opens.\n` : '';
  process.stderr.write(
    `TOKEN_KEYS ARE NOT IN THE BACKUP. ${keys}Keep them and SESSION_SECRETS as safe as the file, and somewhere else.\n`,
  );
}

function readTarget(args: string[]): string {
  const { positionals } = parse(() => ({ values: parseArgs({ args, allowPositionals: true }) }));
  const [target, ...others] = positionals;
  if (!target || others.length > 0) throw new UsageError('backup takes the name of one file, which it makes.');
  return target;
}

function checkPlace(databaseFile: string, target: string): void {
  if (!existsSync(databaseFile)) {
    throw new ConnectError('database_unavailable', `there is no ${databaseFile} yet: the app makes it at its start`);
  }
  checkAccess(databaseFile);
  if (!existsSync(dirname(target)))
    throw new UsageError(`backup: there is no folder ${dirname(target)}. Make it first.`);
  refuseExisting(target);
  checkRoomForCopy(databaseFile, target);
}

function refuseExisting(target: string): void {
  if (existsSync(target)) {
    throw new UsageError(`backup: ${target} is there already, and nothing is overwritten. Give another name.`);
  }
}

/** Whoever finds a file under the name of a backup finds all of it, and no two write one at a time. */
function makeBackup(databaseFile: string, target: string) {
  const partial = `${target}.partial`;
  makePrivateFile(partial);
  try {
    copyDatabase(databaseFile, partial);
    const contents = examineCopy(partial);
    refuseExisting(target);
    renameSync(partial, target);
    syncToDisk(dirname(target));
    return contents;
  } finally {
    rmSync(partial, { force: true });
  }
}

function makePrivateFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', privateMode));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
    throw new UsageError(
      code === 'EEXIST'
        ? `backup: ${file} is there: another backup is being made, or one was cut off. Then remove it.`
        : `backup: ${file} cannot be written (${code}).`,
    );
  }
}
