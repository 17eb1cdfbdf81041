// POST …/token with a stored fresh token, against a bare Express route that returns the same JSON from memory: the same
// client, the same number of connections, alternating rounds in one run. `npm run bench -- tokens`

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import autocannon from 'autocannon';
import { createApiKeyStore } from '../src/adapters/api-key-store.ts';
import { createConnectionStore } from '../src/adapters/connection-store.ts';
import { openDatabase } from '../src/adapters/database.ts';
import { createVault } from '../src/adapters/vault.ts';
import { createApiKeys } from '../src/core/api-keys.ts';
import { takeFreePort } from '../test/support/process.ts';

const rounds = 5;
const seconds = 5;
const connections = 16;
const keyBytes = new Uint8Array(32).fill(9);
const path = '/api/v1/users/u1/connections/dinero/token';
/** As large as Visma Connect's are (facts, section 1). */
const accessToken = `eyJ${'a'.repeat(1_100)}`;
const clock = { now: () => new Date(), monotonic: () => performance.now(), sleep: async () => {} };

/** A database with one connected user and a key; answers the key. */
async function seed(file: string): Promise<string> {
  const database = openDatabase({ kind: 'sqlite', name: 'the bench', file });
  await database.migrate();
  const store = createConnectionStore(database, createVault([{ id: 'k1', bytes: keyBytes }]), { unreadable: () => {} });
  const now = new Date();
  const grant = {
    accessToken,
    refreshToken: 'f'.repeat(64),
    scope: ['dineropublicapi:read', 'dineropublicapi:write', 'offline_access'],
    expiresAt: new Date(now.getTime() + 3_600_000),
    obtainedAt: now,
  };
  const terms = { refreshExpiresAt: null, dueAt: null, subject: null, startedAt: now, now, events: [] };
  const connection = await store.saveAuthorized('u1', grant, terms);
  if (!connection) throw new Error('not seeded');
  const organization = { id: '118244', name: 'RN', vatNumber: '12345678' };
  await store.chooseOrganization(connection, organization, now, null);
  const keys = createApiKeys({ clock, apiKeys: createApiKeyStore(database) });
  const { text } = await keys.create({ name: 'bench', scopes: ['tokens'], expiresAt: null });
  await database.close();
  return text;
}

async function start(args: string[], env: Record<string, string>, cwd: string) {
  const child = spawn(process.execPath, args, { cwd, env: { PATH: process.env.PATH ?? '', ...env } });
  child.stderr.pipe(process.stderr);
  // Read to the end, as whatever collects logs does.
  await new Promise<void>((ready, fail) => {
    child.stdout.on('data', (chunk) => String(chunk).includes('is ready') && ready());
    child.once('exit', () => fail(new Error('a server ended before it was ready')));
  });
  return child;
}

async function measure(port: number, key: string) {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}${path}`,
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: '{}',
    connections,
    duration: seconds,
  });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} refused, ${result.errors} failed`);
  return { perSecond: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 };
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const folder = mkdtempSync(join(tmpdir(), 'dinero-connect-bench-'));
const file = join(folder, 'bench.db');
const key = await seed(file);
const ports = { app: await takeFreePort(), bare: await takeFreePort() };
const app = await start(
  [resolve('src/main.ts')],
  {
    PORT: String(ports.app),
    NODE_ENV: 'production',
    BASE_URL: `http://localhost:${ports.app}`,
    DATABASE_URL: `sqlite:${file}`,
    VISMA_CLIENT_ID: 'isv_bench',
    VISMA_CLIENT_SECRET: 'secret',
    VISMA_ISSUER: 'https://connect.invalid',
    SESSION_SECRETS: 'a session secret of more than thirty-two characters',
    TOKEN_KEYS: `k1:${Buffer.from(keyBytes).toString('base64')}`,
    API_RATE_LIMIT: '100000000',
  },
  folder,
);
const bare = await start([resolve('bench/bare-route.ts')], { PORT: String(ports.bare) }, resolve('.'));

try {
  const measured = {
    bare: [] as Awaited<ReturnType<typeof measure>>[],
    app: [] as Awaited<ReturnType<typeof measure>>[],
  };
  // Until V8 has compiled what runs most.
  for (const name of ['bare', 'app', 'bare', 'app'] as const) await measure(ports[name], key);
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? (['bare', 'app'] as const) : (['app', 'bare'] as const)) {
      measured[name].push(await measure(ports[name], key));
    }
  }
  const ratios = measured.app.map(({ perSecond }, round) => perSecond / (measured.bare[round]?.perSecond ?? 1));
  process.stdout.write(`${cpus().length} cores, ${cpus()[0]?.model}, Node ${process.version}\n`);
  process.stdout.write(`${rounds} alternating rounds of ${seconds} s, ${connections} connections, medians\n\n`);
  for (const name of ['bare', 'app'] as const) {
    const [perSecond, p50, p99] = (['perSecond', 'p50', 'p99'] as const).map((of) =>
      median(measured[name].map((one) => one[of])),
    );
    process.stdout.write(
      `${name.padEnd(5)} ${perSecond?.toFixed(0)} requests a second, p50 ${p50} ms, p99 ${p99} ms\n`,
    );
  }
  process.stdout.write(`ratio ${median(ratios).toFixed(2)} (${ratios.map((one) => one.toFixed(2)).join(', ')})\n`);
} finally {
  for (const child of [app, bare]) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
}
