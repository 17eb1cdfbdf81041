// The database as the doctor looks at it: nothing is made and nothing is migrated.

import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConnectError, isConnectError } from '../core/errors.ts';
import type { DatabaseFacts, DatabaseProbe } from '../core/probes.ts';
import type { Database } from './database.ts';
import type { Deployment } from './deployment.ts';
import { checkKeys } from './key-check.ts';
import { isUpToDate } from './migrating.ts';
import type { Vault } from './vault.ts';

type Opened = { database: Database; vault: Vault; deployment: Deployment };

/** Those in which there is nothing that a key could open. */
const untriedStates: DatabaseFacts['state']['kind'][] = ['empty', 'not_migrated'];

/** From linux/magic.h. Of the shared ones (FUSE, 9P) it depends on what is behind them. */
const fileSystems: Record<number, DatabaseFacts['fileSystem']> = {
  26985: 'network', // NFS
  20859: 'network', // SMB
  4266872130: 'network', // SMB2
  4283649346: 'network', // CIFS
  1397113167: 'network', // AFS
  12805120: 'network', // Ceph
  1702057286: 'shared',
  16914839: 'shared',
};

/**
 * `file` is null for a database that is no file. `use` runs its work on the database, which it may open for that; it is
 * not asked while there is no such file.
 * `readFileSystemType` is statfs's number for a folder.
 */
export function createDatabaseProbe(
  file: string | null,
  use: <T>(work: (opened: Opened) => Promise<T>) => Promise<T>,
  readFileSystemType: (folder: string) => number = (folder) => statfsSync(folder).type,
): DatabaseProbe {
  return {
    async look() {
      const folder = file === null ? null : findFolder(file);
      const fileSystem = folder === null ? 'none' : findFileSystem(folder, readFileSystemType);
      if (file !== null && folder !== null && !existsSync(file)) {
        return { fileSystem, state: { kind: 'absent', folderWritable: isWritable(folder) }, keys: 'untried' };
      }
      const found = await use(async (opened) => {
        const state = await findState(opened);
        return { state, keys: untriedStates.includes(state.kind) ? ('untried' as const) : await tryKeys(opened) };
      }).catch((error: unknown) => ({ state: describeTrouble(error), keys: 'untried' as const }));
      return { fileSystem, ...found };
    },
  };
}

/** The nearest folder that exists: the app makes the others. */
function findFolder(file: string): string {
  let folder = dirname(resolve(file));
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

function findFileSystem(folder: string, readType: (folder: string) => number): DatabaseFacts['fileSystem'] {
  // Elsewhere the numbers mean something else.
  if (process.platform !== 'linux') return 'unknown';
  try {
    return fileSystems[readType(folder) >>> 0] ?? 'local';
  } catch {
    return 'unknown';
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function findState({ database, deployment }: Opened): Promise<DatabaseFacts['state']> {
  try {
    if (await database.isNew()) return { kind: 'empty' };
    if (!(await database.run(isUpToDate))) return { kind: 'not_migrated' };
    const hasRoom = await database.checkRoom().then(
      () => true,
      () => false,
    );
    if (!hasRoom) return { kind: 'full' };
    await database.check();
    const owner = (await deployment.isOurs()) ? null : await deployment.findOwner();
    return { kind: 'usable', foreignOwner: owner && `${owner.baseUrl} (${owner.clientId})` };
  } catch (error) {
    return describeTrouble(error);
  }
}

async function tryKeys({ database, vault }: Opened): Promise<DatabaseFacts['keys']> {
  try {
    await checkKeys(database, vault);
    return 'open';
  } catch (error) {
    return isConnectError(error, 'misconfigured') ? 'refused' : 'untried';
  }
}

function describeTrouble(error: unknown): DatabaseFacts['state'] {
  return { kind: 'unusable', reason: error instanceof ConnectError ? error.message : 'an error that nobody expected' };
}
