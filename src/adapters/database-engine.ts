// What SQLite and PostgreSQL do differently, for the one way in which both are used (database.ts).

import { fileURLToPath } from 'node:url';
import type { Knex } from 'knex';

export type DatabaseEngine = {
  /** `patient`: for migrations, which may take as long as they need. */
  connect(options: { patient: boolean }): Knex;
  /**
   * Runs one query or transaction on it. What is not `synced` may be undone by a power cut, though never by the end of
   * this process; what is takes all before it along.
   */
  query<T>(synced: boolean, work: () => PromiseLike<T>): PromiseLike<T>;
  /** Of an error of the driver; null for one that is not. */
  codeOf(error: unknown): string | null;
  /** Nothing was done, and soon it may work. */
  isBusy(code: string): boolean;
  /** The database cannot serve; every other code is a bug of ours. */
  isUnavailable(code: string): boolean;
  /** Shuts out every other process that migrates, until the transaction ends or this process dies. */
  migrateAlone(trx: Knex): Promise<void>;
  /** After the migrations, in their transaction. */
  settleSchema(trx: Knex): Promise<void>;
  /** At every start: lets nobody else of this machine read it. */
  protect(): void;
  storage: DatabaseStorage;
};

/** Where it lies, as far as a process beside it can know. */
export type DatabaseStorage = {
  /** What is there now is what is open from here on. */
  remember(): void;
  /** `missing`: whatever is written goes nowhere. `replaced`: another one is there. */
  state(): 'same' | 'missing' | 'replaced';
  /** False when what a refresh brings could not be stored. */
  hasRoom(): boolean;
};

const acquireTimeoutMilliseconds = 5_000;
export const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));
/** What goes wrong comes back to the caller; the library need not print it, too. */
const silent = { warn() {}, error() {}, deprecate() {}, debug() {} };

/** The same on every engine. */
export const commonOptions = {
  compileSqlOnError: false,
  // A version that is newer may have migrated: what it added does not concern this one.
  migrations: { directory: migrationsDirectory, loadExtensions: ['.ts'], disableMigrationsListValidation: true },
  acquireConnectionTimeout: acquireTimeoutMilliseconds,
  log: silent,
} satisfies Knex.Config;

/** The library's own, when every connection is in use. */
export function isPoolTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'KnexTimeoutError';
}

export const poolTimeout = 'POOL_TIMEOUT';
