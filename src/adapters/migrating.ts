// Which migrations there are, and which of them the database has.

import { readdirSync } from 'node:fs';
import type { Knex } from 'knex';
import { migrationsDirectory } from './database-engine.ts';

const migrationTable = 'knex_migrations';

/** `newer`: made by a version of the app that this one does not know. */
export type MigrationState = { name: string; state: 'done' | 'pending' | 'newer' };

/** No app has started on this database yet. */
export async function isNew(db: Knex): Promise<boolean> {
  return !(await db.schema.hasTable(migrationTable));
}

/** Only reads: a start must not have to wait for somebody's write when there is nothing to be migrated. */
export async function isUpToDate(db: Knex): Promise<boolean> {
  return (await listMigrations(db)).every(({ state }) => state !== 'pending');
}

/** In the order in which they are made. */
export async function listMigrations(db: Knex): Promise<MigrationState[]> {
  const known = readdirSync(migrationsDirectory).filter((file) => file.endsWith('.ts'));
  const rows = (await isNew(db)) ? [] : await db<{ name: string }>(migrationTable).select('name');
  const done = new Set(rows.map(({ name }) => name));
  const newer = [...done].filter((name) => !known.includes(name));
  return [
    ...known.sort().map((name) => ({ name, state: done.has(name) ? ('done' as const) : ('pending' as const) })),
    ...newer.sort().map((name) => ({ name, state: 'newer' as const })),
  ];
}
