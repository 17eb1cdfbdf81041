// The database with what every command needs of it: its keys, and whose it is.

import { existsSync } from 'node:fs';
import { openDatabase } from '../adapters/database.ts';
import { createDeployment } from '../adapters/deployment.ts';
import { checkAccess } from '../adapters/file-access.ts';
import { createVault } from '../adapters/vault.ts';
import type { Config } from '../config.ts';
import { ConnectError } from '../core/errors.ts';

export type Storage = ReturnType<typeof openStorage>;

export function openStorage({ database: location, tokenKeys, baseUrl, provider }: Config) {
  if (location.kind === 'sqlite') checkAccess(location.file);
  const database = openDatabase(location);
  const deployment = createDeployment(database, { baseUrl, clientId: provider.clientId });
  return { database, vault: createVault(tokenKeys), deployment };
}

/**
 * For commands beside the app: what there is, as it is. They neither make a database nor migrate one, for an app of the
 * version before may be running on it. `whenNew` stands in where no app has started yet; without it,
 * database_unavailable says so.
 */
export async function useStorage<T>(
  config: Config,
  work: (storage: Storage) => Promise<T>,
  whenNew: () => T = () => refuseNew(config.database),
): Promise<T> {
  const { database: location } = config;
  if (location.kind === 'sqlite' && !existsSync(location.file)) return whenNew();
  const storage = openStorage(config);
  try {
    if (await storage.database.isNew()) return whenNew();
    await storage.database.check();
    return await work(storage);
  } finally {
    await storage.database.close();
  }
}

function refuseNew({ kind, name }: Config['database']): never {
  const missing =
    kind === 'sqlite' ? `there is no ${name} yet: the app makes it` : `${name} is empty: the app fills it`;
  throw new ConnectError('database_unavailable', `${missing} at its start`);
}
