import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { createPosting } from '../../src/adapters/posting.ts';
import { createWebhookReceiver } from '../../src/adapters/webhook-receiver.ts';

// The receiver over HTTP: what is sent, what its answers mean, and where nothing is ever sent to.

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const formerSecret = `whsec_${Buffer.alloc(24, 2).toString('base64')}`;
const message = { id: 'msg_1', content: '{"type":"connection.connected","data":{"name":"Ærø & Søn"}}' };

type Received = { method: string; path: string; headers: IncomingHttpHeaders; body: string };

let server: Server;
let port: number;
let connections: number;
let received: Received[];
let answer: RequestListener;
beforeEach(async () => {
  connections = 0;
  received = [];
  answer = (_request, response) => void response.writeHead(204).end();
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url: path = '', headers } = request;
    received.push({ method, path, headers, body: Buffer.concat(chunks).toString() });
    answer(request, response);
  }).listen(0, '127.0.0.1');
  server.on('connection', () => {
    connections += 1;
  });
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
});

const addressOf = (host: string) => `http://${host}:${port}/hooks?for=us`;

function createReceiver(options: Partial<Parameters<typeof createWebhookReceiver>[0]> = {}) {
  return createWebhookReceiver(
    { url: addressOf('127.0.0.1'), secrets: [secret], privateHosts: [], allowLoopback: true, ...options },
    { now: () => new Date() },
  );
}
const send = (options: Parameters<typeof createReceiver>[0] = {}) => createReceiver(options).send(message, new Date());

function headersOf({ headers }: Received): Record<string, string> {
  return headers as Record<string, string>;
}

describe('what is sent', () => {
  test('is the body as it is, signed with every secret, in the form of Standard Webhooks', async () => {
    const sentAt = new Date();
    const receiver = createReceiver({ secrets: [secret, formerSecret] });
    expect(await receiver.send(message, sentAt)).toEqual({ kind: 'delivered' });
    const [one] = received as [Received];
    expect(one).toMatchObject({ method: 'POST', path: '/hooks?for=us', body: message.content });
    expect(one.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
    });
    expect(one.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
    for (const key of [secret, formerSecret]) {
      expect(new Webhook(key).verify(one.body, headersOf(one))).toEqual(JSON.parse(message.content));
    }
    const other = new Webhook(`whsec_${Buffer.alloc(32, 9).toString('base64')}`);
    expect(() => other.verify(one.body, headersOf(one))).toThrow('No matching signature');
    expect(() => new Webhook(secret).verify(`${one.body} `, headersOf(one))).toThrow('No matching signature');
  });

  test('is signed with a secret without padding, too', async () => {
    await send({ secrets: [secret.replace(/=+$/, '')] });
    const [one] = received as [Received];
    expect(new Webhook(secret).verify(one.body, headersOf(one))).toEqual(JSON.parse(message.content));
  });

  test('has the time of sending each time', async () => {
    const receiver = createReceiver();
    await receiver.send(message, new Date(1_800_000_000_500));
    await receiver.send(message, new Date(1_800_000_060_000));
    expect(received.map(({ headers }) => headers['webhook-timestamp'])).toEqual(['1800000000', '1800000060']);
    expect(new Set(received.map(({ headers }) => headers['webhook-signature'])).size).toBe(2);
  });
});

describe('an answer', () => {
  test.each([200, 201, 202, 204, 299])('%i is taken for delivered', async (status) => {
    answer = (_request, response) => void response.writeHead(status).end();
    expect(await send()).toEqual({ kind: 'delivered' });
  });

  test.each([300, 304, 400, 401, 404, 410, 500, 502])('%i is a failure', async (status) => {
    answer = (_request, response) => void response.writeHead(status).end('<h1>secret words of the receiver</h1>');
    expect(await send()).toEqual({ kind: 'failed', failure: `status ${status}`, retryAfterSeconds: null });
  });

  test.each([301, 302, 303, 307, 308])('%i is a failure, and is not followed', async (status) => {
    answer = (_request, response) => void response.writeHead(status, { location: addressOf('127.0.0.1') }).end();
    expect(await send()).toMatchObject({ kind: 'failed', failure: `status ${status}` });
    expect(received).toHaveLength(1);
  });

  test('that says when to come back is heard, as seconds and as a date', async () => {
    answer = (_request, response) => void response.writeHead(429, { 'retry-after': '120' }).end();
    expect(await send()).toMatchObject({ retryAfterSeconds: 120 });
    const date = new Date(Date.now() + 60_000).toUTCString();
    answer = (_request, response) => void response.writeHead(503, { 'retry-after': date }).end();
    const outcome = await send();
    expect(outcome.kind === 'failed' && Math.abs((outcome.retryAfterSeconds ?? 0) - 60) < 5).toBe(true);
  });

  test('that never comes is a timeout', async () => {
    answer = () => {};
    expect(await send({ timeoutMilliseconds: 200 })).toEqual({
      kind: 'failed',
      failure: 'timeout',
      retryAfterSeconds: null,
    });
  });

  test('whose body never ends counts by its status, and is not read to its end', async () => {
    let written = 0;
    function* endless() {
      for (const chunk = Buffer.alloc(64 * 1024); written < 500 * 2 ** 20; written += chunk.length) yield chunk;
    }
    const closed = new Promise((resolve) => {
      answer = (_request, response) => pipeline(Readable.from(endless()), response.writeHead(200), resolve);
    });
    expect(await send()).toEqual({ kind: 'delivered' });
    await closed;
    expect(written).toBeLessThan(50 * 2 ** 20);
  });

  test('whose body drips holds nobody longer than the time limit', async () => {
    answer = (_request, response) => void response.writeHead(200).write('a');
    expect(await send({ timeoutMilliseconds: 300 })).toEqual({ kind: 'delivered' });
  });
});

test('a connection that is refused, reset or answered with nonsense is a failure of the network', async () => {
  answer = (request) => void request.socket.destroy();
  expect(await send()).toMatchObject({ failure: 'network' });
  answer = (request) => void request.socket.end('SSH-2.0-OpenSSH\r\n');
  expect(await send()).toMatchObject({ failure: 'network' });
  const url = addressOf('127.0.0.1');
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  expect(await send({ url })).toMatchObject({ kind: 'failed', failure: 'network' });
  expect(await send({ url: 'http://nothing.invalid/' })).toMatchObject({ kind: 'failed', failure: 'network' });
});

describe('a private address', () => {
  const production = { allowLoopback: false };

  test.each(['127.0.0.1', '0x7f.1', '2130706433', '127.1', '[::ffff:127.0.0.1]', '[::1]', 'localhost', '0.0.0.0'])(
    '%s is not even connected to in production',
    async (host) => {
      const outcome = await send({ ...production, url: addressOf(host) });
      expect(outcome).toEqual({ kind: 'failed', failure: 'private address', retryAfterSeconds: null });
      expect(connections).toBe(0);
    },
  );

  test('in a range of its own is not connected to outside production either', async () => {
    for (const host of ['10.255.255.1', '169.254.169.254', '[fd00::1]']) {
      expect(await send({ url: `http://${host}:1/`, timeoutMilliseconds: 500 })).toMatchObject({
        failure: 'private address',
      });
    }
  });

  test('is sent to when its host is named, and no other host is', async () => {
    const named = { ...production, privateHosts: ['localhost'] };
    expect(await send({ ...named, url: addressOf('localhost') })).toEqual({ kind: 'delivered' });
    expect(await send({ ...named, url: addressOf('127.0.0.1') })).toMatchObject({ failure: 'private address' });
    expect(received).toHaveLength(1);
  });

  test('is noticed when a name that led elsewhere begins to lead there', async () => {
    const asked: string[] = [];
    let isPublic = true;
    const post = createPosting({
      timeoutMilliseconds: 2_000,
      connections: 1,
      isAllowed(address) {
        asked.push(address);
        return isPublic;
      },
    });
    answer = (_request, response) => void response.writeHead(204, { connection: 'close' }).end();
    expect(await post(addressOf('localhost'), {}, '')).toMatchObject({ kind: 'answered', status: 204 });
    isPublic = false;
    expect(await post(addressOf('localhost'), {}, '')).toEqual({ kind: 'private_address' });
    expect(received).toHaveLength(1);
    expect(asked).toContain('127.0.0.1');
  });
});
