import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { checks, type Finding } from '../../src/core/findings.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { runCommand } from '../support/command.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';

// `npm run doctor`, as a process: alone, beside the running app, and on what no app starts with.

const secret = 'a-secret-that-nobody-may-read';
const stack = /\n\s+at |Error:/;

let place: ReturnType<typeof makeFolder>;
let env: Record<string, string>;
beforeEach(async () => {
  place = makeFolder();
  env = { PORT: String(await takeFreePort()), SANDBOX_PORT: String(await takeFreePort()) };
});
afterEach(() => place.remove());

async function run(args: string[] = [], more: Record<string, string> = {}) {
  const ended = await runCommand(place.folder, ['doctor', ...args], { ...env, ...more });
  expect(ended.stdout + ended.stderr).not.toMatch(stack);
  expect(ended.stdout).not.toMatch(/\{\{|\$t\(|doctor\.|undefined/);
  return ended;
}

type Told = Finding & { text: string; remedy: string };

async function runForMachines(more: Record<string, string> = {}) {
  const { code, stdout } = await run(['--json', '--lang', 'da'], more);
  const found = JSON.parse(stdout) as Told[];
  return { code, found, codes: found.map((one) => one.code) };
}

describe('beside the running app', () => {
  let app: AppProcess;
  beforeEach(async () => {
    app = await startApp(place.folder, env);
    expect(app.output()).toContain('is ready');
  });
  afterEach(async () => {
    await app.stop();
  });

  test('everything is in order: one line each, and 0', async () => {
    const { code, stdout, stderr } = await run();
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => !line.startsWith('✓ '))).toEqual([]);
    expect(lines).toHaveLength(checks.length + 1);
    expect(stdout).toContain(`http://localhost:${env.PORT} leads to the running app`);
    expect(stdout).toContain('the provider shows its sign-in page');
  });

  test('in Danish, too', async () => {
    expect((await run(['--lang', 'da'])).stdout).toContain('Alle miljøvariabler er i orden.');
  });

  test('the app itself knows how requests come, and says so on its setup page', async () => {
    const page = await fetch(`http://127.0.0.1:${env.PORT}/setup?lang=en`);
    expect(await page.text()).toContain(`Requests come for 127.0.0.1:${env.PORT}, while BASE_URL says localhost`);
  });

  test('no step counts as done that takes an application of one’s own', async () => {
    const page = await (await fetch(`http://localhost:${env.PORT}/setup?lang=en`)).text();
    expect(page).toContain('The client id isv_sandbox and the secret are right.');
    const marks = [...page.matchAll(/id="step-(\w+)"[\s\S]*?class="mark mark-(\w+)"/g)];
    expect(marks).toHaveLength(14);
    expect(marks.filter(([, , mark]) => mark !== 'unknown').map(([, key, mark]) => `${key} ${mark}`)).toEqual([
      'client_id early',
      'grant early',
      'redirect_uri early',
      'secret early',
      'integration early',
      'start early',
      'production early',
    ]);
  });

  test('for machines: an array, in English, of every check', async () => {
    const { code, found } = await runForMachines();
    expect([code, found.filter(({ mark }) => mark !== 'done')]).toEqual([0, []]);
    expect([...new Set(found.map(({ check }) => check))]).toEqual([...checks]);
    expect(found[0]).toEqual({
      check: 'environment',
      mark: 'done',
      code: 'environment_done',
      values: {},
      text: 'Every environment variable is in order.',
      remedy: 'Nothing to do.',
    });
  });
});

test('alone, on a fresh clone, it says plainly that the sandbox does not run; that is not wrong', async () => {
  const { code, stdout } = await run();
  expect(code).toBe(0);
  expect(stdout).toContain(
    `? Discovery: the sandbox at http://127.0.0.1:${env.SANDBOX_PORT} is not running.\n    Start the`,
  );
  expect(stdout).not.toContain('✗');
  expect(existsSync(join(place.folder, 'data', 'dinero-connect.db'))).toBe(false);
});

describe('on own credentials', () => {
  let sandbox: Sandbox;
  let registered: Record<string, string>;
  beforeAll(async () => {
    const client = { clientId: 'isv_fakturaflow', clientSecret: secret };
    sandbox = await startSandbox({
      port: 0,
      client: { ...client, redirectUris: ['http://localhost:3000/oauth/callback'] },
    });
    registered = {
      PORT: '3000',
      VISMA_ISSUER: sandbox.origin,
      DINERO_API_URL: sandbox.origin,
      VISMA_CLIENT_ID: client.clientId,
      VISMA_CLIENT_SECRET: client.clientSecret,
    };
  });
  afterEach(() => sandbox.reset());
  afterAll(() => sandbox.close());

  test('that are right nothing is wrong, and no secret is told', async () => {
    const { code, stdout } = await run([], registered);
    expect(stdout).not.toContain('✗');
    expect(code).toBe(0);
    expect(stdout).not.toContain(secret.slice(0, 8));
  });

  test.each([
    [{ VISMA_CLIENT_SECRET: 'wrong' }, 'credentials_secret'],
    [{ VISMA_CLIENT_ID: 'isv_test-application' }, 'client_id_unidentified'],
    [{ VISMA_CLIENT_ID: 'isv_nobody' }, 'registration_client'],
    [{ VISMA_SCOPES: 'dineropublicapi:read' }, 'scopes_offline_missing'],
    [{ VISMA_SCOPES: 'dineropublicapi:read offline_access dineropublicapi:internal' }, 'registration_scopes'],
    [{ BASE_URL: 'http://127.0.0.1:3000' }, 'registration_redirect_uri'],
    [{ BASE_URL: 'http://127.0.0.1:3000/oauth/callback' }, 'redirect_uri_path'],
    [{ BASE_URL: 'https://connect.fakturaflow.dk' }, 'proxy_trust_off'],
    [{ TOKEN_KEYS: `k1:${'A'.repeat(43)}=` }, 'keys_weak'],
    [{ NODE_ENV: 'production' }, 'variable_missing'],
  ])('with %j it finds %s, and ends with 1', async (change, expected) => {
    const { code, found } = await runForMachines({ ...registered, ...change });
    expect(found.find((one) => one.code === expected)).toMatchObject({
      mark: 'wrong',
      remedy: expect.stringMatching(/\w/),
    });
    expect(code).toBe(1);
  });

  test('scopes that were named twice are told, although they are sent once', async () => {
    const { codes } = await runForMachines({
      ...registered,
      VISMA_SCOPES: 'dineropublicapi:read offline_access offline_access',
    });
    expect(codes).toContain('scopes_doubled');
  });

  test('a wrong sentence has its remedy below it', async () => {
    const { stdout } = await run([], { ...registered, VISMA_CLIENT_SECRET: 'wrong' });
    expect(stdout).toMatch(
      /\n✗ The provider knows the client id isv_fakturaflow and refuses the secret\.\n {4}Make a new secret/,
    );
  });

  test('what a provider says does not reach the terminal as it is', async () => {
    sandbox.faults.set('discovery', { kind: 'odd', field: 'issuer', value: 'https://x\u001b[2J\u202e' });
    const { stdout } = await run([], registered);
    expect(stdout).toContain('calls itself https://x');
    for (const character of ['\u001b', '\u202e']) expect(stdout).not.toContain(character);
  });
});

describe('on a broken configuration there are findings, never a stack', () => {
  test('with every variable wrong', async () => {
    const wrong = {
      PORT: 'x',
      BASE_URL: 'nonsense',
      DATABASE_URL: 'mysql://x',
      TOKEN_KEYS: 'short',
      VISMA_SCOPES: '"',
    };
    const { code, found } = await runForMachines(wrong);
    expect(code).toBe(1);
    const named = found.filter((one) => one.code === 'variable_wrong').map(({ values }) => values.name);
    expect(named.sort()).toEqual(Object.keys(wrong).sort());
    expect(found.find(({ check }) => check === 'discovery')?.code).toBe('needs_configuration');
  });

  test('with the file of development’s secrets damaged, or beyond reach', async () => {
    mkdirSync(join(place.folder, 'data'));
    writeFileSync(join(place.folder, 'data', 'development-secrets.json'), '{');
    const damaged = { mark: 'wrong', code: 'environment_refused', text: expect.stringContaining('is damaged') };
    expect((await runForMachines()).found[0]).toMatchObject(damaged);
    writeFileSync(join(place.folder, 'data', 'development-secrets.json'), '{"sessionSecrets":7}');
    expect((await runForMachines()).found[0]).toMatchObject(damaged);
    place.remove();
    mkdirSync(join(place.folder, 'data', 'development-secrets.json'), { recursive: true });
    const text = expect.not.stringContaining('delete');
    expect((await runForMachines()).found[0]).toMatchObject({ mark: 'wrong', code: 'environment_refused', text });
    place.remove();
    mkdirSync(place.folder);
    writeFileSync(join(place.folder, 'data'), 'no folder');
    expect((await runForMachines()).found[0]).toMatchObject({ mark: 'wrong', code: 'environment_refused' });
  }, 30_000);

  test('with a folder in place of .env; and no other command has one either', async () => {
    mkdirSync(join(place.folder, '.env'));
    const problem = '.env cannot be read: it must be a file of text that this account may read';
    expect((await runForMachines()).found[0]).toMatchObject({ code: 'environment_refused', values: { problem } });
    const { code, stderr } = await runCommand(place.folder, ['keys', 'list'], env);
    expect([code, stderr]).toEqual([78, `The configuration has to be corrected:\n  ${problem}\n`]);
  }, 30_000);

  test('with client id and secret exchanged, or the same: the secret is not told', async () => {
    const secret = 'Zx81geheimgeheim';
    for (const VISMA_CLIENT_SECRET of ['isv_kornblomst', secret]) {
      const { stdout } = await runCommand(place.folder, ['doctor'], { VISMA_CLIENT_ID: secret, VISMA_CLIENT_SECRET });
      expect(stdout).toContain('✗ VISMA_CLIENT_ID has a value that cannot be used.');
      expect(stdout).toContain('✗ VISMA_CLIENT_SECRET has a value that cannot be used.');
      expect(stdout).not.toContain('geheim');
    }
  }, 30_000);

  test('with no database where the database should be', async () => {
    writeFileSync(join(place.folder, 'some.db'), 'something else '.repeat(1_000));
    const { code, codes } = await runForMachines({ DATABASE_URL: 'sqlite:some.db' });
    expect([code, codes.includes('database_unusable')]).toEqual([1, true]);
  });
});

test.each([[['--lang', 'fr']], [['everything']], [['--jsn']]])('words that are not understood: %j', async (args) => {
  const { code, stdout, stderr } = await runCommand(place.folder, ['doctor', ...args], env);
  expect([code, stdout]).toEqual([64, '']);
  expect(stderr).toContain('npm run doctor');
});
