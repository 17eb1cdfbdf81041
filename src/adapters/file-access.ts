// May this account write where the database is? Asked before the database is opened, because SQLite only says that it
// cannot, and whoever mounted a volume has to know whose it should be.

import { accessSync, chmodSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConnectError } from '../core/errors.ts';

/** A restored backup is often root's, and so is a log that a command of root has left. */
const fileSuffixes = ['', '-wal', '-shm'];
const [us, ourGroup] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];

/** Throws misconfigured, with whose it is and what to do. A folder that is missing is not looked at. */
export function checkAccess(databaseFile: string): void {
  const folder = dirname(resolve(databaseFile));
  checkPath(folder, folder, constants.W_OK | constants.X_OK);
  for (const suffix of fileSuffixes) {
    checkPath(resolve(databaseFile) + suffix, folder, constants.R_OK | constants.W_OK);
  }
}

/** Closes the file to every other account. Throws misconfigured, with what to do, when it is somebody else's. */
export function closeToOthers(databaseFile: string): void {
  const path = resolve(databaseFile);
  try {
    chmodSync(path, 0o600);
  } catch (error) {
    const isForeign = codeOf(error) === 'EPERM' && statSync(path).uid !== us;
    throw isForeign
      ? new ConnectError('misconfigured', describeStranger(path, dirname(path), 'close it to others'))
      : error;
  }
}

function checkPath(path: string, folder: string, mode: number): void {
  if (!existsSync(path)) return;
  try {
    accessSync(path, mode);
  } catch (error) {
    throw new ConnectError(
      'misconfigured',
      codeOf(error) === 'EROFS' ? describeReadOnly(path) : describeOwner(path, folder),
    );
  }
}

function describeReadOnly(path: string): string {
  return `${path} is on a read-only file system, and the database has to be written: mount a volume there.`;
}

function describeOwner(path: string, folder: string): string {
  const { uid } = statSync(path);
  if (uid === us) return `${path} belongs to user ${us}, as whom this runs, but is closed to it: chmod u+rwX ${path}`;
  return describeStranger(path, folder, 'write there');
}

function describeStranger(path: string, folder: string, denied: string): string {
  const { uid, gid } = statSync(path);
  const facts = `${path} belongs to user ${uid}, and user ${us}, as whom this runs, may not ${denied}.`;
  const remedy = `Give it to this user: chown -R ${us}:${ourGroup} ${folder}`;
  // Nobody should run the app as root to get around this.
  return uid === 0 ? `${facts} ${remedy}` : `${facts} ${remedy}, or run this as user ${uid}:${gid}.`;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}
