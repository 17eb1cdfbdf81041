// Opens the database over knex, brings it up to date, and turns the driver's errors into ours. A driver's message can
// quote what was being stored, so only its code leaves here (facts, section 5).

import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import knex, { type Knex } from 'knex';
import { ConnectError } from '../core/errors.ts';
import { createDatabaseFile } from './database-file.ts';

export type Database = ReturnType<typeof openDatabase>;
/** What a query is written with: the database, or a transaction in it. */
export type Sql = Knex;

const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));
/** The wait is in the driver and blocks the event loop, so it is short; the patience is in `run`. */
const busyTimeoutMilliseconds = 20;
const patienceMilliseconds = 2_000;
/** Another process may be migrating a large database. */
const migrationPatienceMilliseconds = 60_000;
const acquireTimeoutMilliseconds = 5_000;
const migrationTable = 'knex_migrations';
const lockTable = 'knex_migrations_lock';
const writeProbeMilliseconds = 2_000;
/** A refresh writes a few kilobytes; the rest is for everybody who writes while the provider is being asked. */
const leastFreeBytes = 16 * 1024 * 1024;
/** What goes wrong comes back to the caller; the library need not print it, too. */
const silent = { warn() {}, error() {}, deprecate() {}, debug() {} };

/**
 * `filename` of the SQLite database; its folder is made when it is missing, readable by this account alone.
 * `leastFreeBytes` must be free on its disk for a refresh to begin.
 */
export function openDatabase(filename: string, options: { leastFreeBytes?: number } = {}) {
  makeFolder(filename);
  const file = createDatabaseFile(filename, options.leastFreeBytes ?? leastFreeBytes);
  let db = connect(filename);
  let reopening: Promise<void> | null = null;
  let lastWrite = { at: Number.NEGATIVE_INFINITY, error: null as unknown };
  let closed = false;

  /**
   * Runs one query or transaction, again while another process holds the lock, for two seconds.
   * Throws database_unavailable when the database cannot serve it; any other failure is a bug.
   */
  async function run<T>(query: (db: Sql) => PromiseLike<T>, milliseconds = patienceMilliseconds): Promise<T> {
    if (closed) throw new ConnectError('database_unavailable', 'the database is closed: the app is stopping');
    if (file.state() === 'replaced') await reopen();
    const patient = Date.now() + milliseconds;
    for (;;) {
      const asked = db;
      try {
        return await query(asked);
      } catch (error) {
        const code = codeOf(error);
        // Whoever waited for a place when the file was replaced was turned away, and goes on with the new one.
        if (code === null && asked !== db) continue;
        if (code === null) throw error;
        if (!isBusy(code) || Date.now() > patient) throw translate(code);
        await new Promise((resolve) => setTimeout(resolve, 10 + Math.random() * 40));
      }
    }
  }

  /**
   * Runs `work` in one transaction, as `run` does. What went wrong inside is what is reported: SQLite may have rolled
   * back by itself, and then the library's own rollback fails after it.
   */
  function runTransaction<T>(work: (db: Sql) => Promise<T>): Promise<T> {
    return run(async (sql) => {
      let failure: unknown = null;
      try {
        return await sql.transaction(async (trx) => {
          try {
            return await work(trx);
          } catch (error) {
            failure = error;
            throw error;
          }
        });
      } catch (error) {
        throw failure ?? error;
      }
    });
  }

  /** Somebody put another file in its place, for example a backup. */
  function reopen(): Promise<void> {
    reopening ??= (async () => {
      const former = db;
      db = connect(filename);
      file.remember();
      await former.destroy();
    })().finally(() => {
      reopening = null;
    });
    return reopening;
  }

  /** Throws database_unavailable when the file is gone: what is written then would be lost with it. */
  function checkFile(): void {
    if (file.state() === 'missing') throw new ConnectError('database_unavailable', `${filename} is gone`);
  }

  /** Throws database_unavailable when there is no room to write what a refresh brings. */
  async function checkRoom(): Promise<void> {
    checkFile();
    if (!file.hasRoom()) throw new ConnectError('database_unavailable', `the disk of ${filename} is full`);
  }

  /** Anybody may ask whether we are ready, so the disk is asked every two seconds at most. */
  async function checkWriting(): Promise<void> {
    if (Date.now() - lastWrite.at > writeProbeMilliseconds) {
      const write = run((sql) => sql('deployments').update({ written_at: new Date().toISOString() }));
      lastWrite = { at: Date.now(), error: await write.then(() => null).catch((error: unknown) => error) };
    }
    if (lastWrite.error !== null) throw lastWrite.error;
  }

  return {
    run,
    runTransaction,
    checkFile,
    checkRoom,
    /** Brings the schema up to date. Throws database_unavailable. */
    async migrate(): Promise<void> {
      try {
        if (!(await run(isUpToDate))) await run(migrateAtOnce, migrationPatienceMilliseconds);
        chmodSync(filename, 0o600);
        file.remember();
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        throw new ConnectError(error.code, `${filename} cannot be opened and written: ${error.message}`);
      }
    },
    /** Reads and writes, has room, and finds the schema up to date. Throws database_unavailable. */
    async check(): Promise<void> {
      if (!(await run(isUpToDate))) throw new ConnectError('database_unavailable', 'the database has to be migrated');
      await checkRoom();
      await checkWriting();
    },
    async close(): Promise<void> {
      closed = true;
      await db.destroy();
    },
  };
}

/** Only reads: a start must not have to wait for somebody's write when there is nothing to be migrated. */
export async function isUpToDate(db: Sql): Promise<boolean> {
  if (!(await db.schema.hasTable(migrationTable))) return false;
  const [, pending] = (await db.migrate.list()) as [unknown, unknown[]];
  return pending.length === 0;
}

/**
 * All that is missing, in one transaction: of processes that start at once one migrates and the others find it done,
 * and one that is killed leaves nothing behind, not the library's lock either. A lock that is found is a dead one's,
 * for who could release it is shut out by now.
 */
function migrateAtOnce(db: Sql): Promise<void> {
  return db.transaction(async (trx) => {
    if (await trx.schema.hasTable(lockTable)) await trx(lockTable).update({ is_locked: 0 });
    await trx.migrate.latest();
  });
}

function connect(filename: string): Knex {
  return knex({
    client: 'better-sqlite3',
    connection: { filename },
    useNullAsDefault: true,
    compileSqlOnError: false,
    // A version that is newer may have migrated: what it added does not concern this one.
    migrations: { directory: migrationsDirectory, loadExtensions: ['.ts'], disableMigrationsListValidation: true },
    pool: { min: 1, max: 1, afterCreate: prepareConnection },
    acquireConnectionTimeout: acquireTimeoutMilliseconds,
    log: silent,
  });
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
