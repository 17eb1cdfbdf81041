import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCommand } from '../support/command.ts';
import { answerAuthorization } from '../support/person.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';
import { openRemoteBrowser } from '../support/remote-browser.ts';

// docs/examples, run as docs/api.md says: the app with its sandbox, a key, the backend, a person with a browser.

const run = promisify(execFile);
const waitMilliseconds = 20_000;

let place: ReturnType<typeof makeFolder>;
let app: AppProcess;
let origin: string;
let sandboxPort: number;
let backend: ReturnType<typeof spawn>;
let output = '';
let apiKey: string;
let webhookUrl: string;

/** Waits until the backend has printed what the pattern asks for. */
async function printed(pattern: RegExp): Promise<RegExpExecArray> {
  for (const until = Date.now() + waitMilliseconds; Date.now() < until; ) {
    const found = pattern.exec(output);
    if (found) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`the example has not printed ${pattern}:\n${output}\n${app.output()}`);
}

beforeAll(async () => {
  place = makeFolder();
  const [port, webhookPort] = [await takeFreePort(), await takeFreePort()];
  sandboxPort = await takeFreePort();
  origin = `http://localhost:${port}`;
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const env = { PORT: String(port), SANDBOX_PORT: String(sandboxPort) };
  webhookUrl = `http://localhost:${webhookPort}/`;
  const webhooks = { WEBHOOK_URL: webhookUrl, WEBHOOK_SECRETS: secret };
  app = await startApp(place.folder, { ...env, ...webhooks });
  const words = ['api-key', 'create', '--name', 'example', '--scopes', 'links,connections,tokens'];
  apiKey = (await runCommand(place.folder, words, env)).stdout.trim();
  backend = spawn(process.execPath, [resolve('docs/examples/backend.mjs')], {
    env: {
      API_KEY: apiKey,
      WEBHOOK_SECRET: secret,
      CONNECT_URL: origin,
      DINERO_URL: `http://127.0.0.1:${sandboxPort}`,
      PORT: String(webhookPort),
    },
  });
  for (const stream of [backend.stdout, backend.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  }
});
afterAll(async () => {
  backend.kill();
  await app.stop();
  place.remove();
});

const curl = (...words: string[]) =>
  run('sh', [resolve('docs/examples/requests.sh'), ...words], {
    env: { PATH: process.env.PATH, API_KEY: apiKey, CONNECT_URL: origin },
  }).then(({ stdout }) => (stdout === '' ? null : JSON.parse(stdout)));

async function follow(link: string): Promise<void> {
  const browser = openRemoteBrowser(origin);
  const path = new URL(link).pathname;
  const led = await browser.get(path);
  const left = await browser.submit(led.location ? await browser.get(led.location) : led, path);
  const answer = await answerAuthorization(left.location ?? '', { person: 'rikke', consent: 'accept' });
  if ('errorPage' in answer) throw new Error(`stranded on ${answer.errorPage}`);
  const returned = await browser.send('/oauth/callback', answer.fields, false);
  await browser.get(returned.location ?? '');
  await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId: '118244' });
}

describe('the example backend', () => {
  test('has forty lines', () => {
    const lines = readFileSync('docs/examples/backend.mjs', 'utf8').split('\n');
    expect(lines.filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(40);
  });

  test('makes a link, hears of the connection, and lists the contacts of the company', async () => {
    const [, link] = await printed(/Open this as customer 42: (\S+)/);
    await follow(link ?? '');
    await printed(/connection\.connected: customer 42, RN/);
    await printed(/Bageriet Kornblomst ApS/);
  });

  test('does not believe a webhook that we have not signed', async () => {
    const body = JSON.stringify({ type: 'connection.connected', data: { userId: 'forged' } });
    const time = String(Math.floor(Date.now() / 1000));
    for (const signature of [undefined, 'v1,', `v1,${Buffer.alloc(32).toString('base64')}`]) {
      const headers = {
        'webhook-id': 'msg_1',
        'webhook-timestamp': time,
        ...(signature && { 'webhook-signature': signature }),
      };
      expect((await fetch(webhookUrl, { method: 'POST', headers, body })).status).toBe(401);
    }
    expect(output).not.toContain('forged');
  });
});

describe('the calls in curl', () => {
  test('make a link', async () => {
    expect(await curl('link')).toMatchObject({ url: expect.stringContaining(`${origin}/link/`) });
  });

  test('show the connection, its companies, its timeline, and all connections', async () => {
    expect(await curl('connection')).toMatchObject({ status: 'connected', organization: { id: '118244' } });
    expect((await curl('companies')).organizations).toHaveLength(1);
    expect(await curl('choose', '118244')).toMatchObject({ status: 'connected' });
    expect((await curl('events')).events.at(-1).type).toBe('authorized');
    expect((await curl('all')).connections).toHaveLength(1);
  });

  test('get a token, and the contacts through the proxy', async () => {
    expect(await curl('token')).toMatchObject({ tokenType: 'Bearer', organizationId: '118244' });
    expect((await curl('contacts')).Collection[0].Name).toBeDefined();
  });

  test('end the connection, and the backend hears of it', async () => {
    expect(await curl('end')).toBeNull();
    await printed(/connection\.disconnected: customer 42, no company/);
  });
});
