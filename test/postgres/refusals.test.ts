import { expect, test } from '@jest/globals';
import { openDatabase } from '../../src/adapters/database.ts';
import { openTestDatabase } from '../support/databases.ts';

test('a role that may make no tables is told so in a sentence, not as a bug', async () => {
  const sql = await openTestDatabase();
  const role = `may_nothing_${process.pid}`;
  await sql.database.run((db) => db.raw(`create role ${role} login password 'of-the-test'`));
  const url = new URL(process.env.TEST_DATABASE_URL ?? '');
  url.username = role;
  url.password = 'of-the-test';
  const database = openDatabase({ kind: 'postgres', name: 'PostgreSQL for tests', url: url.href });
  try {
    await expect(database.migrate()).rejects.toMatchObject({
      code: 'database_unavailable',
      message: 'PostgreSQL for tests cannot be opened and written: database: 42501',
    });
  } finally {
    await database.close();
    await sql.database.run((db) => db.raw(`drop role ${role}`));
    await sql.remove();
  }
});
