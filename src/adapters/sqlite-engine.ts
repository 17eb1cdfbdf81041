// SQLite: one file, one writer.

import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import knex from 'knex';
import { ConnectError } from '../core/errors.ts';
import { commonOptions, type DatabaseEngine, isPoolTimeout, poolTimeout } from './database-engine.ts';
import { createDatabaseFile } from './database-file.ts';
import { closeToOthers } from './file-access.ts';

/** The wait is in the driver and blocks the event loop, so it is short; the patience is in database.ts. */
const busyTimeoutMilliseconds = 20;
const mostStatements = 500;
const lockTable = 'knex_migrations_lock';
const unavailable =
  /^(SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|PROTOCOL|NOMEM)|POOL_TIMEOUT|E[A-Z]+$)/;

/** Makes the folder when it is missing and, at the first query, the file: both for this account alone. */
export function createSqliteEngine(filename: string, leastFreeBytes: number): DatabaseEngine {
  makeFolder(filename);
  let current: Connection | null = null;
  let isSynced = true;
  let lastTurn: Promise<unknown> = Promise.resolve();

  return {
    connect({ patient }) {
      // The one before is about to be closed.
      if (!patient) current = null;
      return knex({
        ...commonOptions,
        client: 'better-sqlite3',
        // Asked for when the first connection is made. SQLite's log takes the mode of the file that it finds.
        connection: () => {
          closeSync(openSync(filename, 'a', 0o600));
          return { filename };
        },
        useNullAsDefault: true,
        pool: {
          min: 1,
          max: 1,
          afterCreate(connection: Connection, done: (error: unknown) => void) {
            if (!patient) {
              current = connection;
              isSynced = true;
            }
            prepareConnection(connection, done);
          },
        },
      });
    },
    // There is one connection: whoever sets how it writes must be the one who writes next.
    query(synced, work) {
      const turn = lastTurn.then(() => {
        if (current && synced !== isSynced) {
          current.pragma(`synchronous = ${synced ? 'FULL' : 'NORMAL'}`);
          isSynced = synced;
        }
        return work();
      });
      lastTurn = turn.catch(() => {});
      return turn;
    },
    codeOf,
    isBusy: (code) => code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'),
    isUnavailable: (code) => unavailable.test(code),
    // A writing transaction is alone as it is. A lock that is found is a dead one's: who could release it is shut out.
    async migrateAlone(trx) {
      if (await trx.schema.hasTable(lockTable)) await trx(lockTable).update({ is_locked: 0 });
    },
    async settleSchema() {},
    protect: () => closeToOthers(filename),
    storage: createDatabaseFile(filename, leastFreeBytes),
  };
}

function makeFolder(filename: string): void {
  try {
    mkdirSync(dirname(filename), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ConnectError('database_unavailable', `the folder of ${filename} cannot be made: ${codeOf(error)}`);
  }
}

type Connection = { pragma(text: string): unknown; prepare(sql: string): unknown };

function prepareConnection(connection: Connection, done: (error: unknown) => void): void {
  try {
    connection.pragma(`busy_timeout = ${busyTimeoutMilliseconds}`);
    connection.pragma('journal_mode = WAL');
    // A refresh token that the provider has already replaced must survive a power cut.
    connection.pragma('synchronous = FULL');
    connection.pragma('foreign_keys = ON');
    rememberStatements(connection);
    done(null);
  } catch (error) {
    done(error);
  }
}

/** SQLite would compile each text anew; the library asks for the same few again and again. */
function rememberStatements(connection: Connection): void {
  const statements = new Map<string, unknown>();
  const prepare = connection.prepare.bind(connection);
  connection.prepare = (sql) => {
    const known = statements.get(sql);
    if (known) return known;
    if (statements.size >= mostStatements) statements.clear();
    const prepared = prepare(sql);
    statements.set(sql, prepared);
    return prepared;
  };
}

function codeOf(error: unknown): string | null {
  if (isPoolTimeout(error)) return poolTimeout;
  if (typeof error !== 'object' || error === null) return null;
  return 'code' in error && typeof error.code === 'string' ? error.code : null;
}
