import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import { createLimitedServer } from '../../src/http/server.ts';

let server: ReturnType<typeof createLimitedServer>;
let port: number;
let sockets: Socket[];
const arrivals = new EventEmitter();
const large = Buffer.alloc(20_000_000, 'x');

async function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** Sends a request to a route that waits, and answers once it has arrived there. */
async function ask(route: 'begun' | 'later', on?: Socket): Promise<{ socket: Socket; response: ServerResponse }> {
  const socket = on ?? (await open());
  const arrived = once(arrivals, route);
  socket.write(`GET /${route} HTTP/1.1\r\nhost: x\r\n\r\n`);
  const [response] = (await arrived) as [ServerResponse];
  return { socket, response };
}

beforeEach(async () => {
  sockets = [];
  const app = express()
    .get('/later', (_request, response) => void arrivals.emit('later', response))
    .get('/large', (_request, response) => void response.end(large))
    .get('/begun', (_request, response) => {
      response.flushHeaders();
      arrivals.emit('begun', response);
    })
    .use(express.text({ type: '*/*' }), (request, response) => void response.send(request.body));
  server = createLimitedServer(app, { bodyLimitMilliseconds: 200, headLimitMilliseconds: 300 });
  port = await server.listen(0);
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await server.drain();
});

/** Sends the head and half of the body; answers what came back when the other side closes, or null after half a second. */
async function sendHalf(path: string): Promise<string | null> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 10\r\n\r\nhalf?`);
  const closed = once(socket, 'close').then(() => answer);
  return Promise.race([closed, new Promise<null>((resolve) => setTimeout(() => resolve(null), 500))]);
}

test('a body that does not come in time ends the connection', async () => {
  expect(await sendHalf('/organizations')).toBe('');
});

test.each([
  ['nothing', ''],
  ['half a head', 'GET / HTTP/1.1\r\nhost: x\r\n'],
])('F44: whoever sends %s is disconnected', async (_what, text) => {
  const socket = await open();
  socket.on('error', () => {});
  const closed = once(socket.resume(), 'close');
  socket.write(text);
  await closed;
});

test('F44: a head that is too large is refused', async () => {
  const socket = await open();
  socket.on('error', () => {});
  const answer = once(socket, 'data');
  socket.write(`GET / HTTP/1.1\r\nhost: x\r\nx-large: ${'a'.repeat(20_000)}\r\n\r\n`);
  expect(String((await answer)[0])).toMatch(/^HTTP\/1\.1 431 /);
});

test('a body for the proxy may take its time', async () => {
  expect(await sendHalf('/api/v1/users/u1/connections/dinero/proxy/v1/1/files')).toBeNull();
});

test.each(['http://[/', 'http:///', '*', 'x:'])(
  'the target %s is refused before anybody has to read it',
  async (target) => {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.write(`GET ${target} HTTP/1.1\r\nhost: x\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer.toString()).not.toContain('X-Powered-By');
  },
);

test('a whole body is answered, and its connection stays', async () => {
  for (let times = 0; times < 3; times += 1) {
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'hello' });
    expect(await response.text()).toBe('hello');
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
});

describe('draining', () => {
  // Node keeps a connection for six seconds after an answer: longer than these tests may take.
  const limit = 4_000;

  test(
    'closes a connection on which nothing was asked',
    async () => {
      const closed = once(await open(), 'close');
      await server.drain();
      await closed;
    },
    limit,
  );

  test(
    'closes a kept connection once the answer that was begun has been sent whole',
    async () => {
      const { socket, response } = await ask('begun');
      const body = text(socket);
      const drained = server.drain();
      response.end('done');
      await drained;
      expect(await body).toMatch(/keep-alive[\s\S]*done/i);
    },
    limit,
  );

  test(
    'does not cut an answer off that a slow client still reads',
    async () => {
      const socket = await open();
      socket.write('GET /large HTTP/1.1\r\nhost: x\r\n\r\n');
      const [first] = (await once(socket, 'data')) as [Buffer];
      socket.pause();
      const drained = server.drain();
      const rest = await text(socket);
      await drained;
      expect(first.length + rest.length).toBeGreaterThan(large.length);
    },
    limit,
  );

  test(
    'answers what comes meanwhile on a connection with an answer open, and says that it closes',
    async () => {
      const { socket, response } = await ask('begun');
      const body = text(socket);
      const drained = server.drain();
      const { response: later } = await ask('later', socket);
      response.end('done');
      later.end('and this');
      await drained;
      expect(await body).toMatch(/keep-alive[\s\S]*done[\s\S]*connection: close[\s\S]*and this/i);
    },
    limit,
  );
});
