import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';
import { openRemoteBrowser } from '../support/remote-browser.ts';

// From a fresh clone to a connection with own credentials of the sandbox's portal, with the real process.

let place: ReturnType<typeof makeFolder>;
let apps: AppProcess[];
let env: Record<string, string>;
beforeEach(async () => {
  place = makeFolder();
  apps = [];
  env = { PORT: String(await takeFreePort()), SANDBOX_PORT: String(await takeFreePort()), LOG_LEVEL: 'info' };
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.stop('SIGKILL')));
  place.remove();
});

const ours = () => `http://localhost:${env.PORT}`;
const sandbox = (path: string) => `http://127.0.0.1:${env.SANDBOX_PORT}${path}`;

async function start(more: Record<string, string> = {}): Promise<AppProcess> {
  const app = await startApp(place.folder, { ...env, ...more });
  apps.push(app);
  return app;
}

/** Answers the lines that the portal shows for `.env`. */
async function register(): Promise<string> {
  const form = {
    name: 'Kornblomst Faktura',
    clientId: 'isv_kornblomst',
    redirectUris: `${ours()}/oauth/callback`,
    read: 'yes',
    write: 'yes',
    offline: 're-use',
    lifetimeDays: '180',
  };
  const created = await fetch(sandbox('/portal/new'), { method: 'POST', body: new URLSearchParams(form) });
  const shown = await (await fetch(`${created.url}/secrets`, { method: 'POST' })).text();
  return /<pre>([^<]+)</.exec(shown)?.[1] ?? '';
}

async function connect() {
  const browser = openRemoteBrowser(ours());
  await browser.signIn('rikke');
  await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId: '118244' });
  return (await browser.get('/connection')).text;
}

test('an application of the portal connects after a restart with the lines that the portal shows', async () => {
  const first = await start();
  writeFileSync(join(place.folder, '.env'), await register());
  expect(await first.stop()).toBe(0);
  const second = await start();
  expect(second.output()).not.toContain('belongs to');

  expect(await connect()).toContain('Du er forbundet');

  const page = await (await fetch(sandbox('/'))).text();
  expect(page).toContain('<dt>Client id</dt><dd>isv_sandbox</dd>');
  expect(page).toContain('Has given 1 authorization.');
});

test('without credentials the built-in client connects as before, beside what is registered', async () => {
  await start({ SANDBOX: 'true' });
  await register();
  expect(await connect()).toContain('Du er forbundet');
});

test('a client that nobody registered is stranded, and the debugger says where to register it', async () => {
  await start({ SANDBOX: 'true', VISMA_CLIENT_ID: 'isv_kornblomst', VISMA_CLIENT_SECRET: 'unknown' });
  const [, errorId] = await connect().then(
    () => [],
    (error: Error) => /stranded on .*errorId=(\w+)/.exec(error.message) ?? [],
  );
  const explained = await (await fetch(sandbox(`/debugger?errorId=${errorId}`))).text();
  expect(explained).toContain('<dt>client_id</dt><dd>isv_kornblomst</dd>');
  expect(explained).toContain('Another one is registered on the portal’s page.');
});
