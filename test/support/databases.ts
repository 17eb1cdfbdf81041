// Databases for tests: SQLite files, or with TEST_DATABASE_URL a schema of their own in PostgreSQL.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, type DatabaseLocation, openDatabase } from '../../src/adapters/database.ts';

const server = process.env.TEST_DATABASE_URL;
export const engineName = server === undefined ? 'SQLite' : 'PostgreSQL';

export function sqliteAt(file: string): DatabaseLocation {
  return { kind: 'sqlite', name: file, file };
}

function postgresAt(url: string): DatabaseLocation {
  return { kind: 'postgres', name: 'PostgreSQL for tests', url };
}

/** A database that nobody has used yet. */
export type FreshDatabase = {
  /** As DATABASE_URL. */
  url: string;
  location: DatabaseLocation;
  /** One statement beside the app; answers its rows, or how many it changed. */
  query<T>(sql: string): Promise<T[]>;
  remove(): Promise<void>;
};

/** `file` is where it lies on SQLite. */
export async function makeDatabase(file: string): Promise<FreshDatabase> {
  if (server === undefined) {
    const location = sqliteAt(file);
    return { url: `sqlite:${file}`, location, query: (sql) => queryOnce(location, sql), remove: async () => {} };
  }
  const schema = `test_${randomBytes(8).toString('hex')}`;
  const everywhere = postgresAt(server);
  await queryOnce(everywhere, `create schema ${schema}`);
  const url = new URL(server);
  url.searchParams.set('options', `-c search_path=${schema}`);
  const location = postgresAt(url.href);
  return {
    url: url.href,
    location,
    query: (sql) => queryOnce(location, sql),
    remove: async () => void (await queryOnce(everywhere, `drop schema ${schema} cascade`)),
  };
}

async function queryOnce<T>(location: DatabaseLocation, sql: string): Promise<T[]> {
  const database = openDatabase(location);
  try {
    const result = await database.run<unknown>((db) => db.raw(sql));
    return (Array.isArray(result) ? result : (result as { rows?: T[] }).rows) ?? [];
  } finally {
    await database.close();
  }
}

/** Opened and migrated. `file` is that of SQLite. */
export async function openTestDatabase(): Promise<{
  database: Database;
  location: DatabaseLocation;
  file: string;
  remove(): Promise<void>;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'dinero-connect-test-'));
  const file = join(folder, 'test.db');
  const { location, remove } = await makeDatabase(file);
  const database = openDatabase(location);
  await database.migrate();
  return {
    database,
    location,
    file,
    async remove() {
      await database.close();
      await remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
