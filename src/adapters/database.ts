// Opens the database over knex, brings it up to date, and turns the driver's errors into ours. A driver's message can
// quote what was being stored, so only its code leaves here (facts, section 5).

import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import knex, { type Knex } from 'knex';
import { ConnectError } from '../core/errors.ts';

export type Database = ReturnType<typeof openDatabase>;

const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));
/** The wait is in the driver and blocks the event loop, so it is short; the patience is in `run`. */
const busyTimeoutMilliseconds = 20;
const patienceMilliseconds = 2_000;
const acquireTimeoutMilliseconds = 5_000;
/** What goes wrong comes back to the caller; the library need not print it, too. */
const silent = { warn() {}, error() {}, deprecate() {}, debug() {} };

/** `filename` of the SQLite database; its folder is made when it is missing, readable by this account alone. */
export function openDatabase(filename: string) {
  makeFolder(filename);
  const db = knex({
    client: 'better-sqlite3',
    connection: { filename },
    useNullAsDefault: true,
    compileSqlOnError: false,
    migrations: { directory: migrationsDirectory, loadExtensions: ['.ts'] },
    pool: { min: 1, max: 1, afterCreate: prepareConnection },
    acquireConnectionTimeout: acquireTimeoutMilliseconds,
    log: silent,
  });

  let closed = false;

  /**
   * Runs one query or transaction, again while another process holds the lock, for two seconds.
   * Throws database_unavailable when the database cannot serve it; any other failure is a bug.
   */
  async function run<T>(query: (db: Knex) => PromiseLike<T>): Promise<T> {
    if (closed) throw new ConnectError('database_unavailable', 'the database is closed: the app is stopping');
    const patient = Date.now() + patienceMilliseconds;
    for (;;) {
      try {
        return await query(db);
      } catch (error) {
        const code = codeOf(error);
        if (code === null) throw error;
        if (!isBusy(code) || Date.now() > patient) throw translate(code);
        await new Promise((resolve) => setTimeout(resolve, 10 + Math.random() * 40));
      }
    }
  }

  return {
    run,
    /** Brings the schema up to date. Throws database_unavailable. */
    async migrate(): Promise<void> {
      try {
        await run(() => db.migrate.latest());
        chmodSync(filename, 0o600);
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        throw new ConnectError(error.code, `${filename} cannot be opened and written: ${error.message}`);
      }
    },
    /** Reads and finds the schema up to date. Throws database_unavailable. */
    async check(): Promise<void> {
      const [, pending] = await run<[unknown, unknown[]]>(() => db.migrate.list());
      if (pending.length > 0) throw new ConnectError('database_unavailable', 'the database has to be migrated');
    },
    async close(): Promise<void> {
      closed = true;
      await db.destroy();
    },
  };
}

function makeFolder(filename: string): void {
  try {
    mkdirSync(dirname(filename), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ConnectError('database_unavailable', `the folder of ${filename} cannot be made: ${codeOf(error)}`);
  }
}

function prepareConnection(connection: { pragma(text: string): unknown }, done: (error: unknown) => void): void {
  try {
    connection.pragma(`busy_timeout = ${busyTimeoutMilliseconds}`);
    connection.pragma('journal_mode = WAL');
    // A refresh token that the provider has already replaced must survive a power cut.
    connection.pragma('synchronous = FULL');
    connection.pragma('foreign_keys = ON');
    done(null);
  } catch (error) {
    done(error);
  }
}

function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  if ('name' in error && error.name === 'KnexTimeoutError') return 'POOL_TIMEOUT';
  return 'code' in error && typeof error.code === 'string' ? error.code : null;
}

function isBusy(code: string): boolean {
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED');
}

const unavailable = /^(SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|PROTOCOL|NOMEM)|POOL_TIMEOUT)/;

function translate(code: string): Error {
  return unavailable.test(code)
    ? new ConnectError('database_unavailable', `database: ${code}`)
    : new Error(`database: ${code}`);
}
