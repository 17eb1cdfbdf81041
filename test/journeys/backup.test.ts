import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { runCommand } from '../support/command.ts';
import { querySql } from '../support/journey-database.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';
import { openRemoteBrowser } from '../support/remote-browser.ts';

// Real processes, one-time tokens, and access tokens that have ended when they are looked at.

let place: ReturnType<typeof makeFolder>;
let port: number;
let otherPort: number;
let sandbox: Sandbox;
let apps: AppProcess[];

beforeAll(async () => {
  port = await takeFreePort();
  otherPort = await takeFreePort();
  const redirectUris = [port, otherPort].map((one) => `http://localhost:${one}/oauth/callback`);
  sandbox = await startSandbox({
    port: 0,
    client: { clientId: 'isv_kept', clientSecret: 'of-the-test', redirectUris },
    settings: { refreshTokenUse: 'one-time', accessTokenLifetimeSeconds: 1 },
  });
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

const file = () => `${place.folder}/data/kept.db`;
const copy = () => `${place.folder}/kept-aside.db`;

const envOf = (onPort: number) => ({
  PORT: String(onPort),
  BASE_URL: `http://localhost:${onPort}`,
  VISMA_ISSUER: sandbox.origin,
  DINERO_API_URL: sandbox.origin,
  VISMA_CLIENT_ID: 'isv_kept',
  VISMA_CLIENT_SECRET: 'of-the-test',
  REFRESH_TOKEN_USE: 'one-time',
  REFRESH_TOKEN_LIFETIME: '30d',
  SESSION_SECRETS: 'a-session-secret-of-32-characters-or-more',
  TOKEN_KEYS: `k1:${Buffer.alloc(32, 5).toString('base64')}`,
  DATABASE_URL: 'sqlite:data/kept.db',
});

async function start(onPort = port): Promise<AppProcess> {
  const app = await startApp(place.folder, envOf(onPort));
  apps.push(app);
  return app;
}

const backUp = (words = [copy()], env = {}) =>
  runCommand(place.folder, ['backup', ...words], { ...envOf(port), ...env });

/** As docs/operations/backup.md says it. */
function restore(): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file()}${suffix}`, { force: true });
  copyFileSync(copy(), file());
}

async function connect() {
  const browser = openRemoteBrowser(`http://localhost:${port}`);
  await browser.signIn('rikke');
  await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId: '118244' });
  return browser;
}

const tokenCalls = () => sandbox.count('POST', '/connect/token');

const query = <T>(database: string, sql: string): T[] => querySql(place.folder, database, sql);

/** Time has passed since the backup: more than half of what its tokens live unused, so that nobody has to ask. */
function makeDue(): void {
  const soon = new Date(Date.now() + 10 * 86_400_000).toISOString();
  query(copy(), `update connections set due_at = '2026-01-01T00:00:00.000Z', refresh_expires_at = '${soon}'`);
}

test('a backup that is taken while the app writes is whole, tells what is in it, and brings everybody back', async () => {
  const app = await start();
  const browser = await connect();
  const others = { asked: true, signedIn: 0 };
  const writing = (async () => {
    while (others.asked) {
      expect((await openRemoteBrowser(`http://localhost:${port}`).signIn('rikke')).location).toBe('/organizations');
      others.signedIn += 1;
    }
  })();
  const { code, stdout, stderr } = await backUp();
  others.asked = false;
  await writing;
  expect(others.signedIn).toBeGreaterThan(0);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^[^\n]+\n$/) });
  const kept = query<{ number: number }>(copy(), 'select count(*) number from connections')[0]?.number;
  expect(kept).toBeGreaterThan(0);
  expect(stdout).toMatch(
    new RegExp(`^${copy()}: ${kept} connections?, schema \\d{14}_\\w+, of http://localhost:${port} \\(isv_kept\\), `),
  );
  expect(stderr).toMatch(/^TOKEN_KEYS ARE NOT IN THE BACKUP\. Without the key "k1" no token in it opens\./);
  expect(statSync(copy()).mode & 0o777).toBe(0o600);
  expect(readdirSync(place.folder).sort()).toEqual(['data', 'kept-aside.db']);

  expect(await app.stop()).toBe(0);
  rmSync(`${place.folder}/data`, { recursive: true });
  mkdirSync(`${place.folder}/data`);
  restore();
  await start();
  expect((await browser.get('/connection')).text).toContain('Du er forbundet');
  expect((await browser.get('/organizations')).status).toBe(200);
  expect(sandbox.replaysOfSpentTokens()).toBe(0);
}, 60_000);

test('F33: a backup whose one-time tokens are spent costs one try for each, whoever asks, and no replay after it', async () => {
  const app = await start();
  const browsers = [await connect(), await connect(), await connect()];
  expect((await backUp()).code).toBe(0);
  await sleep(1_100);
  for (const browser of browsers) expect((await browser.get('/organizations')).status).toBe(200);
  expect(await app.stop()).toBe(0);
  makeDue();
  restore();
  sandbox.requests.length = 0;
  await start();
  const statuses = () =>
    query<{ status: string }>(file(), 'select status from connections').map(({ status }) => status);
  for (let tries = 0; tries < 300 && statuses().includes('connected'); tries += 1) await sleep(50);
  expect(statuses()).toEqual(['needs_reconnect', 'needs_reconnect', 'needs_reconnect']);
  for (const browser of [...browsers, ...browsers]) expect((await browser.get('/organizations')).status).toBe(409);
  expect([tokenCalls(), sandbox.replaysOfSpentTokens()]).toEqual([3, 3]);
  const [first] = browsers;
  expect((await first?.signIn('rikke'))?.location).toBe('/connection');
  await sleep(1_100);
  expect((await first?.get('/organizations'))?.status).toBe(200);
}, 60_000);

test('a backup that is started under another address refreshes nothing until it is adopted', async () => {
  const app = await start();
  await connect();
  expect((await backUp()).code).toBe(0);
  expect(await app.stop()).toBe(0);
  makeDue();
  restore();
  await sleep(1_100);
  const callsBefore = tokenCalls();
  const elsewhere = await start(otherPort);
  expect(elsewhere.output()).toContain(`This database belongs to http://localhost:${port} (isv_kept)`);
  expect((await fetch(`http://localhost:${otherPort}/readyz`)).status).toBe(503);
  expect(tokenCalls()).toBe(callsBefore);
  expect((await runCommand(place.folder, ['adopt'], envOf(otherPort))).code).toBe(0);
  expect((await fetch(`http://localhost:${otherPort}/readyz`)).status).toBe(200);
  for (let tries = 0; tries < 300 && tokenCalls() === callsBefore; tries += 1) await sleep(50);
  expect(tokenCalls()).toBe(callsBefore + 1);
}, 60_000);

describe('no backup is made, and nothing is left behind,', () => {
  beforeEach(async () => {
    await (await start()).stop();
  });

  async function refuse(words?: string[], env = {}) {
    const before = readdirSync(place.folder, { recursive: true }).sort();
    const { code, stdout, stderr } = await backUp(words, env);
    expect(readdirSync(place.folder, { recursive: true }).sort()).toEqual(before);
    expect(stdout).toBe('');
    return { code, problem: stderr.split('\n\nUsage')[0]?.trim() };
  }

  test('without a name for it, or with two', async () => {
    const problem = 'backup takes the name of one file, which it makes.';
    expect(await refuse([])).toEqual({ code: 64, problem });
    expect(await refuse(['one.db', 'two.db'])).toEqual({ code: 64, problem });
  }, 60_000);

  test('over a file that is there, or beside a backup that is being made', async () => {
    writeFileSync(copy(), 'the backup of yesterday');
    expect(await refuse()).toEqual({ code: 64, problem: expect.stringContaining('nothing is overwritten') });
    expect(readFileSync(copy(), 'utf8')).toBe('the backup of yesterday');
    rmSync(copy());
    writeFileSync(`${copy()}.partial`, '');
    expect(await refuse()).toEqual({ code: 64, problem: expect.stringContaining('another backup is being made') });
  }, 60_000);

  test('in a folder that is not there, or on a disk without room for it', async () => {
    const { problem } = await refuse([`${place.folder}/nowhere/kept.db`]);
    expect(problem).toContain('there is no folder');
    // Takes no room itself: all of it is a hole.
    writeFileSync(`${file()}-wal`, '');
    truncateSync(`${file()}-wal`, 8 * 2 ** 40);
    expect(await refuse()).toEqual({ code: 1, problem: expect.stringContaining('there is no room for the backup') });
  }, 60_000);

  test('of a database that is not there, is damaged, or is another program’s', async () => {
    const damaged = readFileSync(file());
    damaged.fill(0xff, 100);
    writeFileSync(file(), damaged);
    expect(await refuse()).toEqual({ code: 1, problem: expect.stringMatching(/SQLITE_CORRUPT|damaged/) });
    rmSync(file());
    expect(await refuse()).toEqual({ code: 1, problem: expect.stringContaining('there is no data/kept.db yet') });
    query(file(), 'create table something (id integer)');
    expect(await refuse()).toEqual({ code: 1, problem: expect.stringContaining('it is no database of this app') });
  }, 60_000);

  test('of PostgreSQL, which has its own tool for it', async () => {
    const refused = await refuse(undefined, { DATABASE_URL: 'postgres://connect:of-the-test@db.example/connect' });
    expect(refused).toEqual({ code: 78, problem: expect.stringContaining('pg_dump --format=custom') });
    expect(refused.problem).not.toContain('of-the-test');
    expect(existsSync(copy())).toBe(false);
  }, 60_000);
});
