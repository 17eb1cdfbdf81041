// `npm run migrate`: brings the database up to date without starting the app, or says how far it is.

import { existsSync } from 'node:fs';
import type { MigrationState } from '../adapters/migrating.ts';
import type { Config } from '../config.ts';
import { openStorage } from './storage.ts';
import { UsageError } from './usage.ts';

const words: Record<MigrationState['state'], string> = {
  done: 'done',
  pending: 'pending',
  newer: 'done by a newer version',
};

/** Answers the exit code: 1 when `status` finds something pending. Throws UsageError. */
export async function migrate(args: string[], readConfig: () => Config): Promise<number> {
  const [verb, ...more] = args;
  if ((verb !== 'status' && verb !== 'up') || more.length > 0) {
    throw new UsageError('npm run migrate takes status or up.');
  }
  const config = readConfig();
  const { database: location } = config;
  if (verb === 'status' && location.kind === 'sqlite' && !existsSync(location.file)) {
    process.stdout.write(`There is no ${location.name} yet: everything is pending.\n`);
    return 1;
  }
  const { database } = openStorage(config);
  try {
    const before = await database.listMigrations();
    if (verb === 'up') await database.migrate();
    const states = verb === 'up' ? await database.listMigrations() : before;
    for (const { name, state } of states) process.stdout.write(`${words[state]}: ${name}\n`);
    const pending = before.filter(({ state }) => state === 'pending').length;
    if (verb === 'up') process.stdout.write(pending === 0 ? 'Nothing was pending.\n' : `Migrated: ${pending}.\n`);
    return verb === 'status' && pending > 0 ? 1 : 0;
  } finally {
    await database.close();
  }
}
