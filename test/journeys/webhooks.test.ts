import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { UsageError } from '../../src/commands/usage.ts';
import { webhooks as runWebhooks } from '../../src/commands/webhooks.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { runCommand } from '../support/command.ts';
import { querySql } from '../support/journey-database.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';
import { openRemoteBrowser } from '../support/remote-browser.ts';

// The real process, and a receiver as an integrator has one: it takes what the library's own verification takes.

type Message = { type: string; timestamp: string; data: Record<string, unknown> };
type Received = { id: string; message: Message; text: string };

const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
const formerSecret = `whsec_${Buffer.alloc(32, 4).toString('base64')}`;
const waitMilliseconds = 45_000;

let place: ReturnType<typeof makeFolder>;
let port: number;
let sandbox: Sandbox;
let apps: AppProcess[];
let receiver: Server;
let received: Received[];
let answer: (response: ServerResponse) => void;

beforeAll(async () => {
  port = await takeFreePort();
  const redirectUris = [`http://localhost:${port}/oauth/callback`];
  sandbox = await startSandbox({
    port: 0,
    client: { clientId: 'isv_told', clientSecret: 'of-the-test', redirectUris },
  });
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  place = makeFolder();
  apps = [];
  received = [];
  answer = take;
  sandbox.reset();
  receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const message = new Webhook(formerSecret).verify(text, request.headers as Record<string, string>) as Message;
    received.push({ id: String(request.headers['webhook-id']), message, text });
    answer(response);
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.stop('SIGKILL')));
  receiver.closeAllConnections();
  receiver.close();
  place.remove();
});

const take = (response: ServerResponse) => void response.writeHead(204).end();
const refuse = (response: ServerResponse) => void response.writeHead(503).end('words of the receiver');
const receiverUrl = (host = '127.0.0.1') => `http://${host}:${(receiver.address() as AddressInfo).port}/hooks`;

const environment = (): Record<string, string> => ({
  PORT: String(port),
  BASE_URL: `http://localhost:${port}`,
  VISMA_ISSUER: sandbox.origin,
  DINERO_API_URL: sandbox.origin,
  VISMA_CLIENT_ID: 'isv_told',
  VISMA_CLIENT_SECRET: 'of-the-test',
  SESSION_SECRETS: 'a-session-secret-of-32-characters-or-more',
  TOKEN_KEYS: `k1:${Buffer.alloc(32, 5).toString('base64')}`,
  DATABASE_URL: 'sqlite:data/told.db',
  WEBHOOK_URL: receiverUrl(),
  WEBHOOK_SECRETS: `${secret},${formerSecret}`,
  LOG_LEVEL: 'debug',
});

async function start(env: Record<string, string> = {}): Promise<AppProcess> {
  const app = await startApp(place.folder, { ...environment(), ...env });
  apps.push(app);
  return app;
}

async function connect() {
  const browser = openRemoteBrowser(`http://localhost:${port}`);
  await browser.signIn('mads');
  await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId: '201001' });
  return browser;
}

async function until(what: () => boolean): Promise<void> {
  for (const end = Date.now() + waitMilliseconds; !what() && Date.now() < end; ) await sleep(20);
  expect(what()).toBe(true);
}

const sql = <T>(sql: string): T[] => querySql(place.folder, 'data/told.db', sql);

const webhooks = (...words: string[]) => runCommand(place.folder, ['webhooks', ...words], environment());
const isDelivered = () => sql('select 1 from webhooks where delivered_at is null').length === 0;

test('what becomes of a connection is told in order, and no token with it', async () => {
  const app = await start();
  const browser = await connect();
  await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId: '201002' });
  await browser.submit(await browser.get('/disconnect'), '/disconnect');
  await until(() => received.length === 3 && isDelivered());
  expect(received.map(({ message }) => message.type)).toEqual([
    'connection.connected',
    'connection.organization_changed',
    'connection.disconnected',
  ]);
  const [connected, changed, ended] = received.map(({ message }) => message.data);
  const organization = { id: '201001', name: 'Tredje & Søn', vatNumber: '23456781' };
  expect(connected).toMatchObject({ status: 'connected', organization, generation: 1 });
  expect(changed).toMatchObject({ organization: { id: '201002' }, userId: connected?.userId });
  expect(ended).toMatchObject({
    status: 'disconnected',
    organization: null,
    expiresAt: null,
    userId: connected?.userId,
  });
  await until(() => app.output().match(/"msg":"webhook delivered"/g)?.length === 3);
  const { codes, accessTokens, refreshTokens } = sandbox.issued;
  const secrets = [...codes, ...accessTokens, ...refreshTokens];
  expect(secrets.length).toBeGreaterThan(2);
  for (const { text } of received) for (const one of secrets) expect(text.includes(one)).toBe(false);
  for (const one of [secret, formerSecret]) expect(app.output()).not.toContain(one);
}, 90_000);

test('a receiver that is down gets everything once it is back, and again when that is asked for', async () => {
  answer = refuse;
  const app = await start();
  await connect();
  await until(() => app.output().includes('a webhook was not taken'));
  const [first] = received as [Received];
  const waiting = await webhooks('list', '--waiting');
  expect(waiting).toMatchObject({ code: 0, stderr: '' });
  expect(waiting.stdout).toContain(first.id);
  expect(waiting.stdout).toMatch(/connection\.connected .* waiting until \S+ after 1 tries: status 503\n$/);
  expect(`${app.output()}${waiting.stdout}`).not.toContain('words of the receiver');
  answer = take;
  await until(isDelivered);
  expect(new Set(received.map(({ id }) => id))).toEqual(new Set([first.id]));

  expect((await webhooks('list', '--waiting')).stdout).toBe('There is no such message.\n');
  const before = received.length;
  expect(await webhooks('replay', first.id)).toEqual({ code: 0, stdout: `${first.id} is sent again.\n`, stderr: '' });
  await until(() => received.length === before + 1 && isDelivered());
  expect((await webhooks('replay', '--since', '2020-01-01')).stdout).toBe('1 messages are sent again.\n');
  await until(() => received.length === before + 2 && isDelivered());
  expect(received.at(-1)?.text).toBe(first.text);
  expect((await webhooks('replay', '--since', '2999-01-01')).stdout).toBe('0 messages are sent again.\n');

  sql("update webhooks set delivered_at = null, tries = 11, failure = 'timeout'");
  expect((await webhooks('list', '--failed')).stdout).toMatch(/given up after 11 tries: timeout\n$/);
  expect((await webhooks('replay', '--failed')).stdout).toBe('1 messages are sent again.\n');
  await until(() => received.length === before + 3 && isDelivered());
  expect((await webhooks('list')).stdout).toMatch(/ {2}delivered \S+\n$/);
}, 90_000);

test('a process that is killed before the receiver has answered has lost nothing', async () => {
  answer = () => {};
  const app = await start();
  await connect();
  await until(() => received.length === 1);
  await app.stop('SIGKILL');
  answer = take;
  // What the dead process had taken is free half a minute later.
  const leases = sql<{ due_at: string }>('select due_at from webhooks');
  expect(Date.parse(leases[0]?.due_at ?? '') - Date.now()).toBeGreaterThan(0);
  expect(Date.parse(leases[0]?.due_at ?? '') - Date.now()).toBeLessThanOrEqual(30_000);
  sql(`update webhooks set due_at = '${new Date().toISOString()}'`);
  await start();
  await until(() => received.length === 2 && isDelivered());
  expect(received[1]?.id).toBe(received[0]?.id);
}, 90_000);

test('a change that was stored before its process was killed is told by the next one', async () => {
  const closed = `http://127.0.0.1:${await takeFreePort()}/`;
  const app = await start({ WEBHOOK_URL: closed });
  await connect();
  await until(() => app.output().includes('"failure":"network"'));
  await app.stop('SIGKILL');
  expect(received).toEqual([]);
  await start();
  await until(() => received.length === 1 && isDelivered());
  expect(received[0]?.message.type).toBe('connection.connected');
}, 90_000);

test('asked to stop while a receiver is slow, the app hears its answer and exits with 0', async () => {
  answer = (response) => void setTimeout(() => take(response), 1_000);
  const app = await start();
  await connect();
  await until(() => received.length === 1);
  expect(await app.stop()).toBe(0);
  expect(isDelivered()).toBe(true);
}, 90_000);

test('three processes on one database never send one message at the same time, and keep the order of each user', async () => {
  const under = new Set<string>();
  const doubled: string[] = [];
  answer = (response) => {
    const id = received.at(-1)?.id ?? '';
    if (under.has(id)) doubled.push(id);
    under.add(id);
    setTimeout(() => {
      under.delete(id);
      take(response);
    }, 20);
  };
  await start();
  for (let number = 0; number < 2; number += 1) await start({ PORT: String(await takeFreePort()) });
  const time = new Date().toISOString();
  sql(
    `with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 200)
     insert into webhooks (id, user_id, type, content, created_at, due_at, tries)
     select 'msg_' || n, 'u' || (n % 50), 'connection.connected', '{"n":' || n || '}', '${time}', '${time}', 0 from numbers`,
  );
  await until(() => received.length >= 200 && isDelivered());
  expect(doubled).toEqual([]);
  // At least once: on a busy machine one may come again.
  const ids = [...new Set(received.map(({ id }) => id))];
  expect(ids).toHaveLength(200);
  for (let user = 0; user < 50; user += 1) {
    const numbers = ids.map((id) => Number(id.slice('msg_'.length))).filter((n) => n % 50 === user);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  }
}, 90_000);

test('without a receiver nothing is queued', async () => {
  const app = await start({ WEBHOOK_URL: '', WEBHOOK_SECRETS: '' });
  await connect();
  await until(() => app.output().includes('"event":"organization_chosen"'));
  expect(sql('select * from webhooks')).toEqual([]);
}, 90_000);

test('in production a private address gets nothing, unless its host is named', async () => {
  const production = {
    NODE_ENV: 'production',
    BASE_URL: 'https://connect.example.com',
    VISMA_ISSUER: 'https://127.0.0.1:1',
  };
  const now = new Date().toISOString();
  const queue = () =>
    sql(
      `insert into webhooks (id, user_id, type, content, created_at, due_at, tries)
       values ('msg_1', 'u1', 'connection.connected', '{}', '${now}', '${now}', 0)`,
    );
  const app = await start({ ...production, WEBHOOK_URL: receiverUrl('localhost').replace('http:', 'https:') });
  queue();
  await until(() => app.output().includes('"failure":"private address"'));
  await app.stop();
  await start({ ...production, WEBHOOK_URL: receiverUrl('localhost'), WEBHOOK_PRIVATE_HOSTS: 'localhost' });
  await until(() => received.length === 1 && isDelivered());
}, 90_000);

test.each([
  [[], 'webhooks: what?'],
  [['forget'], 'there is no "forget"'],
  [['list', '--failed', '--waiting'], '--failed or --waiting'],
  [['list', 'msg_1'], 'npm run webhooks -- list'],
  [['replay'], 'takes one id, --failed, or --since'],
  [['replay', 'msg_1', '--failed'], 'takes one id'],
  [['replay', 'msg_1', 'msg_2'], 'takes one id'],
  [['replay', '--since', 'yesterday'], '--since must be an ISO date'],
  [['replay', '--since', '2026-13-01'], '--since must be an ISO date'],
])('webhooks %j is refused with how it is meant, before anything is opened', async (words, sentence) => {
  const readConfig = () => {
    throw new Error('the configuration was asked for');
  };
  const refusal = runWebhooks(words, readConfig);
  await expect(refusal).rejects.toThrow(UsageError);
  await expect(refusal).rejects.toThrow(sentence);
});

test('a replay of what does not exist ends with 1', async () => {
  await (await start()).stop();
  expect(await webhooks('replay', 'msg_unknown')).toMatchObject({
    code: 1,
    stdout: 'There is no message "msg_unknown".\n',
  });
}, 90_000);
