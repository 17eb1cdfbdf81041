import { test } from '@jest/globals';
import { engineName } from './databases.ts';

/** For what is about SQLite's file; left out on PostgreSQL. */
export const testOnSqlite = engineName === 'SQLite' ? test : test.skip;
