// Connections with one-time tokens in a database of their own, and a provider that answers at once.

import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { placeOfGrant } from '../src/adapters/connection-row.ts';
import { createConnectionStore } from '../src/adapters/connection-store.ts';
import { openDatabase } from '../src/adapters/database.ts';
import { createDinero } from '../src/adapters/dinero.ts';
import { createDineroForwarding } from '../src/adapters/dinero-forwarding.ts';
import { createVault } from '../src/adapters/vault.ts';
import { createVismaConnect } from '../src/adapters/visma-connect.ts';
import { createCore } from '../src/core/index.ts';
import type { Clock } from '../src/core/ports.ts';
import { createMemoryStores } from '../test/support/memory-stores.ts';

export const day = 86_400_000;

export const clock: Clock = {
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

export type Scene = Awaited<ReturnType<typeof prepare>>;

export const policy = { use: 'one-time', lifetimeSeconds: 30 * 86_400, graceSeconds: 0 } as const;

export async function prepare(total: number) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-sweep-'));
  const database = openDatabase({ kind: 'sqlite', name: 'the bench', file: join(folder, 'bench.db') });
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
      watchHandOut: () => {},
      identityProvider: createVismaConnect(
        { issuer: origin, clientId: 'isv_bench', clientSecret: 'secret', scopes: [], redirectUri: `${origin}/r` },
        clock,
      ),
      accountingApi: createDinero({ baseUrl: origin }, clock),
      forwarding: createDineroForwarding({ baseUrl: origin }, clock),
      // A sweep asks nothing of the others.
      ...createMemoryStores(),
      connections: counting,
      webhookReceiver: null,
    },
    {
      scopes: [],
      refreshTokenPolicy: policy,
      linkSecrets: [],
      returnUrlOrigins: [],
    },
  );
  return { total, folder, database, core, counted, connections: counting, origin };
}

export async function endProvider(): Promise<void> {
  await provider.terminate();
}
