import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runCommand } from '../support/command.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';

// `npm run api-key`, as a process beside the running app.

let place: ReturnType<typeof makeFolder>;
let app: AppProcess;
let env: Record<string, string> = {};

beforeEach(() => {
  place = makeFolder();
});
afterEach(() => place.remove());

const run = (...args: string[]) => runCommand(place.folder, ['api-key', ...args], env);
const call = (key: string) =>
  fetch(`http://localhost:${env.PORT}/api/v1/connections`, { headers: { authorization: `Bearer ${key}` } });

describe('a key', () => {
  beforeEach(async () => {
    env = { PORT: String(await takeFreePort()), SANDBOX_PORT: String(await takeFreePort()) };
    app = await startApp(place.folder, env);
  });
  afterEach(async () => {
    await app.stop();
  });

  test('is shown once, works in the running app, and is nowhere in the database', async () => {
    const made = await run('create', '--name', 'backend', '--scopes', 'connections,links', '--expires', '365d');
    expect(made.code).toBe(0);
    const key = made.stdout.trim();
    expect(key).toMatch(/^dck_[\w-]{12}_[\w-]{43}$/);
    expect((await call(key)).status).toBe(200);
    const list = await run('list');
    expect(list.stdout).toContain('backend: links,connections');
    const secret = key.slice(-43);
    for (const text of [list.stdout, list.stderr, made.stderr, app.output()]) expect(text).not.toContain(secret);
    for (const { content } of place.readAll()) expect(content.includes(secret)).toBe(false);
  });

  test('that is revoked does not work within two seconds, and is listed as such', async () => {
    const key = (await run('create', '--name', 'old', '--scopes', 'connections')).stdout.trim();
    expect((await call(key)).status).toBe(200);
    const id = key.slice('dck_'.length, 'dck_'.length + 12);
    expect((await run('revoke', id)).code).toBe(0);
    let status = 200;
    for (let tries = 0; tries < 40 && status === 200; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      status = (await call(key)).status;
    }
    expect(status).toBe(401);
    expect((await run('list')).stdout).toMatch(/old: .*revoked \d{4}-/);
    const again = await run('revoke', id);
    expect([again.code, again.stdout]).toEqual([1, `There is no key ${id} in use.\n`]);
  });
});

test.each([
  [['create']],
  [['create', '--name', 'x']],
  [['create', '--name', 'x', '--scopes', 'all']],
  [['create', '--name', 'x', '--scopes', 'links', '--expires', '1y']],
  [['create', '--name', 'x', '--scopes', 'links', '--expires', '0d']],
  [['create', '--name', '', '--scopes', 'links']],
  [['revoke']],
  [['list', 'all']],
  [['make']],
])('words that are not understood make no key: %j', async (args) => {
  const { code, stderr, stdout } = await run(...args);
  expect([code, stdout]).toEqual([64, '']);
  expect(stderr).toContain('npm run api-key');
});

test('without a database yet says what makes it', async () => {
  const { code, stderr } = await run('list');
  expect([code, stderr]).toEqual([1, expect.stringMatching(/the app (makes|fills) it at its start/)]);
});

test('the scripts of package.json lead to these commands', () => {
  const { scripts } = JSON.parse(readFileSync(join('package.json'), 'utf8'));
  expect(scripts['api-key']).toBe('node src/main.ts api-key');
});
