// PostgreSQL: several processes, each with a few connections.

import knex, { type Knex } from 'knex';
import { commonOptions, type DatabaseEngine, isPoolTimeout, poolTimeout } from './database-engine.ts';

const mostConnections = 10;
const connectMilliseconds = 5_000;
/** A connection that nobody uses is given back; one on which nothing has come for longer is dead. */
const idleMilliseconds = 15_000;
const silenceMilliseconds = 20_000;
const statementMilliseconds = 10_000;
const lockMilliseconds = 5_000;
/** Some number that no other program takes, for the lock of whoever migrates. */
const migrationLock = 4_927_118;

/** Refused, or still starting: nothing was asked yet. */
const notConnected = ['ECONNREFUSED', '57P03'];
/** Two transactions in each other's way: one was undone. */
const undone = ['40001', '40P01', '55P03'];
/**
 * The classes of what a program does wrong (PostgreSQL's documentation, appendix A): its data, constraints, syntax; but
 * not what the role may not do.
 */
const bug = /^(?!42501)(0A|2[0-467BDF]|3[48]|42)[0-9A-Z]{3}$/;
/** What the driver says without a code; the library puts the statement before it. */
const driverTroubles =
  /(^| - )(Connection terminated|Client has encountered|Client was closed|timeout expired|The server does not support SSL|SASL)/;

export function createPostgresEngine({ url }: { url: string }): DatabaseEngine {
  return {
    connect: ({ patient }) =>
      knex({
        ...commonOptions,
        client: 'pg',
        connection: {
          connectionString: url,
          application_name: 'dinero-connect',
          connectionTimeoutMillis: connectMilliseconds,
          keepAlive: true,
        },
        pool: {
          min: 0,
          max: patient ? 1 : mostConnections,
          idleTimeoutMillis: idleMilliseconds,
          afterCreate: patient ? acceptConnection : prepareConnection,
        },
      }),
    query: (_synced, work) => work(),
    codeOf,
    isBusy: (code) => notConnected.includes(code) || undone.includes(code),
    isUnavailable: (code) => !bug.test(code),
    async migrateAlone(trx) {
      await trx.raw('select pg_advisory_xact_lock(?, hashtext(current_schema()::text))', [migrationLock]);
    },
    settleSchema: orderByBytes,
    protect: () => {},
    storage: { remember: () => {}, state: () => 'same', hasRoom: () => true },
  };
}

/**
 * Texts are compared byte by byte, as SQLite does and as times and cursors need it, and not by the rules of a language.
 */
async function orderByBytes(trx: Knex): Promise<void> {
  const columns = await trx('information_schema.columns')
    .where({ table_schema: trx.raw('current_schema()'), data_type: 'text' })
    .whereNot('table_name', 'like', 'knex\\_%')
    .andWhere((column) => column.whereNull('collation_name').orWhereNot('collation_name', 'C'))
    .select<{ table_name: string; column_name: string }[]>('table_name', 'column_name');
  for (const { table_name: table, column_name: column } of columns) {
    await trx.raw('alter table ?? alter column ?? type text collate "C"', [table, column]);
  }
}

type Connection = {
  query(text: string, done: (error: unknown) => void): void;
  connection: { stream: { setTimeout(milliseconds: number, silent: () => void): void; destroy(): void } };
};

function acceptConnection(_connection: Connection, done: (error: unknown) => void): void {
  done(null);
}

function prepareConnection(connection: Connection, done: (error: unknown) => void): void {
  // A host that is gone says nothing; whoever waits for it has to hear so.
  const { stream } = connection.connection;
  stream.setTimeout(silenceMilliseconds, () => stream.destroy());
  connection.query(
    `set statement_timeout = ${statementMilliseconds};
     set lock_timeout = ${lockMilliseconds};
     set idle_in_transaction_session_timeout = ${silenceMilliseconds};
     -- A refresh token that the provider has already replaced must survive a power cut.
     select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') in ('off', 'local')`,
    done,
  );
}

function codeOf(error: unknown): string | null {
  if (isPoolTimeout(error)) return poolTimeout;
  if (!(error instanceof Error)) return null;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return driverTroubles.test(error.message) ? 'CONNECTION_LOST' : null;
}
