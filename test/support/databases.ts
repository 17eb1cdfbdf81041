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

/** A database that nobody has used yet. `file` is where it lies on SQLite. */
async function makeDatabase(file: string): Promise<{ location: DatabaseLocation; remove(): Promise<void> }> {
  if (server === undefined) {
    return { location: sqliteAt(file), remove: async () => {} };
  }
  const { url, schema } = nameSchema(randomBytes(8).toString('hex'));
  const location = postgresAt(url);
  await queryOnce(location, `create schema ${schema}`);
  return {
    location,
    remove: async () => void (await queryOnce(location, `drop schema ${schema} cascade`)),
  };
}

/** Where a schema of PostgreSQL's is, which need not be there yet. */
export function nameSchema(id: string): { url: string; schema: string } {
  const schema = `test_${id}`;
  const url = new URL(server ?? '');
  url.searchParams.set('options', `-c search_path=${schema}`);
  // PostgreSQL's own programs take no plus for a space.
  return { url: url.href.replaceAll('+', '%20'), schema };
}

async function queryOnce(location: DatabaseLocation, sql: string): Promise<void> {
  const database = openDatabase(location);
  try {
    await database.run<unknown>((db) => db.raw(sql));
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
