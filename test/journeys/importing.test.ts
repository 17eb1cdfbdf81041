import { randomBytes } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { CLIENT, connect, startTestSandbox } from '../sandbox/support.ts';
import { runCommand, startCommand } from '../support/command.ts';
import { querySql } from '../support/journey-database.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';

// `npm run import`, as a process beside the running app: the tokens are real ones, given to a former system.

const bytes = { k1: randomBytes(32), k2: randomBytes(32) };
const entry = (id: 'k1' | 'k2') => `${id}:${bytes[id].toString('base64')}`;
const former = { TOKEN_KEYS: entry('k1') };
const both = { TOKEN_KEYS: `${entry('k2')},${entry('k1')}` };
const renewed = { TOKEN_KEYS: entry('k2') };
const scope = 'dineropublicapi:read dineropublicapi:write offline_access';

let place: ReturnType<typeof makeFolder>;
let port: number;
let sandbox: Sandbox;
let app: AppProcess | null = null;
/** Everything that the commands of one test wrote. */
let written: string;

beforeAll(async () => {
  port = await takeFreePort();
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => {
  place = makeFolder();
  written = '';
  sandbox.reset();
});
afterEach(async () => {
  await stop();
  place.remove();
});

const envOf = (env: Record<string, string>) => ({
  PORT: String(port),
  VISMA_ISSUER: sandbox.origin,
  DINERO_API_URL: sandbox.origin,
  VISMA_CLIENT_ID: CLIENT.clientId,
  VISMA_CLIENT_SECRET: CLIENT.clientSecret,
  SESSION_SECRETS: 'a-session-secret-of-32-characters-or-more',
  DATABASE_URL: 'sqlite:data/import.db',
  ...env,
});

async function start(env: Record<string, string> = former): Promise<void> {
  app = await startApp(place.folder, envOf(env));
  if (!app.output().includes('is ready')) throw new Error(app.output());
}

async function stop(): Promise<void> {
  await app?.stop();
  written += app?.output() ?? '';
  app = null;
}

async function run(words: string, env: Record<string, string> = former) {
  const ended = await runCommand(place.folder, words.split(' '), envOf(env));
  written += ended.stdout + ended.stderr;
  return ended;
}

const count = (file = 'data/import.db') =>
  querySql<{ waiting: number; activated: number }>(
    place.folder,
    file,
    'select count(*) - count(activated_at) as waiting, count(activated_at) as activated from imported_grants',
  )[0];
const statuses = () =>
  query<{ user_id: string; status: string }>('select user_id, status from connections order by user_id').map(
    ({ user_id, status }) => `${user_id} ${status}`,
  );

const query = <T>(sql: string): T[] => querySql(place.folder, 'data/import.db', sql);

type Row = { user: string; token: string; organization: string; scope?: string };

/** As Danish Excel writes it. */
function writeTokens(rows: Row[], name = 'tokens.csv'): void {
  const lines = rows.map((row) => [row.token, row.user, row.scope ?? scope, row.organization].join(';'));
  const header = 'refresh_token;user_id;scope;organization_id';
  writeFileSync(join(place.folder, name), `\ufeff${[header, ...lines, ''].join('\r\n')}`);
}

async function giveToken(person: string): Promise<string> {
  return (await connect(sandbox, person)).refresh_token;
}

const rowOf = async (user: string, person: string, organization: string): Promise<Row> => ({
  user,
  organization,
  token: await giveToken(person),
});

/** In what was written, and in all files but the one that was given. */
function expectNoTokens(tokens: string[]): void {
  const files = place.readAll().filter(({ file }) => !file.endsWith('.csv'));
  expect(files.map(({ file }) => file)).toContain('import.db');
  for (const token of [...tokens, ...sandbox.issued.refreshTokens, ...sandbox.issued.accessTokens]) {
    expect(written.includes(token)).toBe(false);
    for (const { file, content } of files)
      expect({ file, holds: content.includes(token) }).toEqual({ file, holds: false });
  }
}

const tokenCalls = () => sandbox.count('POST', '/connect/token');

test('a former system’s tokens are checked, wait unused, and connect their users when they are activated', async () => {
  await start();
  const rows = [
    await rowOf('Åse/1', 'rikke', '118244'),
    await rowOf('kunde-2', 'mads', '201003'),
    await rowOf('kunde-3', 'kirsten', '202001'),
    await rowOf('kunde-4', 'mads', '118244'),
    await rowOf('kunde-5', 'rikke', '118244'),
  ];
  writeTokens(rows);
  const before = tokenCalls();

  const dry = await run('import tokens.csv --dry-run');
  expect(dry).toEqual({ code: 0, stdout: 'All rows are fine: 5 would be imported. Nothing was stored.\n', stderr: '' });
  expect(count()).toEqual({ waiting: 0, activated: 0 });

  const imported = await run('import tokens.csv');
  const sentence = 'Nothing uses them until `npm run import -- --activate`.\n';
  expect(imported).toEqual({ code: 0, stdout: `Imported 5. ${sentence}`, stderr: '' });
  expect(await run('import tokens.csv')).toEqual({
    code: 0,
    stdout: `Imported 0. 5 waited before. ${sentence}`,
    stderr: '',
  });
  expect((await run('import --status')).stdout).toBe('Waiting to be activated: 5.\n');
  expect({ calls: tokenCalls(), connections: statuses() }).toEqual({ calls: before, connections: [] });

  await sandbox.revokeAuthorizations('kirsten');
  const activated = await run('import --activate');
  expect(activated.stdout.split('\n').sort()).toEqual([
    '',
    'Connected: 3. Failed: 2. Waiting: 0.',
    'user "kunde-3": the refresh token was refused: this user has to connect again',
    'user "kunde-4": the organization is not among the user’s own: another one has to be chosen',
  ]);
  expect({ code: activated.code, stderr: activated.stderr }).toEqual({ code: 1, stderr: '' });
  expect(statuses()).toEqual([
    'kunde-2 connected',
    'kunde-3 needs_reconnect',
    'kunde-4 pending',
    'kunde-5 connected',
    'Åse/1 connected',
  ]);
  expect(query("select organization_id, organization_name from connections where user_id = 'kunde-2'")).toEqual([
    { organization_id: '201003', organization_name: 'Havnens Fisk' },
  ]);
  expect(tokenCalls()).toBe(before + 5);
  expect(await run('import --activate')).toEqual({
    code: 0,
    stdout: 'Connected: 0. Failed: 0. Waiting: 0.\n',
    stderr: '',
  });
  await stop();
  expectNoTokens(rows.map(({ token }) => token));
}, 60_000);

describe('a file with rows that fail', () => {
  test('is not imported at all: each such row has its line, in the order of the file, and no token is told', async () => {
    await start();
    writeTokens([{ user: 'waiting', token: 'a-token-that-waits-here', organization: '1' }]);
    expect((await run('import tokens.csv')).code).toBe(0);
    writeTokens([
      { user: 'fine', token: 'a-secret-of-a-token-1', organization: '118244' },
      { user: 'fine', token: 'a-secret-of-a-token-2', organization: '118244' },
      { user: 'many;fields', token: 'a-secret-of-a-token-3', organization: '118244' },
      { user: 'x'.repeat(256), token: 'a-secret-of-a-token-4', organization: '118244' },
      { user: 'turned \u202e \u001b[2J', token: '', organization: 'secret-5' },
      { user: 'waiting', token: 'a-secret-of-a-token-6', organization: '1' },
      { user: 'same', token: 'a-secret-of-a-token-1', organization: '118244', scope: 'secret-7' },
    ]);
    const doubled = 'the refresh token is in a row before this one';
    const aScope = 'the scope has to be names with spaces between, one of them Dinero’s, one of them offline_access';
    for (const words of ['import tokens.csv --dry-run', 'import tokens.csv']) {
      expect(await run(words)).toEqual({
        code: 1,
        stderr: '',
        stdout: [
          'line 3, user "fine": the user id is in a row before this one',
          'line 4: another number of fields than the header has',
          'line 5: the user id has to be 1 to 255 characters, without NUL',
          'line 6, user "turned \\u{202e} \\u{1b}[2J": the refresh token has to be 20 to 4000 visible ASCII characters; the organization id has to be 1 to 19 digits',
          'line 7, user "waiting": this user waits already, with another token, scope or organization',
          `line 8, user "same": ${doubled}; ${aScope}`,
          'Nothing was imported: 6 of 7 rows failed.\n',
        ].join('\n'),
      });
    }
    expect(count()).toEqual({ waiting: 1, activated: 0 });
    expect(written).not.toContain('secret-');
  }, 60_000);

  test('is refused as a whole when it cannot be read, with one sentence', async () => {
    await start();
    writeFileSync(join(place.folder, 'tokens.csv'), 'user;token\nu1;secret-1\n');
    const refused = await run('import tokens.csv');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /^The first row of tokens\.csv has to name the columns .*\.\nNothing was imported\.\n$/,
    );
    expect((await run('import none.csv')).stderr).toContain('none.csv cannot be read: ENOENT');
  }, 30_000);
});

describe('an import that is killed', () => {
  const many = 20_000;

  test('while it stores has stored all or nothing, and can be started again', async () => {
    // SQLite's on both: its log tells how far the work is.
    const file = 'storing/import.db';
    const env = { ...former, DATABASE_URL: `sqlite:${file}` };
    await start(env);
    await stop();
    writeTokens(
      Array.from({ length: many }, (_, at) => ({
        user: `user-${at}`,
        token: `the-token-of-number-${at}`,
        organization: '1',
      })),
    );
    const importing = startCommand(place.folder, ['import', 'tokens.csv'], envOf(env));
    const log = join(place.folder, `${file}-wal`);
    // What does not fit into the driver's memory is in the log before it is committed.
    while (!existsSync(log) || statSync(log).size < 3 * 1024 * 1024) await sleep(5);
    importing.kill('SIGKILL');
    await importing.ended;
    const stored = count(file)?.waiting ?? -1;
    expect([0, many]).toContain(stored);
    expect((await run('import tokens.csv', env)).stdout).toContain(`Imported ${many - stored}.`);
    expect(count(file)).toEqual({ waiting: many, activated: 0 });
  }, 120_000);

  test('while it activates goes on where it was: every token is used once, every user connected', async () => {
    await start();
    const rows: Row[] = [];
    for (let number = 0; number < 10; number += 1) rows.push(await rowOf(`user-${number}`, 'rikke', '118244'));
    writeTokens(rows);
    await run('import tokens.csv');
    const before = tokenCalls();
    sandbox.faults.set('accountingyears', { kind: 'hang' });
    const activating = startCommand(place.folder, ['import', '--activate'], envOf(former));
    while (sandbox.count('GET', '/v1/118244/accountingyears') < 4) await sleep(10);
    activating.kill('SIGKILL');
    await activating.ended;
    expect(count()).toEqual({ waiting: 6, activated: 4 });
    sandbox.faults.clear();
    const again = await run('import --activate');
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(statuses()).toEqual(rows.map(({ user }) => `${user} connected`));
    expect(count()).toEqual({ waiting: 0, activated: 0 });
    expect(tokenCalls() - before).toBe(10);
    await stop();
    expectNoTokens(rows.map(({ token }) => token));
  }, 60_000);
});

describe('an activation', () => {
  test('that is asked to stop ends what it is at, with 143, and the next one does the rest', async () => {
    await start();
    const rows: Row[] = [];
    for (let number = 0; number < 10; number += 1) rows.push(await rowOf(`user-${number}`, 'rikke', '118244'));
    writeTokens(rows);
    await run('import tokens.csv');
    sandbox.faults.set('accountingyears', { kind: 'slow', ms: 1_000 });
    const activating = startCommand(place.folder, ['import', '--activate'], envOf(former));
    while (sandbox.count('GET', '/v1/118244/accountingyears') === 0) await sleep(10);
    activating.kill('SIGTERM');
    const stopped = await activating.ended;
    expect({ code: stopped.code, stderr: stopped.stderr }).toEqual({
      code: 143,
      stderr: 'Stopped. Started again, it goes on where it stopped.\n',
    });
    expect(count()?.activated).toBe(0);
    expect(count()?.waiting).toBeGreaterThan(0);
    sandbox.faults.clear();
    expect((await run('import --activate')).code).toBe(0);
    expect(statuses()).toEqual(rows.map(({ user }) => `${user} connected`));
  }, 60_000);

  test('stops when Dinero asks for a pause, says so, and the next one goes on', async () => {
    await start();
    const rows: Row[] = [];
    for (let number = 0; number < 8; number += 1) rows.push(await rowOf(`user-${number}`, 'rikke', '118244'));
    writeTokens(rows);
    await run('import tokens.csv');
    sandbox.faults.set('accountingyears', { kind: 'status', status: 429, headers: { 'Retry-After': '17' } });
    const stopped = await run('import --activate');
    expect(stopped).toEqual({
      code: 1,
      stdout: 'Connected: 0. Failed: 0. Waiting: 8.\n',
      stderr: 'Stopped: Dinero asks us to wait, try again in 17 seconds. Started again, it goes on where it stopped.\n',
    });
    expect(sandbox.count('GET', '/v1/118244/accountingyears')).toBeLessThanOrEqual(4);
    expect((await run('import --status')).stdout).toMatch(
      /^Waiting to be activated: [4-7], [1-4] more were begun with/,
    );
    sandbox.faults.clear();
    expect(await run('import --activate')).toMatchObject({ code: 0, stdout: 'Connected: 8. Failed: 0. Waiting: 0.\n' });
  }, 60_000);
});

describe('the keys', () => {
  test('can be changed while a grant waits, and it works when the former key is gone', async () => {
    await start();
    const row = await rowOf('kunde-1', 'rikke', '118244');
    writeTokens([row]);
    await run('import tokens.csv');
    await stop();
    await start(both);
    expect((await run('keys list', both)).stdout).toContain(
      'k1: 0 connections, 0 revocations, 1 imported grants; opens; `npm run keys -- rotate`',
    );
    expect((await run('keys rotate', both)).stdout).toBe('Sealed anew with key "k2": 1 of key "k1".\n');
    expect((await run('keys list', both)).stdout).toContain('k1: 0 connections, 0 revocations; nothing is sealed');
    await stop();
    await start(renewed);
    expect((await run('import --activate', renewed)).stdout).toBe('Connected: 1. Failed: 0. Waiting: 0.\n');
    await stop();
    expectNoTokens([row.token]);
  }, 60_000);

  test('are missed at the start when nothing but a waiting grant needs them', async () => {
    await start();
    writeTokens([{ user: 'u1', token: 'a-token-of-a-user-here', organization: '1' }]);
    await run('import tokens.csv');
    await stop();
    const locked = await startApp(place.folder, envOf(renewed));
    expect(await locked.ended).toBe(78);
    expect(locked.output()).toContain('TOKEN_KEYS: the database holds grants sealed with key "k1"');
  }, 30_000);

  test('that the running app does not have seal nothing', async () => {
    await start();
    writeTokens([{ user: 'u1', token: 'a-token-of-a-user-here', organization: '1' }]);
    const refused = await run('import tokens.csv', both);
    expect(refused).toMatchObject({ code: 78, stdout: '' });
    expect(refused.stderr).toContain('the app did not start with key "k2": restart it');
    expect(count()).toEqual({ waiting: 0, activated: 0 });
  }, 30_000);
});

test('what waits is discarded when that is said twice', async () => {
  await start();
  writeTokens([{ user: 'u1', token: 'a-token-of-a-user-here', organization: '1' }]);
  await run('import tokens.csv');
  const asked = await run('import --discard');
  expect(asked).toMatchObject({ code: 1, stdout: '' });
  expect(asked.stderr).toContain('1 would be removed');
  expect(count()).toEqual({ waiting: 1, activated: 0 });
  expect(await run('import --discard --yes')).toEqual({ code: 0, stdout: 'Removed 1.\n', stderr: '' });
  expect(count()).toEqual({ waiting: 0, activated: 0 });
}, 30_000);

test('where no app has started it says so, and makes no database', async () => {
  writeTokens([{ user: 'u1', token: 'a-token-of-a-user-here', organization: '1' }]);
  const refused = await run('import tokens.csv');
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^there is no data\/import\.db yet: the app makes it at its start\n$|^PostgreSQL .* is empty: the app fills it at its start\n$/,
    ),
  });
  expect(existsSync(join(place.folder, 'data'))).toBe(false);
}, 30_000);

test.each([
  ['import'],
  ['import one.csv two.csv'],
  ['import tokens.csv --activate'],
  ['import --status --activate'],
  ['import --activate --dry-run'],
  ['import --status --yes'],
  ['import tokens.csv --dryrun'],
])(
  '%s is not understood: the usage, 64, and nothing made',
  async (words) => {
    const wrong = await runCommand(place.folder, words.split(' '), {});
    expect(wrong).toMatchObject({
      code: 64,
      stdout: '',
      stderr: expect.stringContaining('npm run import -- --activate'),
    });
    expect(wrong.stderr).not.toMatch(/\n\s+at /);
    expect(place.readAll()).toEqual([]);
  },
  30_000,
);
