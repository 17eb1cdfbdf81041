import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import express from 'express';
import { createLimitedServer } from '../../src/http/server.ts';

let server: ReturnType<typeof createLimitedServer>;
let port: number;
let sockets: Socket[];

beforeEach(async () => {
  sockets = [];
  const app = express().use(express.text({ type: '*/*' }), (request, response) => void response.send(request.body));
  server = createLimitedServer(app, { bodyLimitMilliseconds: 200 });
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
