import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { runCommand } from '../support/command.ts';
import { copyDatabase } from '../support/journey-database.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';
import { openRemoteBrowser } from '../support/remote-browser.ts';

// Two deployments, each with a folder and a port of its own, the second one on a copy of the first one's database.

type Deployment = { place: ReturnType<typeof makeFolder>; port: number; app: AppProcess | null };

const tokenKey = `k1:${randomBytes(32).toString('base64')}`;
let original: Deployment;
let copy: Deployment;
let sandbox: Sandbox;

beforeAll(async () => {
  original = { place: makeFolder(), port: await takeFreePort(), app: null };
  copy = { place: makeFolder(), port: await takeFreePort(), app: null };
  const redirectUris = [original, copy].map(({ port }) => `http://localhost:${port}/oauth/callback`);
  sandbox = await startSandbox({
    port: 0,
    client: { clientId: 'isv_copied', clientSecret: 'of-the-test', redirectUris },
  });
});
afterAll(() => sandbox.close());
beforeEach(() => {
  sandbox.reset();
  for (const deployment of [original, copy]) deployment.place = makeFolder();
});
afterEach(async () => {
  for (const deployment of [original, copy]) {
    await deployment.app?.stop();
    deployment.app = null;
    deployment.place.remove();
  }
});

const envOf = ({ port }: Deployment) => ({
  PORT: String(port),
  BASE_URL: `http://localhost:${port}`,
  VISMA_ISSUER: sandbox.origin,
  DINERO_API_URL: sandbox.origin,
  VISMA_CLIENT_ID: 'isv_copied',
  VISMA_CLIENT_SECRET: 'of-the-test',
  SESSION_SECRETS: 'a-session-secret-of-32-characters-or-more',
  TOKEN_KEYS: tokenKey,
  DATABASE_URL: 'sqlite:data/copied.db',
});

async function start(deployment: Deployment): Promise<string> {
  deployment.app = await startApp(deployment.place.folder, envOf(deployment));
  return deployment.app.output();
}

const adopt = (deployment: Deployment, ...words: string[]) =>
  runCommand(deployment.place.folder, ['adopt', ...words], envOf(deployment));

async function askReadiness({ port }: Deployment) {
  const response = await fetch(`http://localhost:${port}/readyz`);
  const { checks } = (await response.json()) as { checks: Record<string, string> };
  return { status: response.status, checks };
}

/** Somebody connects at the original, which then stops; the copy starts on its database, with the person's cookies. */
async function connectAndCopy() {
  await start(original);
  const browser = openRemoteBrowser(`http://localhost:${original.port}`);
  await browser.signIn('rikke');
  await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId: '118244' });
  await original.app?.stop();
  copyDatabase(original.place.folder, copy.place.folder, 'data/copied.db');
  const output = await start(copy);
  return { browser, output };
}

const nameOf = ({ port }: Deployment) => `http://localhost:${port} (isv_copied)`;

test('a copy under another address says whose it is until it is adopted, which it notices as it runs', async () => {
  const { output } = await connectAndCopy();
  expect(output).toContain(
    `\nThis database belongs to ${nameOf(original)}: no grant is refreshed until you run npm run adopt here.\n`,
  );
  const line = /"level":50,.*"msg":"this database belongs to another deployment: no grant is refreshed"/;
  // Lines of the log come within a tenth of a second.
  for (let tries = 0; tries < 50 && !line.test(copy.app?.output() ?? ''); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(copy.app?.output()).toMatch(line);
  const foreign = await askReadiness(copy);
  expect(foreign).toMatchObject({
    status: 503,
    checks: {
      database: 'ok',
      visma_connect: 'ok',
      deployment: `this database belongs to ${nameOf(original)}: nothing is refreshed until \`npm run adopt\``,
    },
  });

  const dry = await adopt(copy, '--dry-run');
  expect(dry).toMatchObject({ code: 0, stderr: '' });
  expect(dry.stdout).toContain(`This database belongs to ${nameOf(original)}.\nIt would belong to ${nameOf(copy)}.`);
  expect((await askReadiness(copy)).status).toBe(503);

  const adopted = await adopt(copy);
  expect(adopted).toMatchObject({ code: 0, stderr: '' });
  expect(adopted.stdout).toContain(`It belongs to ${nameOf(copy)} now.`);
  expect(adopted.stdout).toContain('The former deployment must not go on with its copy');
  expect(await askReadiness(copy)).toMatchObject({ status: 200, checks: { deployment: 'ok' } });
  expect((await adopt(copy)).stdout).toContain(`belongs to ${nameOf(copy)} already`);
  await copy.app?.stop();
  expect(await start(copy)).not.toContain('belongs to');
}, 60_000);

test('the original owns its database over a restart, and has nothing to adopt', async () => {
  expect(await start(original)).not.toContain('belongs to');
  await original.app?.stop();
  expect(await start(original)).not.toContain('belongs to');
  expect((await askReadiness(original)).status).toBe(200);
  expect(await adopt(original)).toMatchObject({ code: 0, stdout: expect.stringContaining('already') });
}, 60_000);

test('a copy asks for no new tokens until it is adopted', async () => {
  sandbox.settings.accessTokenLifetimeSeconds = 1;
  const { browser } = await connectAndCopy();
  // Cookies know no ports; the jar of the tests does.
  const cookie = browser.jar.cookiesFor(new URL(`http://localhost:${original.port}`));
  const getPicker = () => fetch(`http://localhost:${copy.port}/organizations`, { headers: { cookie } });
  // The access token ends.
  await sleep(1_100);
  const askedBefore = sandbox.count('POST', '/connect/token');
  expect((await getPicker()).status).toBe(503);
  expect(sandbox.count('POST', '/connect/token')).toBe(askedBefore);
  await adopt(copy);
  expect((await getPicker()).status).toBe(200);
  expect(sandbox.count('POST', '/connect/token')).toBe(askedBefore + 1);
}, 60_000);

test('rotating the keys of a copy that is not adopted is refused', async () => {
  await connectAndCopy();
  const env = { ...envOf(copy), TOKEN_KEYS: `k2:${randomBytes(32).toString('base64')},${tokenKey}` };
  const refused = await runCommand(copy.place.folder, ['keys', 'rotate'], env);
  expect(refused.code).toBe(78);
  expect(refused.stderr).toContain(`the database belongs to ${nameOf(original)}`);
}, 60_000);
