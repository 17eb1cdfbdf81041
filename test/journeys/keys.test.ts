import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/adapters/database.ts';
import { createVault } from '../../src/adapters/vault.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { runCommand, startCommand } from '../support/command.ts';
import { holdDatabase, locateDatabase, querySql } from '../support/journey-database.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';
import { openRemoteBrowser } from '../support/remote-browser.ts';
import { seedConnection, seedRevocation, tokensOf } from '../support/seeded-rows.ts';
import { createSqlStores } from '../support/sql-stores.ts';

// `npm run keys`, as a process beside the running app.

const bytes = { k1: randomBytes(32), k2: randomBytes(32) };
const entry = (id: 'k1' | 'k2') => `${id}:${bytes[id].toString('base64')}`;
const former = { TOKEN_KEYS: entry('k1') };
const both = { TOKEN_KEYS: `${entry('k2')},${entry('k1')}` };
const renewed = { TOKEN_KEYS: entry('k2') };

let place: ReturnType<typeof makeFolder>;
let port: number;
let sandbox: Sandbox;
let app: AppProcess | null = null;

beforeAll(async () => {
  port = await takeFreePort();
  const redirectUris = [`http://localhost:${port}/oauth/callback`];
  sandbox = await startSandbox({
    port: 0,
    client: { clientId: 'isv_keys', clientSecret: 'of-the-test', redirectUris },
  });
});
afterAll(() => sandbox.close());
beforeEach(() => {
  place = makeFolder();
  sandbox.reset();
});
afterEach(async () => {
  await app?.stop();
  app = null;
  place.remove();
});

const envOf = (env: Record<string, string>) => ({
  PORT: String(port),
  VISMA_ISSUER: sandbox.origin,
  DINERO_API_URL: sandbox.origin,
  VISMA_CLIENT_ID: 'isv_keys',
  VISMA_CLIENT_SECRET: 'of-the-test',
  SESSION_SECRETS: 'a-session-secret-of-32-characters-or-more',
  DATABASE_URL: 'sqlite:data/keys.db',
  ...env,
});

async function start(env: Record<string, string>): Promise<AppProcess> {
  app = await startApp(place.folder, envOf(env));
  return app;
}

async function stop(): Promise<void> {
  await app?.stop();
  app = null;
}

const keys = (words: string, env: Record<string, string>) =>
  runCommand(place.folder, ['keys', ...words.split(' ')], envOf(env));

async function connect() {
  const browser = openRemoteBrowser(`http://localhost:${port}`);
  await browser.signIn('rikke');
  await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId: '118244' });
  return browser;
}

const openFile = () => openDatabase(locateDatabase(place.folder, 'data/keys.db'));

/** That many connections under k1, and two revocations, in a database that no app has started on. */
async function seed(connections: number): Promise<void> {
  const database = openFile();
  await database.migrate();
  const vault = createVault([{ id: 'k1', bytes: bytes.k1 }]);
  for (let number = 0; number < connections; number += 1) await seedConnection(database, vault, `user-${number}`);
  await seedRevocation(database, vault, 'anna');
  await seedRevocation(database, vault, 'bo');
  await database.close();
}

const query = <T>(sql: string): T[] => querySql(place.folder, 'data/keys.db', sql);

const countOf = (keyId: string) =>
  query<{ count: number }>(`select count(*) as count from connections where key_id = '${keyId}'`)[0]?.count;

/** Holds the database as soon as the rotation has begun, so that it is met in the middle of its work. */
function rotateUntilHeld(): Promise<{ rotation: ReturnType<typeof startCommand>; letGo(): void }> {
  return new Promise((resolve) => {
    let held = false;
    const rotation = startCommand(place.folder, ['keys', 'rotate'], envOf(both), (text) => {
      if (held || !text.includes('Sealed anew')) return;
      held = true;
      void holdDatabase(place.folder, 'data/keys.db').then(({ letGo }) => resolve({ rotation, letGo }));
    });
  });
}

async function expectEveryGrantToOpen(count: number): Promise<void> {
  const database = openFile();
  const { connections, unreadable } = createSqlStores(database, [{ id: 'k2', bytes: bytes.k2 }]);
  for (let number = 0; number < count; number += 1) {
    const connection = await connections.findByUser(`user-${number}`);
    expect(connection?.grant).toMatchObject(tokensOf(`user-${number}`));
  }
  expect(unreadable).toEqual([]);
  await database.close();
}

test('a key is changed while the app runs and a person works: nobody notices', async () => {
  sandbox.settings.accessTokenLifetimeSeconds = 1;
  await start(former);
  const browser = await connect();
  await stop();
  await seed(200);
  await start(both);
  const answers: number[] = [];
  let rotating = true;
  const working = (async () => {
    while (rotating) answers.push((await browser.get('/organizations')).status);
  })();
  const refreshedBefore = sandbox.count('POST', '/connect/token');
  const rotated = await keys('rotate', both);
  rotating = false;
  await working;
  expect({ code: rotated.code, answers: [...new Set(answers)] }).toEqual({ code: 0, answers: [200] });
  expect(answers.length).toBeGreaterThan(5);
  expect(sandbox.count('POST', '/connect/token')).toBeGreaterThan(refreshedBefore);
  const listed = await keys('list', both);
  expect(listed.stdout).toContain('k2: 201 connections, 2 revocations; seals');
  expect(listed.stdout).toContain('k1: 0 connections, 0 revocations; nothing is sealed with it: it may be removed');
  await stop();
  await start(renewed);
  expect((await browser.get('/connection')).text).toContain('Du er forbundet');
  expect((await browser.get('/organizations')).status).toBe(200);
}, 60_000);

describe('rotate', () => {
  test('is refused while the app runs without the new key, changes nothing, and says the remedy', async () => {
    await start(former);
    await connect();
    const refused = await keys('rotate', both);
    expect(refused).toMatchObject({ code: 78, stdout: '' });
    expect(refused.stderr).toContain('the app did not start with key "k2"');
    expect(refused.stderr).toContain('restart it with these TOKEN_KEYS first');
    const dry = await keys('rotate --dry-run', both);
    expect(dry.stderr).toContain('would be refused');
    expect(countOf('k1')).toBe(1);
    await stop();
    expect((await keys('rotate --force', both)).code).toBe(0);
    expect(countOf('k2')).toBe(1);
  }, 60_000);

  test('is refused also when the app with the new key could not start beside the one that runs', async () => {
    await start(former);
    const second = await startApp(place.folder, envOf(both));
    expect(await second.ended).toBe(1);
    expect((await keys('rotate', both)).code).toBe(78);
  }, 30_000);

  test('killed in the middle goes on where it was when started again', async () => {
    await seed(300);
    const { rotation, letGo } = await rotateUntilHeld();
    rotation.kill('SIGKILL');
    await rotation.ended;
    letGo();
    const left = countOf('k1') ?? 0;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(300);
    const again = await keys('rotate', both);
    expect(again).toMatchObject({ code: 0, stdout: `Sealed anew with key "k2": ${left + 2} of key "k1".\n` });
    await expectEveryGrantToOpen(300);
    expect(await keys('rotate', both)).toMatchObject({ code: 0, stdout: 'Nothing to seal anew with key "k2".\n' });
  }, 60_000);

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'on %s, even twice, stops after its row with %d and says that it can go on',
    async (signal, code) => {
      await seed(300);
      const { rotation, letGo } = await rotateUntilHeld();
      rotation.kill(signal);
      rotation.kill(signal);
      letGo();
      const stopped = await rotation.ended;
      expect(stopped.code).toBe(code);
      expect(stopped.stderr).toMatch(/Stopped, \d+ to go\. Started again, it goes on where it stopped\./);
      expect(stopped.stdout).toMatch(/^Sealed anew with key "k2": \d+ of key "k1"\.\n$/);
      expect(countOf('k1')).toBeGreaterThan(0);
      expect((await keys('rotate', both)).code).toBe(0);
      await expectEveryGrantToOpen(300);
    },
    60_000,
  );

  test('with --dry-run counts for each key, and writes nothing', async () => {
    await seed(12);
    const before = query('select * from connections');
    const dry = await keys('rotate --dry-run', both);
    expect(dry).toMatchObject({ code: 0, stdout: 'Would seal anew with key "k2": 14 of key "k1".\n' });
    expect(query('select * from connections')).toEqual(before);
  }, 60_000);

  test('leaves what does not open, names its row, ends with 1, and the app starts afterwards', async () => {
    await seed(12);
    query("update connections set sealed_refresh_token = 'broken' where user_id = 'user-3'");
    query("update connections set sealed_access_token = 'broken' where user_id = 'user-4'");
    const rotated = await keys('rotate', both);
    expect(rotated.code).toBe(1);
    expect(rotated.stdout).toBe(
      [
        'does not open with key "k1": connections connection-of-user-3',
        'does not open with key "k1": connections connection-of-user-4',
        'Sealed anew with key "k2": 12 of key "k1".\n',
      ].join('\n'),
    );
    expect(rotated.stderr).toContain('2 did not open and were left alone');
    expect(rotated.stderr).not.toMatch(/\n\s+at /);
    expect(countOf('k1')).toBe(2);
    expect((await start(both)).output()).toContain('is ready');
  }, 60_000);

  test('with a key missing that something is sealed with ends with 78 and the sentence of the start', async () => {
    await seed(12);
    for (const words of ['rotate', 'rotate --dry-run', 'list']) {
      const refused = await keys(words, renewed);
      expect(refused.code).toBe(78);
      expect(refused.stderr).toContain('TOKEN_KEYS: the database holds grants sealed with key "k1"');
      expect(refused.stderr).not.toMatch(/\n\s+at /);
    }
    expect((await keys('list', renewed)).stdout).toContain('k1: 12 connections, 2 revocations; put it back');
    expect(countOf('k1')).toBe(12);
  }, 60_000);
});

describe('list', () => {
  test('says which key seals, what each has sealed, and never a byte of one', async () => {
    await seed(12);
    const listed = await keys('list', both);
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(listed.stdout).toContain('k2: 0 connections, 0 revocations; seals\n');
    expect(listed.stdout).toContain('k1: 12 connections, 2 revocations; opens;');
    for (const key of Object.values(bytes)) expect(listed.stdout).not.toContain(key.toString('base64'));
  }, 30_000);

  test('does not let a key go that the running app still seals with', async () => {
    await start(former);
    const listed = await keys('list', both);
    expect(listed.stdout).toContain('k1: 0 connections, 0 revocations; the running app still seals with it');
  }, 30_000);

  test('where no app has started says so, and makes no database', async () => {
    const listed = await keys('list', both);
    expect(listed).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^there is no data\/keys\.db yet: the app makes it at its start\n$|^PostgreSQL .* is empty: the app fills it at its start\n$/,
      ),
    });
    expect(existsSync(`${place.folder}/data/keys.db`)).toBe(false);
  }, 30_000);
});

describe('add', () => {
  test('prints what to set, the new key first, and the app starts with that as it is', async () => {
    await start(former);
    const browser = await connect();
    await stop();
    const added = await keys('add', former);
    expect(added.code).toBe(0);
    expect(added.stdout).toMatch(/^TOKEN_KEYS=k2:[\w+/]{43}=,k1:[\w+/]{43}=\n$/);
    expect(added.stdout).toContain(`,${entry('k1')}\n`);
    expect(added.stderr).toContain('restart the app with it, then `npm run keys -- rotate`');
    const env = { TOKEN_KEYS: added.stdout.trim().slice('TOKEN_KEYS='.length) };
    for (const secret of env.TOKEN_KEYS.split(/[,:]/).filter((part) => part.length > 40)) {
      expect(added.stderr).not.toContain(secret);
    }
    await start(env);
    expect((await keys('rotate', env)).code).toBe(0);
    expect((await browser.get('/connection')).text).toContain('Du er forbundet');
  }, 60_000);

  test('makes another key each time', async () => {
    const [one, other] = [await keys('add', former), await keys('add', former)];
    expect(one.stdout).not.toBe(other.stdout);
  }, 30_000);

  test('in development puts it where development keeps its keys, and the app goes on with it', async () => {
    const development = { TOKEN_KEYS: '', SESSION_SECRETS: '' };
    const readKeys = () =>
      JSON.parse(readFileSync(`${place.folder}/data/development-secrets.json`, 'utf8')).tokenKeys as string;
    await start(development);
    const browser = await connect();
    await stop();
    const before = readKeys();
    const dry = await keys('add --dry-run', development);
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing was made') });
    expect(readKeys()).toBe(before);
    const added = await keys('add', development);
    expect(added).toMatchObject({ code: 0, stdout: '' });
    expect(readKeys()).toMatch(/^k1:[\w+/]{43}=,dev:/);
    expect(readKeys().endsWith(`,${before}`)).toBe(true);
    await start(development);
    expect((await keys('rotate', development)).stdout).toBe('Sealed anew with key "k1": 1 of key "dev".\n');
    expect((await browser.get('/connection')).text).toContain('Du er forbundet');
  }, 60_000);

  test('with --dry-run names the key that it would make, and shows no bytes', async () => {
    const dry = await keys('add --id mine --dry-run', former);
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toContain('"mine"');
    expect(dry.stdout).not.toMatch(/[\w+/]{43}/);
  }, 30_000);

  test('refuses an id that TOKEN_KEYS has or the database knows', async () => {
    await seed(1);
    for (const env of [former, renewed]) {
      const refused = await keys('add --id k1', env);
      expect(refused).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining('"k1" is taken') });
    }
    expect((await keys('add', renewed)).stdout).toMatch(/^TOKEN_KEYS=k3:/);
  }, 30_000);

  test('does not name a key like one that the running app was started with', async () => {
    await start(both);
    expect((await keys('add', former)).stdout).toMatch(/^TOKEN_KEYS=k3:/);
  }, 30_000);
});

test.each([
  ['keys'],
  ['keys turn'],
  ['keys list --id k2'],
  ['keys list k2'],
  ['keys add --force'],
  ['keys add --id'],
  ['keys add --id ,'],
  ['keys rotate --dryrun'],
  ['adopt --force'],
  ['adopt now'],
  ['serve now'],
  ['key'],
])(
  '%s is not understood: the usage, 64, and nothing made',
  async (words) => {
    const wrong = await runCommand(place.folder, words.split(' '), {});
    expect(wrong).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining('npm run keys -- rotate') });
    expect(wrong.stderr).not.toMatch(/\n\s+at /);
    expect(place.readAll()).toEqual([]);
  },
  30_000,
);
