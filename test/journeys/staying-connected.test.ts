import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { holdDatabase, querySql } from '../support/journey-database.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';
import { openRemoteBrowser } from '../support/remote-browser.ts';

// Real processes on one database file, one-time tokens, and access tokens that have ended when they are looked at.

let place: ReturnType<typeof makeFolder>;
let port: number;
let sandbox: Sandbox;
let apps: AppProcess[];

beforeAll(async () => {
  port = await takeFreePort();
  const client = {
    clientId: 'isv_stay',
    clientSecret: 'of-the-test',
    redirectUris: [`http://localhost:${port}/oauth/callback`],
  };
  const settings = { refreshTokenUse: 'one-time', accessTokenLifetimeSeconds: 1 } as const;
  sandbox = await startSandbox({ port: 0, client, settings });
});
afterAll(() => sandbox.close());
beforeEach(() => {
  place = makeFolder();
  apps = [];
  sandbox.reset();
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.stop()));
  place.remove();
});

/** One more process; all are the same deployment, each listens on a port of its own. */
async function start(listenOn = port, env: Record<string, string> = {}): Promise<AppProcess> {
  const app = await startApp(place.folder, {
    PORT: String(listenOn),
    BASE_URL: `http://localhost:${port}`,
    VISMA_ISSUER: sandbox.origin,
    DINERO_API_URL: sandbox.origin,
    VISMA_CLIENT_ID: 'isv_stay',
    VISMA_CLIENT_SECRET: 'of-the-test',
    REFRESH_TOKEN_USE: 'one-time',
    REFRESH_TOKEN_LIFETIME: '30d',
    SESSION_SECRETS: 'a-session-secret-of-32-characters-or-more',
    TOKEN_KEYS: `k1:${Buffer.alloc(32, 5).toString('base64')}`,
    DATABASE_URL: 'sqlite:data/stay.db',
    ...env,
  });
  apps.push(app);
  return app;
}

async function connect() {
  const browser = openRemoteBrowser(`http://localhost:${port}`);
  await browser.signIn('rikke');
  await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId: '118244' });
  await sleep(1_100);
  sandbox.requests.length = 0;
  return browser;
}

const tokenCalls = () => sandbox.count('POST', '/connect/token');

const query = <T>(sql: string): T[] => querySql(place.folder, 'data/stay.db', sql);

test('F17: eight processes that want one one-time token refreshed make one token call, and all go on with the new one', async () => {
  await start();
  const browser = await connect();
  const ports: number[] = [];
  for (let number = 0; number < 7; number += 1) ports.push(await takeFreePort());
  await Promise.all(ports.map((other) => start(other)));
  // Long enough for all of them to want it before it has come; the new one lives an hour.
  sandbox.settings.accessTokenLifetimeSeconds = 3_600;
  sandbox.faults.set('token', { kind: 'slow', ms: 1_500 }, 1);
  const url = new URL(`http://localhost:${port}`);
  const answers = await Promise.all(
    [port, ...ports].map((one) =>
      fetch(`http://localhost:${one}/organizations`, { headers: { cookie: browser.jar.cookiesFor(url) } }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
  expect(tokenCalls()).toBe(1);
  expect(sandbox.replaysOfSpentTokens()).toBe(0);
}, 60_000);

test('F30: asked to stop in mid-refresh the app finishes it, and exits with 0', async () => {
  await start();
  const browser = await connect();
  sandbox.faults.set('token', { kind: 'slow', ms: 1_000 }, 1);
  const hungUp = new AbortController();
  const page = browser.send('/organizations', undefined, true, hungUp.signal).catch(() => null);
  for (let tries = 0; tries < 200 && tokenCalls() === 0; tries += 1) await sleep(20);
  hungUp.abort();
  await page;
  expect(await apps[0]?.stop()).toBe(0);
  expect(query('select generation, lease_owner, sent_at from connections')).toEqual([
    { generation: expect.any(Number), lease_owner: null, sent_at: null },
  ]);
  const stored = query<{ generation: number }>('select generation from connections')[0]?.generation;
  await start();
  await sleep(1_100);
  expect((await browser.get('/organizations')).status).toBe(200);
  expect(query<{ generation: number }>('select generation from connections')[0]?.generation).toBeGreaterThan(
    stored ?? 0,
  );
  expect(sandbox.replaysOfSpentTokens()).toBe(0);
}, 60_000);

test('F33: an old backup brought back ends in a reconnect after a gentle try, and that works', async () => {
  const env = { DATABASE_URL: 'sqlite:kept/stay.db' };
  await start(port, env);
  const browser = await connect();
  await apps[0]?.stop();
  cpSync(`${place.folder}/kept`, `${place.folder}/backup`, { recursive: true });
  await start(port, env);
  expect((await browser.get('/organizations')).status).toBe(200);
  await apps[1]?.stop();
  rmSync(`${place.folder}/kept`, { recursive: true });
  renameSync(`${place.folder}/backup`, `${place.folder}/kept`);
  sandbox.requests.length = 0;
  await start(port, env);
  for (let tries = 0; tries < 5; tries += 1) expect((await browser.get('/organizations')).status).toBe(409);
  expect(tokenCalls()).toBe(1);
  expect((await browser.get('/connection')).text).toContain('Forbindelsen virker ikke lige nu');
  expect((await browser.signIn('rikke')).location).toBe('/connection');
  await sleep(1_100);
  expect((await browser.get('/organizations')).status).toBe(200);
}, 60_000);

test('F24: while the database is locked nothing is refreshed, readiness says so, and it heals by itself', async () => {
  await start();
  const browser = await connect();
  const held = await holdDatabase(place.folder, 'data/stay.db');
  expect((await browser.get('/organizations')).status).toBe(503);
  const sick = await browser.get('/readyz');
  expect([sick.status, JSON.parse(sick.text).checks.database]).toEqual([
    503,
    expect.stringMatching(/^database: (SQLITE_BUSY|55P03)$/),
  ]);
  expect((await browser.get('/connection')).text).toContain('Du er forbundet');
  expect(tokenCalls()).toBe(0);
  held.letGo();
  expect((await browser.get('/organizations')).status).toBe(200);
  await sleep(2_100);
  expect((await browser.get('/readyz')).status).toBe(200);
}, 60_000);

test('F28: a database file that is moved away is not written to, and heals when it is back', async () => {
  const file = join(place.folder, 'moved/stay.db');
  await start(port, { DATABASE_URL: 'sqlite:moved/stay.db' });
  const browser = await connect();
  renameSync(file, `${file}.aside`);
  expect((await browser.get('/organizations')).status).toBe(503);
  expect(JSON.parse((await browser.get('/readyz')).text).checks.database).toContain('is gone');
  expect(tokenCalls()).toBe(0);
  renameSync(`${file}.aside`, file);
  expect((await browser.get('/organizations')).status).toBe(200);
}, 60_000);

test('F29: when all sessions are lost people start again, and the grants are untouched', async () => {
  await start();
  const browser = await connect();
  const before = query('select * from connections');
  query('delete from sessions');
  expect((await browser.get('/connection')).location).toBe('/');
  expect(query('select * from connections')).toEqual(before);
  expect((await browser.signIn('rikke')).location).toBe('/organizations');
}, 60_000);

test('kept alive: what has become due is refreshed by the running app, with nobody asking', async () => {
  await start();
  await connect();
  await apps[0]?.stop();
  const soon = new Date(Date.now() + 10 * 86_400_000).toISOString();
  query(`update connections set refresh_expires_at = '${soon}', due_at = '2026-01-01T00:00:00.000Z'`);
  await start();
  for (let tries = 0; tries < 200 && tokenCalls() === 0; tries += 1) await sleep(20);
  expect(await apps[1]?.stop()).toBe(0);
  expect(tokenCalls()).toBe(1);
  expect(query('select type from events order by id desc limit 1')).toEqual([{ type: 'refreshed' }]);
}, 60_000);
