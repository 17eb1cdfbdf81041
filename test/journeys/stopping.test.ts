import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { querySql } from '../support/journey-database.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';
import { openRemoteBrowser } from '../support/remote-browser.ts';

// Requirement F30, and the other signals that a running app takes.

let place: ReturnType<typeof makeFolder>;
let port: number;
let sandbox: Sandbox;
let app: AppProcess;

beforeAll(async () => {
  port = await takeFreePort();
  const redirectUris = [`http://localhost:${port}/oauth/callback`];
  sandbox = await startSandbox({
    port: 0,
    client: { clientId: 'isv_stop', clientSecret: 'of-the-test', redirectUris },
  });
});
afterAll(() => sandbox.close());
beforeEach(() => {
  place = makeFolder();
  sandbox.reset();
});
afterEach(async () => {
  await app.stop('SIGKILL');
  place.remove();
});

async function start(env: Record<string, string> = {}): Promise<void> {
  app = await startApp(place.folder, {
    PORT: String(port),
    VISMA_ISSUER: sandbox.origin,
    DINERO_API_URL: sandbox.origin,
    VISMA_CLIENT_ID: 'isv_stop',
    VISMA_CLIENT_SECRET: 'of-the-test',
    SESSION_SECRETS: 'a-session-secret-of-32-characters-or-more',
    TOKEN_KEYS: `k1:${Buffer.alloc(32, 5).toString('base64')}`,
    ...env,
  });
}

const get = (path: string) => fetch(`http://localhost:${port}${path}`);
const outputHolds = async (text: string) => {
  for (let tries = 0; tries < 100 && !app.output().includes(text); tries += 1) await sleep(20);
  expect(app.output()).toContain(text);
};

test('asked to stop it is not ready at once, goes on for a while, and ends with 0', async () => {
  await start({ STOP_DELAY: '2s' });
  expect((await get('/readyz')).status).toBe(200);
  process.kill(app.pid ?? 0, 'SIGTERM');
  await outputHolds('"msg":"stopping"');
  const ready = await get('/readyz');
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'stopping', checks: {} }]);
  expect(ready.headers.get('connection')).toBe('close');
  const page = await get('/');
  expect([page.status, page.headers.get('connection')]).toEqual([200, 'close']);
  expect(await app.ended).toBe(0);
}, 30_000);

test('asked to stop it begins no refresh that nobody waits for, however long balancers take', async () => {
  await start({ STOP_DELAY: '13s', REFRESH_TOKEN_USE: 'one-time', REFRESH_TOKEN_LIFETIME: '30d' });
  const browser = openRemoteBrowser(`http://localhost:${port}`);
  await browser.signIn('rikke');
  await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId: '118244' });
  const before = sandbox.count('POST', '/connect/token');
  const soon = new Date(Date.now() + 86_400_000).toISOString();
  process.kill(app.pid ?? 0, 'SIGTERM');
  await outputHolds('"msg":"stopping"');
  const due = `due_at = '2026-01-01T00:00:00.000Z', refresh_expires_at = '${soon}'`;
  querySql(
    place.folder,
    'data/dinero-connect.db',
    `update connections set ${due}, access_expires_at = '2026-01-01T00:00:00.000Z'`,
  );
  // A sweep comes every ten seconds, give or take a quarter.
  expect(await app.ended).toBe(0);
  expect(sandbox.count('POST', '/connect/token')).toBe(before);
}, 30_000);

test('asked to stop in the middle of a sign-in it finishes that first', async () => {
  await start();
  const browser = openRemoteBrowser(`http://localhost:${port}`);
  sandbox.faults.set('token', { kind: 'slow', ms: 1_000 }, 1);
  const signingIn = browser.signIn('rikke');
  for (let tries = 0; tries < 200 && sandbox.count('POST', '/connect/token') === 0; tries += 1) await sleep(20);
  process.kill(app.pid ?? 0, 'SIGTERM');
  expect((await signingIn).location).toBe('/organizations');
  expect(await app.ended).toBe(0);
}, 30_000);

test('asked twice it ends at once, with 1', async () => {
  await start();
  const browser = openRemoteBrowser(`http://localhost:${port}`);
  sandbox.faults.set('token', { kind: 'hang' }, 1);
  const signingIn = browser.signIn('rikke').catch(() => null);
  for (let tries = 0; tries < 200 && sandbox.count('POST', '/connect/token') === 0; tries += 1) await sleep(20);
  process.kill(app.pid ?? 0, 'SIGTERM');
  await outputHolds('"msg":"stopping"');
  process.kill(app.pid ?? 0, 'SIGTERM');
  expect(await app.ended).toBe(1);
  await signingIn;
}, 30_000);

test('SIGUSR2 makes the log say more, and less again', async () => {
  await start();
  const change = async (level: string) => {
    process.kill(app.pid ?? 0, 'SIGUSR2');
    await outputHolds(`"level":"${level}","msg":"the level of this log was changed by SIGUSR2"`);
  };
  expect(app.output()).not.toContain('"level":20');
  await change('debug');
  await openRemoteBrowser(`http://localhost:${port}`).signIn('rikke');
  await change('info');
}, 30_000);
