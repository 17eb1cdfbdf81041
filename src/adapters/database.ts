// Opens the database over knex, brings it up to date, and turns the driver's errors into ours. A driver's message can
// quote what was being stored, so only its code leaves here (facts, section 5).

import type { Knex } from 'knex';
import { ConnectError, isConnectError } from '../core/errors.ts';
import type { DatabaseEngine } from './database-engine.ts';
import { isNew, isUpToDate, listMigrations } from './migrating.ts';
import { createPostgresEngine } from './postgres-engine.ts';
import { createSqliteEngine } from './sqlite-engine.ts';

export type Database = ReturnType<typeof openDatabase>;
/** What a query is written with: the database, or a transaction in it. */
export type Sql = Knex;

/** A file of SQLite's, or the address of a PostgreSQL database with its password; `name` is what may be shown of it. */
export type DatabaseLocation = { name: string } & (
  | { kind: 'sqlite'; file: string }
  | { kind: 'postgres'; url: string }
);

const patienceMilliseconds = 2_000;
/** Another process may be migrating a large database. */
const migrationPatienceMilliseconds = 60_000;
const writeProbeMilliseconds = 2_000;
/** A refresh writes a few kilobytes; the rest is for everybody who writes while the provider is being asked. */
const leastFreeBytes = 16 * 1024 * 1024;

function createEngine(location: DatabaseLocation, freeBytes: number): DatabaseEngine {
  return location.kind === 'sqlite' ? createSqliteEngine(location.file, freeBytes) : createPostgresEngine(location);
}

/**
 * `leastFreeBytes` must be free on SQLite's disk for a refresh to begin. Throws database_unavailable when the folder of
 * a file cannot be made; nothing else is tried before the first query.
 */
export function openDatabase(location: DatabaseLocation, options: { leastFreeBytes?: number } = {}) {
  const engine = createEngine(location, options.leastFreeBytes ?? leastFreeBytes);
  const { name } = location;
  const { storage } = engine;
  let db = engine.connect({ patient: false });
  let reopening: Promise<void> | null = null;
  let lastWrite = { at: Number.NEGATIVE_INFINITY, error: null as unknown };
  let closed = false;

  /**
   * Runs one query or transaction, again while another process holds the lock, for two seconds.
   * Throws database_unavailable when the database cannot serve it; any other failure is a bug.
   */
  const run = <T>(query: (db: Sql) => PromiseLike<T>): Promise<T> => tryFor(patienceMilliseconds, query);

  /** The same for what a power cut may undo: people would have to begin again, or a count is short. */
  const runUnsynced = <T>(query: (db: Sql) => PromiseLike<T>): Promise<T> =>
    tryFor(patienceMilliseconds, query, { synced: false });

  async function tryFor<T>(
    milliseconds: number,
    query: (db: Sql) => PromiseLike<T>,
    { synced = true } = {},
  ): Promise<T> {
    if (closed) throw new ConnectError('database_unavailable', 'the database is closed: the app is stopping');
    if (storage.state() === 'replaced') await reopen();
    const patient = Date.now() + milliseconds;
    for (;;) {
      let asked = db;
      try {
        return await engine.query(synced, () => {
          asked = db;
          return query(asked);
        });
      } catch (error) {
        const code = engine.codeOf(error);
        // Whoever waited for a place when the file was replaced was turned away, and goes on with the new one.
        if (code === null && asked !== db) continue;
        if (code === null) throw error;
        if (!engine.isBusy(code) || Date.now() > patient) throw translate(code);
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
      db = engine.connect({ patient: false });
      storage.remember();
      await former.destroy();
    })().finally(() => {
      reopening = null;
    });
    return reopening;
  }

  /** Throws database_unavailable when the file is gone: what is written then would be lost with it. */
  function checkFile(): void {
    if (storage.state() === 'missing') throw new ConnectError('database_unavailable', `${name} is gone`);
  }

  /** Throws database_unavailable when there is no room to write what a refresh brings. */
  async function checkRoom(): Promise<void> {
    checkFile();
    if (!storage.hasRoom()) throw new ConnectError('database_unavailable', `the disk of ${name} is full`);
  }

  /** Throws database_unavailable when the schema is not up to date. */
  async function checkMigrations(): Promise<void> {
    if (await run(isUpToDate)) return;
    throw new ConnectError('database_unavailable', 'the database has to be migrated');
  }

  /** Anybody may ask whether we are ready, so the disk is asked every two seconds at most. */
  async function checkWriting(): Promise<void> {
    if (Date.now() - lastWrite.at > writeProbeMilliseconds) {
      const write = run((sql) => sql('deployments').update({ written_at: new Date().toISOString() }));
      lastWrite = { at: Date.now(), error: await write.then(() => null).catch((error: unknown) => error) };
    }
    if (lastWrite.error !== null) throw lastWrite.error;
  }

  /**
   * All that is missing, in one transaction: of processes that start at once one migrates and the others find it done,
   * and one that is killed leaves nothing behind, not the library's lock either.
   */
  async function migrateAtOnce(): Promise<void> {
    const patient = engine.connect({ patient: true });
    try {
      await tryFor(migrationPatienceMilliseconds, () =>
        patient.transaction(async (trx) => {
          await engine.migrateAlone(trx);
          await trx.migrate.latest();
          await engine.settleSchema(trx);
        }),
      );
    } finally {
      await patient.destroy();
    }
  }

  function translate(code: string): Error {
    return engine.isUnavailable(code)
      ? new ConnectError('database_unavailable', `database: ${code}`)
      : new Error(`database: ${code}`);
  }

  return {
    name,
    run,
    runUnsynced,
    runTransaction,
    checkFile,
    checkRoom,
    checkMigrations,
    /** Brings the schema up to date. Throws database_unavailable, and misconfigured for a file of somebody else's. */
    async migrate(): Promise<void> {
      try {
        const upToDate = await run(isUpToDate);
        engine.protect();
        if (!upToDate) await migrateAtOnce();
        storage.remember();
      } catch (error) {
        if (!isConnectError(error, 'database_unavailable')) throw error;
        throw new ConnectError(error.code, `${name} cannot be opened and written: ${error.message}`);
      }
    },
    /** True where no app has started yet: none of its tables is there. Throws database_unavailable. */
    isNew: () => run(isNew),
    listMigrations: () => run(listMigrations),
    /** Reads and writes, has room, and finds the schema up to date. Throws database_unavailable. */
    async check(): Promise<void> {
      await checkMigrations();
      await checkRoom();
      await checkWriting();
    },
    async close(): Promise<void> {
      closed = true;
      await db.destroy();
    },
  };
}
