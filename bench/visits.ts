// What visitors who never press the button leave behind: rows and memory, after 1,000 page views and on the way to 100,000.
//   npm run bench -- visits

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { takeFreePort } from '../test/support/ports.ts';
import { makeFolder, startApp } from '../test/support/process.ts';

const parallel = 16;
const place = makeFolder();
const port = await takeFreePort();
const app = await startApp(place.folder, {
  NODE_ENV: 'production',
  BASE_URL: `http://localhost:${port}`,
  PORT: String(port),
  SANDBOX: 'true',
  SANDBOX_PORT: String(await takeFreePort()),
  SESSION_SECRETS: randomBytes(32).toString('base64'),
  TOKEN_KEYS: `k1:${randomBytes(32).toString('base64')}`,
  LOG_LEVEL: 'silent',
});
const agent = new Agent({ keepAlive: true, maxSockets: parallel });

function visit(): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: '/', agent }, (response) => response.resume().on('end', resolve))
      .on('error', reject)
      .end();
  });
}

async function visitMany(count: number): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (; left > 0; ) {
        left -= 1;
        await visit();
      }
    }),
  );
}

function look(): string {
  const status = readFileSync(`/proc/${app.pid}/status`, 'utf8');
  const megabytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  const database = new Sqlite(join(place.folder, 'data/dinero-connect.db'), { readonly: true });
  const counts = ['sessions', 'attempts'].map(
    (table) => `${table} ${(database.prepare(`select count(*) as n from ${table}`).get() as { n: number }).n}`,
  );
  database.close();
  return `${counts.join(', ')}, resident memory ${megabytes.toFixed(0)} MB`;
}

let done = 0;
for (const until of [1_000, 10_000, 50_000, 100_000]) {
  const started = performance.now();
  await visitMany(until - done);
  const perSecond = Math.round((until - done) / ((performance.now() - started) / 1000));
  done = until;
  process.stdout.write(`after ${String(until).padStart(6)} visits: ${look()}, ${perSecond} visits a second\n`);
}
agent.destroy();
await app.stop();
place.remove();
