// The database of a journey, whose app runs in a folder with DATABASE_URL=sqlite:data/<file>. With TEST_DATABASE_URL it
// is a schema of PostgreSQL's instead, one for each file that would be. A file outside of `data` is always SQLite's: for
// what is about that file.

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import Sqlite from 'better-sqlite3';
import type { DatabaseLocation } from '../../src/adapters/database.ts';
import { engineName, nameSchema, sqliteAt } from './databases.ts';

const busyMilliseconds = 2_000;
const usualUrl = 'sqlite:data/dinero-connect.db';

/** What the app in `folder` is to be started with. */
export function placeDatabase(folder: string, env: Record<string, string>): Record<string, string> {
  const { DATABASE_URL: url = usualUrl } = env;
  const file = /^sqlite:(.+)/.exec(url)?.[1];
  return file === undefined || isSqlite(file) ? env : { ...env, DATABASE_URL: urlOf(folder, file) };
}

/** The same place for a test that opens it itself. */
export function locateDatabase(folder: string, file: string): DatabaseLocation {
  if (isSqlite(file)) return sqliteAt(resolve(folder, file));
  return { kind: 'postgres', name: 'PostgreSQL for tests', url: urlOf(folder, file) };
}

/** `ok`, or what is wrong with what lies there. */
export function checkIntegrity(folder: string, file: string): string {
  if (isSqlite(file)) {
    return querySql<{ integrity_check: string }>(folder, file, 'pragma integrity_check')[0]?.integrity_check ?? '';
  }
  const answer = callPsql(
    urlOf(folder, file),
    'create extension if not exists amcheck; select bt_index_check(indexrelid) from pg_index join pg_class on pg_class.oid = indexrelid where relnamespace = current_schema()::regnamespace and relam = 403',
  );
  return answer.trim() || 'ok';
}

/** One statement beside the app; answers the rows of a `select`, and none for every other. */
export function querySql<T>(folder: string, file: string, sql: string): T[] {
  return isSqlite(file) ? querySqlite(resolve(folder, file), sql) : queryPostgres(urlOf(folder, file), sql);
}

/** Lets nobody write until `letGo` is called; reading goes on. */
export async function holdDatabase(folder: string, file: string): Promise<{ letGo(): void }> {
  if (isSqlite(file)) {
    const holder = new Sqlite(resolve(folder, file));
    holder.exec('BEGIN IMMEDIATE');
    return { letGo: () => void holder.close() };
  }
  const psql = spawn('psql', [urlOf(folder, file), '-qAt'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const tables = 'connections, sessions, attempts, deployments';
  psql.stdin.write(`begin; lock table ${tables} in exclusive mode; select 'held';\n`);
  await once(psql.stdout, 'data');
  return { letGo: () => void psql.stdin.end('rollback;\n') };
}

/** For a deployment that starts on what another one has left; on PostgreSQL both have the same. */
export function copyDatabase(from: string, to: string, file: string): void {
  if (isSqlite(file)) cpSync(dirname(resolve(from, file)), dirname(resolve(to, file)), { recursive: true });
  else schemas.set(to, new Map(schemas.get(to)).set(file, urlOf(from, file)));
}

/** What PostgreSQL holds of the databases of `folder`, as files beside those that lie there. */
export function dumpDatabases(folder: string): { file: string; content: Buffer }[] {
  return [...(schemas.get(folder) ?? [])].flatMap(([file, url]) => {
    const tables = queryPostgres(url, 'select 1 from pg_tables where schemaname = current_schema()');
    if (tables.length === 0) return [];
    const schema = nameSchema(idOf(folder, file)).schema;
    return [
      { file: basename(file), content: execFileSync('pg_dump', ['--inserts', '--schema', schema, '--dbname', url]) },
    ];
  });
}

/** By folder and file. */
const schemas = new Map<string, Map<string, string>>();

function isSqlite(file: string): boolean {
  return engineName === 'SQLite' || !file.startsWith('data/');
}

function idOf(folder: string, file: string): string {
  return createHash('sha256').update(resolve(folder, file)).digest('hex').slice(0, 16);
}

function urlOf(folder: string, file: string): string {
  const known = schemas.get(folder)?.get(file);
  if (known) return known;
  const { url, schema } = nameSchema(idOf(folder, file));
  schemas.set(folder, new Map(schemas.get(folder)).set(file, url));
  callPsql(url, `set client_min_messages = error; create schema if not exists ${schema}`);
  return url;
}

function querySqlite<T>(file: string, sql: string): T[] {
  const database = new Sqlite(file, { timeout: busyMilliseconds });
  try {
    const statement = database.prepare(sql);
    if (statement.reader) return statement.all() as T[];
    statement.run();
    return [];
  } finally {
    database.close();
  }
}

function queryPostgres<T>(url: string, sql: string): T[] {
  if (!/^select/i.test(sql)) {
    callPsql(url, sql);
    return [];
  }
  return JSON.parse(callPsql(url, `select coalesce(json_agg(found), '[]') from (${sql}) found`)) as T[];
}

function callPsql(url: string, sql: string): string {
  return execFileSync('psql', [url, '-v', 'ON_ERROR_STOP=1', '-qAt', '-c', sql], { encoding: 'utf8' });
}
