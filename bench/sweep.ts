// One keep-alive sweep over 1,000 due connections: among 1,000 connections in all, and among 100,000. It should read
// the due ones alone, and memory should stay flat.
//   npm run bench:sweep

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createApiKeyStore } from '../src/adapters/api-key-store.ts';
import { createAttemptStore } from '../src/adapters/attempt-store.ts';
import { placeOfGrant } from '../src/adapters/connection-row.ts';
import { createConnectionStore } from '../src/adapters/connection-store.ts';
import { openDatabase } from '../src/adapters/database.ts';
import { createDinero } from '../src/adapters/dinero.ts';
import { createDineroForwarding } from '../src/adapters/dinero-forwarding.ts';
import { createEventStore } from '../src/adapters/event-store.ts';
import { createIdentityStore } from '../src/adapters/identity-store.ts';
import { createImportedGrantStore } from '../src/adapters/imported-grant-store.ts';
import { createLinkStore } from '../src/adapters/link-store.ts';
import { createOnboardingStore } from '../src/adapters/onboarding-store.ts';
import { createOversightStore } from '../src/adapters/oversight-store.ts';
import { createRevocationStore } from '../src/adapters/revocation-store.ts';
import { createVault } from '../src/adapters/vault.ts';
import { createVismaConnect } from '../src/adapters/visma-connect.ts';
import { createWebhookStore } from '../src/adapters/webhook-store.ts';
import { createCore } from '../src/core/index.ts';
import type { Clock } from '../src/core/ports.ts';

const due = 1_000;
const totals = [1_000, 100_000];
const rounds = 5;
const day = 86_400_000;
const lifetimeSeconds = 30 * 86_400;

const clock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  sleep: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => {}),
};
const vault = createVault([{ id: 'k1', bytes: new Uint8Array(32).fill(3) }]);
// As long as the real ones are (facts, section 1).
const accessToken = `eyJ.${'a'.repeat(1_200)}.sig`;
const refreshToken = 'f'.repeat(64);

/** A token endpoint that answers at once, in a thread of its own: its memory is not the app's. */
const provider = new Worker(
  `const { createServer } = require('node:http'); const { parentPort } = require('node:worker_threads');
   let calls = 0;
   const server = createServer((request, response) => {
     const origin = 'http://127.0.0.1:' + server.address().port;
     response.setHeader('content-type', 'application/json');
     if (request.method === 'GET') return response.end(JSON.stringify({ issuer: origin,
       authorization_endpoint: origin + '/a', token_endpoint: origin + '/t', jwks_uri: origin + '/k',
       token_endpoint_auth_methods_supported: ['client_secret_post'] }));
     calls += 1;
     request.resume().on('end', () => response.end(JSON.stringify({ access_token: ${JSON.stringify(accessToken)},
       refresh_token: '${'0'.repeat(56)}' + String(calls).padStart(8, '0'), token_type: 'Bearer', expires_in: 3600 })));
   }).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
   parentPort.on('message', () => parentPort.postMessage(calls));`,
  { eval: true },
);
const [providerPort] = (await once(provider, 'message')) as [number];

type Scene = Awaited<ReturnType<typeof prepare>>;

async function prepare(total: number) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-sweep-'));
  const database = openDatabase(join(folder, 'bench.db'));
  await database.migrate();
  const now = Date.now();
  const batch = 500;
  for (let start = 0; start < total; start += batch) {
    const rows = await Promise.all(
      Array.from({ length: batch }, async (_, offset) => {
        const id = `c${start + offset}`;
        return {
          id,
          user_id: `u${start + offset}`,
          status: 'connected',
          scope: 'dineropublicapi:read offline_access',
          sealed_access_token: await vault.seal(accessToken, placeOfGrant(id, 'access_token')),
          sealed_refresh_token: await vault.seal(refreshToken, placeOfGrant(id, 'refresh_token')),
          key_id: 'k1',
          generation: 1,
          access_expires_at: new Date(now - day).toISOString(),
          refresh_expires_at: new Date(now + 20 * day).toISOString(),
          authorized_at: new Date(now - 10 * day).toISOString(),
          obtained_at: new Date(now - 10 * day).toISOString(),
          due_at: new Date(now + 5 * day).toISOString(),
        };
      }),
    );
    await database.run((db) => db.batchInsert('connections', rows, 50));
  }
  const counted = { rowsRead: 0 };
  const connections = createConnectionStore(database, vault, { unreadable: () => {} });
  const { findByUser, listDue } = connections;
  const counting = {
    ...connections,
    findByUser(userId: string) {
      counted.rowsRead += 1;
      return findByUser(userId);
    },
    async listDue(...args: Parameters<typeof listDue>) {
      const rows = await listDue(...args);
      counted.rowsRead += rows.length;
      return rows;
    },
  };
  const origin = `http://127.0.0.1:${providerPort}`;
  const core = createCore(
    {
      clock,
      deployment: { isOurs: async () => true },
      watchRefresh: () => {},
      watchOnboarding: () => {},
      identityProvider: createVismaConnect(
        { issuer: origin, clientId: 'isv_bench', clientSecret: 'secret', scopes: [], redirectUri: `${origin}/r` },
        clock,
      ),
      accountingApi: createDinero({ baseUrl: origin }, clock),
      forwarding: createDineroForwarding({ baseUrl: origin }, clock),
      attempts: createAttemptStore(database, vault),
      connections: counting,
      revocations: createRevocationStore(database, vault, () => {}),
      identities: createIdentityStore(database),
      events: createEventStore(database),
      apiKeys: createApiKeyStore(database),
      links: createLinkStore(database),
      webhooks: createWebhookStore(database),
      onboarding: createOnboardingStore(database),
      oversight: createOversightStore(database),
      webhookReceiver: null,
      importedGrants: createImportedGrantStore(database, vault),
    },
    {
      scopes: [],
      refreshTokenPolicy: { use: 'one-time', lifetimeSeconds, graceSeconds: 0 },
      linkSecrets: [],
      returnUrlOrigins: [],
    },
  );
  return { total, folder, database, core, counted };
}

/** Makes `due` of them due, spread over all, and sweeps. */
async function sweep({ total, database, core, counted }: Scene) {
  const now = Date.now();
  const ids = Array.from({ length: due }, (_, number) => `c${number * (total / due)}`);
  await database.run((db) =>
    db('connections')
      .whereIn('id', ids)
      .update({
        due_at: new Date(now - 1_000).toISOString(),
        refresh_expires_at: new Date(now + 10 * day).toISOString(),
      }),
  );
  counted.rowsRead = 0;
  globalThis.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  const started = performance.now();
  const report = await core.keepAlive.sweep();
  const seconds = (performance.now() - started) / 1_000;
  globalThis.gc?.();
  const heapGrowth = (process.memoryUsage().heapUsed - heapBefore) / 2 ** 20;
  if (report.refreshed !== due) throw new Error(`swept ${JSON.stringify(report)}`);
  return { seconds, rowsRead: counted.rowsRead, heapGrowth, resident: process.memoryUsage().rss / 2 ** 20 };
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const scenes = [];
for (const total of totals) scenes.push(await prepare(total));
const results = new Map(scenes.map((scene) => [scene, [] as Awaited<ReturnType<typeof sweep>>[]]));
for (let round = 0; round < rounds; round += 1) {
  for (const scene of scenes) results.get(scene)?.push(await sweep(scene));
}
process.stdout.write(`medians of ${rounds} alternating rounds, ${due} due in each\n`);
for (const [{ total, database }, swept] of results) {
  const pick = (of: (one: (typeof swept)[number]) => number) => median(swept.map(of));
  const plan = await database.run((db) =>
    db.raw("explain query plan select user_id from connections where due_at <= 'x' order by due_at, user_id limit 100"),
  );
  process.stdout.write(
    `${String(total).padStart(7)} connections: ${pick(({ seconds }) => seconds).toFixed(2)} s, ` +
      `${Math.round(due / pick(({ seconds }) => seconds))} refreshes a second, ` +
      `${pick(({ rowsRead }) => rowsRead)} rows read, heap ${pick(({ heapGrowth }) => heapGrowth).toFixed(1)} MB more, ` +
      `resident ${pick(({ resident }) => resident).toFixed(0)} MB\n          ${(plan as { detail: string }[]).map(({ detail }) => detail).join('; ')}\n`,
  );
}
const [small, large] = [...results.values()].map((swept) => median(swept.map(({ seconds }) => seconds)));
process.stdout.write(`ratio of times, large to small: ${((large ?? 0) / (small ?? 1)).toFixed(2)}\n`);
for (const { database, folder } of scenes) {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
}
await provider.terminate();
