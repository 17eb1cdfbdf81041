// The database with what every command needs of it: its keys, and whose it is.

import { existsSync } from 'node:fs';
import { openDatabase } from '../adapters/database.ts';
import { createDeployment } from '../adapters/deployment.ts';
import { createVault } from '../adapters/vault.ts';
import type { Config } from '../config.ts';
import { ConnectError } from '../core/errors.ts';

export type Storage = ReturnType<typeof openStorage>;

export function openStorage({ database: location, tokenKeys, baseUrl, provider }: Config) {
  const database = openDatabase(location);
  const deployment = createDeployment(database, { baseUrl, clientId: provider.clientId });
  return { database, vault: createVault(tokenKeys), deployment };
}

/** False for a file that is not there; what a server has, only asking it tells. */
export function mayExist({ database }: Pick<Config, 'database'>): boolean {
  return database.kind === 'postgres' || existsSync(database.file);
}

/**
 * For commands beside the app: what there is, as it is. They neither make a database nor migrate one, for an app of the
 * version before may be running on it.
 */
export async function useStorage<T>(config: Config, work: (storage: Storage) => Promise<T>): Promise<T> {
  const { name } = config.database;
  if (!mayExist(config)) {
    throw new ConnectError('database_unavailable', `there is no ${name} yet: the app makes it at its start`);
  }
  const storage = openStorage(config);
  try {
    await storage.database.check();
    return await work(storage);
  } finally {
    await storage.database.close();
  }
}
