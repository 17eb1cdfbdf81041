// `npm run with-postgres -- <command>`: runs it with TEST_DATABASE_URL, on a PostgreSQL that is made for it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startPostgres } from '../test/support/postgres-server.ts';

const [command = '', ...args] = process.argv.slice(2);
// What these tests are after is what the app does, not a power cut under PostgreSQL.
const postgres = await startPostgres({ fsync: 'off', max_connections: '300' });
try {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, TEST_DATABASE_URL: postgres.url } });
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
} finally {
  await postgres.remove();
}
