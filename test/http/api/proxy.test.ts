import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, request as startRequest } from 'node:http';
import { connect as connectSocket, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp, type TestAppOptions } from '../../support/app.ts';
import { type Backend, createBackend } from '../../support/backend.ts';
import { openBrowser } from '../../support/browser.ts';
import { callRaw, type FakeDinero, listen, type RawCall, readAll, startFakeDinero } from '../../support/fake-dinero.ts';
import { createMemoryStores } from '../../support/memory-stores.ts';

// The proxy from its front door to a Dinero that does as it is told: over sockets, byte for byte.

let sandbox: Sandbox;
let dinero: FakeDinero;
let testApp: TestApp;
let backend: Backend;
let door: Awaited<ReturnType<typeof listen>>;
let userId: string;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  sandbox.reset();
  dinero = await startFakeDinero();
  await open({ forwarding: { baseUrl: dinero.origin } });
});
afterEach(async () => {
  await door.close();
  await dinero.close();
});

/** An app on a port of its own, and somebody who chose company 118244. */
async function open(options: TestAppOptions): Promise<void> {
  await door?.close().catch(() => {});
  testApp = createTestApp(sandbox, options);
  backend = await createBackend(testApp);
  door = await listen(testApp.app);
  await openBrowser(testApp.app).connect('rikke', '118244');
  userId = testApp.connectedUsers()[0] ?? '';
  sandbox.requests.length = 0;
}

const proxyPath = (path: string) => `/api/v1${backend.connectionPath(userId)}/proxy${path}`;
const key = () => ['authorization', `Bearer ${backend.text}`];
const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const tokenCalls = () => sandbox.count('POST', '/connect/token');

function call(path: string, { headers = [], ...more }: RawCall = {}) {
  return callRaw(door.port, proxyPath(path), { headers: [...key(), ...headers], ...more });
}

const problemOf = ({ status, headers, body }: Awaited<ReturnType<typeof call>>) => {
  expect(headers['content-type']).toMatch(/^application\/problem\+json/);
  return { status, code: (JSON.parse(body.toString()) as { code: string }).code, retryAfter: headers['retry-after'] };
};

/** A request whose body the test writes by and by. */
function startUpload(path: string, headers: Record<string, string> = {}) {
  const request = startRequest({
    port: door.port,
    host: '127.0.0.1',
    path: proxyPath(path),
    method: 'POST',
    headers: { authorization: `Bearer ${backend.text}`, ...headers },
    agent: false,
  });
  const answered = once(request, 'response').then(([response]) => response as IncomingMessage);
  answered.catch(() => {});
  request.on('error', () => {});
  return { request, answered };
}

/** Until somebody waits by the app's clock. */
function sleepBegins(): Promise<void> {
  const { clock } = testApp;
  const { sleep } = clock;
  return new Promise((resolve) => {
    clock.sleep = (...args) => {
      resolve();
      return sleep(...args);
    };
  });
}

describe('what arrives at Dinero', () => {
  test.each([
    ['/v1/{organizationId}/contacts', '/v1/118244/contacts'],
    ['/v1/%7BorganizationId%7D/contacts', '/v1/118244/contacts'],
    ['/v1/%7borganizationId}/x/{organizationId}', '/v1/118244/x/118244'],
    [
      '/v1/5/contacts?q={organizationId}&r=%7BorganizationId%7D',
      '/v1/5/contacts?q={organizationId}&r=%7BorganizationId%7D',
    ],
    ['/v1/{OrganizationId}/x', '/v1/{OrganizationId}/x'],
    [
      '/v1/a%2Fb%20c%zz;p=1//d?a=b&a=c+d%0d%0aX:%20y&e=?f/../g',
      '/v1/a%2Fb%20c%zz;p=1//d?a=b&a=c+d%0d%0aX:%20y&e=?f/../g',
    ],
    ['/v1/%C3%A6.../..b/c..?%C3%B8', '/v1/%C3%A6.../..b/c..?%C3%B8'],
    ['?x=1', '/?x=1'],
  ])('of the path %s is %s', async (sent, arrived) => {
    expect((await call(sent)).status).toBe(200);
    expect(dinero.seen.map(({ url }) => url)).toEqual([arrived]);
  });

  test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('is the method %s', async (method) => {
    expect((await call('/v1/x', { method })).status).toBe(200);
    expect(dinero.seen.map((seen) => seen.method)).toEqual([method]);
  });

  test('is never TRACE: its answer would show the token', async () => {
    const refused = await call('/v1/x', { method: 'TRACE' });
    expect(problemOf(refused)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(dinero.seen).toEqual([]);
  });

  test('is every header of the request but those of the way here, of this app, and of who somebody is', async () => {
    const kept = ['Accept', 'application/json', 'X-Two', 'a', 'x-two', 'b', 'If-Match', '"1"', 'Accept-Encoding', 'br'];
    const dropped = [
      ...['Connection', 'close, X-Hop', 'X-Hop', '1', 'Keep-Alive', 'timeout=5', 'TE', 'trailers'],
      ...['Upgrade', 'websocket', 'Cookie', 'session=1', 'Forwarded', 'for=1.2.3.4', 'X-Forwarded-For', '1.2.3.4'],
      ...['X-Forwarded-Host', 'evil.example', 'x-real-ip', '1.2.3.4', 'Proxy-Authorization', 'Basic eA=='],
      ...['Proxy-Connection', 'keep-alive', 'X-Original-URL', '/v1/other', 'X-Rewrite-Url', '/v1/other'],
    ];
    await call('/v1/x', { headers: [...kept, ...dropped] });
    const [seen] = dinero.seen;
    const token = sandbox.issued.accessTokens.at(-1);
    expect(seen?.rawHeaders).toEqual([
      ...['host', `127.0.0.1:${dinero.port}`, 'connection', 'keep-alive'],
      ...kept,
      ...['authorization', `Bearer ${token}`],
    ]);
  });

  test('is the body as it was sent, with its length or in chunks, packed or not', async () => {
    const bodies: Buffer[] = [];
    dinero.answer(async (request, response) => {
      bodies.push(await readAll(request));
      response.end();
    });
    const packed = gzipSync('{"name":"Ærø"}');
    const headers = ['content-type', 'application/json', 'content-encoding', 'gzip'];
    await call('/v1/x', {
      method: 'POST',
      headers: [...headers, 'content-length', String(packed.length)],
      body: packed,
    });
    await call('/v1/x', {
      method: 'PUT',
      headers: [...headers, 'transfer-encoding', 'chunked', 'trailer', 'x-sum'],
      body: packed,
    });
    expect(bodies).toEqual([packed, packed]);
    expect(dinero.seen.map(({ headers: seen }) => seen['content-length'])).toEqual([String(packed.length), undefined]);
    expect(dinero.seen.map(({ headers: seen }) => seen['content-encoding'])).toEqual(['gzip', 'gzip']);
    expect(dinero.seen.map(({ headers: seen }) => seen.trailer)).toEqual([undefined, undefined]);
  });
});

describe('the token goes to Dinero alone', () => {
  test.each([
    '//EVIL/v1/x',
    '/\\\\EVIL/v1/x',
    '/@EVIL/x',
    '/%0d%0aHost:%20EVIL/x',
    '/v1@EVIL',
    '/http://EVIL/x',
    '/:80@EVIL',
  ])('with a path such as %s', async (path) => {
    const evil = await startFakeDinero();
    const target = path.replace('EVIL', `127.0.0.1:${evil.port}`);
    await call(target);
    expect(evil.seen).toEqual([]);
    expect(dinero.seen.map(({ url, headers }) => [url, headers.host])).toEqual([[target, `127.0.0.1:${dinero.port}`]]);
    await evil.close();
  });

  test('and an absolute URL as the target is refused', async () => {
    const answer = await callRaw(door.port, `http://evil.example${proxyPath('/v1/x')}`, { headers: key() });
    expect(problemOf(answer)).toMatchObject({ status: 400, code: 'bad_request' });
    expect(dinero.seen).toEqual([]);
  });

  test.each([
    '/..',
    '/../v1/x',
    '/v1/../x',
    '/v1/./x',
    '/v1/%2e%2e/x',
    '/v1/.%2E/x',
    '/v1/%252e%252e/x',
    '/v1/%25252e./x',
    '/v1/..%2fx',
    '/v1/..%5cx',
    '/v1/..\\x',
    '/v1\\..\\x',
    '/v1/..;a=b/x',
    '/v1/%2e%2e%3Bx/y',
    '/v1/x/..?a',
    '/v1/x#y',
    '/..#y',
  ])('the path %s could be taken for another one, and is refused', async (path) => {
    const answer = await call(path);
    expect(problemOf(answer)).toMatchObject({ status: 400, code: 'bad_request' });
    expect(dinero.seen).toEqual([]);
  });

  test('also when Dinero answers with a redirect, which is passed on as it is', async () => {
    const elsewhere = await startFakeDinero();
    const location = `${elsewhere.origin}/v1/x?a=%2F`;
    dinero.answer((_request, response) => response.writeHead(307, { Location: location }).end('over there'));
    const answer = await call('/v1/x', { method: 'POST', body: 'x' });
    expect([answer.status, answer.headers.location, answer.body.toString()]).toEqual([307, location, 'over there']);
    expect([dinero.seen.length, elsewhere.seen.length]).toEqual([1, 0]);
    await elsewhere.close();
  });

  test('and nowhere without a key that may: no key, and a key without the scope', async () => {
    expect(problemOf(await callRaw(door.port, proxyPath('/v1/x')))).toMatchObject({ status: 401 });
    const { text } = await createBackend(testApp, ['connections', 'links']);
    const answer = await callRaw(door.port, proxyPath('/v1/x'), { headers: ['authorization', `Bearer ${text}`] });
    expect(problemOf(answer)).toMatchObject({ status: 403, code: 'scope_insufficient' });
    expect(dinero.seen).toEqual([]);
  });

  test('and into no log, nor does what was asked of Dinero', async () => {
    dinero.answer((_request, response) =>
      response.writeHead(200, { 'content-length': '10' }).write('x', () => response.destroy()),
    );
    await call('/v1/118244/a-private-path?and=its-query').catch(() => {});
    const log = testApp.logText();
    expect(log).toContain('/proxy/*');
    for (const secret of ['a-private-path', 'its-query', ...sandbox.issued.accessTokens])
      expect(log).not.toContain(secret);
  });
});

describe('what comes back', () => {
  test('is Dinero’s answer with its headers, but for those that are this app’s to set', async () => {
    dinero.answer((_request, response) => {
      response.writeHead(201, [
        ...['Content-Type', 'application/json', 'ETag', 'W/"7"', 'X-Two', '1', 'x-two', '2', 'Location', '/v1/5/x'],
        ...['Content-Disposition', `attachment; filename=${Buffer.from('Ærø.pdf').toString('latin1')}`],
        ...['Set-Cookie', 'dinero=1', 'Server', 'Kestrel', 'X-Powered-By', 'ASP.NET', 'Cache-Control', 'public'],
        ...['Strict-Transport-Security', 'max-age=0', 'Content-Security-Policy', "default-src 'unsafe-inline'"],
        ...['Access-Control-Allow-Origin', '*', 'Connection', 'close, X-Hop', 'X-Hop', '1', 'Keep-Alive', 'timeout=1'],
        ...[
          'X-Frame-Options',
          'ALLOWALL',
          'X-Content-Type-Options',
          'off',
          'X-Request-Id',
          'theirs',
          'dinero-connect-queued-milliseconds',
          '7',
        ],
        ...['Content-Length', '2', 'Clear-Site-Data', '"*"', 'Alt-Svc', 'h3=":443"', 'Proxy-Authenticate', 'Basic'],
      ]);
      response.end(Buffer.from('{}'));
    });
    const { status, headers, rawHeaders } = await call('/v1/x', { method: 'POST' });
    expect(status).toBe(201);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      etag: 'W/"7"',
      location: '/v1/5/x',
      'content-length': '2',
      'x-two': '1, 2',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringMatching(/^default-src 'none'; ?frame-ancestors 'none'$/),
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.stringMatching(/^[0-9A-F]{10}$/),
    });
    expect(Buffer.from(String(headers['content-disposition']), 'latin1').toString()).toContain('Ærø.pdf');
    const names = rawHeaders.filter((_one, index) => index % 2 === 0).map((name) => name.toLowerCase());
    for (const name of [
      ...[
        'set-cookie',
        'server',
        'x-powered-by',
        'strict-transport-security',
        'access-control-allow-origin',
        'x-hop',
        'x-frame-options',
      ],
      ...['dinero-connect-queued-milliseconds', 'clear-site-data', 'alt-svc', 'proxy-authenticate'],
    ]) {
      expect(names).not.toContain(name);
    }
  });

  test('is packed when Dinero packed it, byte for byte', async () => {
    const packed = gzipSync('{"Collection":[]}');
    dinero.answer((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length }).end(packed),
    );
    const { headers, body } = await call('/v1/x', { headers: ['accept-encoding', 'gzip'] });
    expect([headers['content-encoding'], headers['content-length']]).toEqual(['gzip', String(packed.length)]);
    expect(body).toEqual(packed);
  });

  test('has no body where HTTP has none, and says what it would have been', async () => {
    dinero.answer((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { 'content-length': 1234 }).end();
      else response.writeHead(request.url === '/204' ? 204 : 304, { etag: '"7"' }).end();
    });
    expect(await call('/v1/x', { method: 'HEAD' })).toMatchObject({
      status: 200,
      headers: { 'content-length': '1234' },
    });
    expect(await call('/204')).toMatchObject({ status: 204, body: Buffer.alloc(0) });
    expect(await call('/304')).toMatchObject({ status: 304, headers: { etag: '"7"' } });
  });
});

describe('bodies are streams', () => {
  const mebibyte = randomBytes(1024 * 1024);
  const size = 50;

  /** Writes fifty mebibytes as fast as they are taken; answers how far it is. */
  function pour(target: NodeJS.WritableStream) {
    const state = { written: 0, ended: false };
    const done = (async () => {
      for (; state.written < size; state.written += 1) {
        if (!target.write(mebibyte)) await once(target, 'drain');
      }
      target.end();
      state.ended = true;
    })();
    return { state, done };
  }

  /** Until nothing has moved for a while, or everything has. */
  async function standsStill(state: { written: number; ended: boolean }): Promise<void> {
    for (let last = -1, same = 0; same < 3 && !state.ended; ) {
      same = last === state.written ? same + 1 : 0;
      last = state.written;
      await pause(100);
    }
  }

  async function measure(stream: AsyncIterable<Buffer>): Promise<string> {
    const hash = createHash('sha256');
    for await (const piece of stream) hash.update(piece);
    return hash.digest('hex');
  }

  const wholeHash = (() => {
    const hash = createHash('sha256');
    for (let written = 0; written < size; written += 1) hash.update(mebibyte);
    return hash.digest('hex');
  })();

  test('an upload reaches Dinero while it is still being sent', async () => {
    const first = new Promise<string>((resolve) =>
      dinero.answer((request, response) => {
        request.once('data', (piece) => resolve(String(piece)));
        request.on('end', () => response.end());
      }),
    );
    const { request, answered } = startUpload('/v1/x');
    request.write('the first');
    expect(await first).toBe('the first');
    request.end('the last');
    expect((await answered).statusCode).toBe(200);
  });

  test('a download reaches the backend while Dinero is still sending', async () => {
    let held: ServerResponse | undefined;
    dinero.answer((_request, response) => {
      held = response;
      response.writeHead(200).write('the first');
    });
    const { request, answered } = startUpload('/v1/x');
    request.end();
    const response = await answered;
    const [first] = (await once(response, 'data')) as [Buffer];
    expect(String(first)).toBe('the first');
    held?.end('the last');
    expect(String(await readAll(response))).toBe('the last');
  });

  test('what Dinero says before it has anything to send reaches the backend at once', async () => {
    dinero.answer((_request, response) => response.writeHead(200, { etag: '"7"' }).flushHeaders());
    const { request, answered } = startUpload('/v1/x');
    request.end();
    expect((await answered).headers.etag).toBe('"7"');
    request.destroy();
  });

  test('fifty mebibytes up wait for a Dinero that takes nothing, and then arrive whole', async () => {
    let taken: Promise<string> | undefined;
    let take = () => {};
    dinero.answer((request, response) => {
      take = () => {
        taken = measure(request);
        void taken.then(() => response.end());
      };
    });
    const { request, answered } = startUpload('/v1/x');
    const upload = pour(request);
    await standsStill(upload.state);
    expect(upload.state).toMatchObject({ ended: false });
    expect(upload.state.written).toBeLessThan(size - 10);
    take();
    await upload.done;
    expect((await answered).statusCode).toBe(200);
    expect(await taken).toBe(wholeHash);
  });

  test('fifty mebibytes down wait for a backend that takes nothing, and then arrive whole', async () => {
    let download: ReturnType<typeof pour> | undefined;
    dinero.answer((_request, response) => {
      download = pour(response.writeHead(200));
    });
    const { request, answered } = startUpload('/v1/x');
    request.end();
    const response = await answered;
    await standsStill(download?.state ?? { written: 0, ended: true });
    expect(download?.state.ended).toBe(false);
    expect(download?.state.written).toBeLessThan(size - 10);
    expect(await measure(response)).toBe(wholeHash);
  });

  test('a backend that waits to be told to go on is told', async () => {
    const bodies: Buffer[] = [];
    dinero.answer(async (request, response) => {
      bodies.push(await readAll(request));
      response.end();
    });
    const { request, answered } = startUpload('/v1/x', { expect: '100-continue', 'content-length': '4' });
    request.flushHeaders();
    await once(request, 'continue');
    request.end('four');
    expect((await answered).statusCode).toBe(200);
    expect(bodies.map(String)).toEqual(['four']);
    expect(dinero.seen[0]?.headers.expect).toBeUndefined();
  });

  test('an answer that comes before the upload has ended reaches the backend, and its connection goes on', async () => {
    dinero.answer((request, response) => {
      if (request.url === '/v1/large') response.writeHead(413).end('too large');
      else response.end('next');
    });
    const socket = connectSocket(door.port, '127.0.0.1');
    const head = (method: string, path: string, more: string) =>
      `${method} ${proxyPath(path)} HTTP/1.1\r\nhost: app.example\r\nauthorization: Bearer ${backend.text}\r\n${more}\r\n`;
    socket.write(head('POST', '/v1/large', 'content-length: 3000000\r\n'));
    socket.write(Buffer.alloc(100_000));
    await received(socket, 'too large');
    socket.write(Buffer.alloc(2_900_000));
    socket.write(head('GET', '/v1/next', ''));
    await received(socket, 'next');
    socket.destroy();
  });
});

/** Reads from the socket until the text has come. */
async function received(socket: Socket, text: string): Promise<void> {
  let seen = '';
  while (!seen.includes(text)) seen += String(((await once(socket, 'data')) as [Buffer])[0]);
}

describe('what breaks off', () => {
  test('a backend that hangs up before its key is looked up is never sent on', async () => {
    const stores = createMemoryStores();
    const { find } = stores.apiKeys;
    let release: (() => void) | undefined;
    let held = Promise.resolve();
    const apiKeys = { ...stores.apiKeys, find: (id: string) => held.then(() => find(id)) };
    await open({ forwarding: { baseUrl: dinero.origin }, stores: { ...stores, apiKeys } });
    held = new Promise((resolve) => {
      release = resolve;
    });
    const arrived = once(door.server, 'request');
    const { request } = startUpload('/v1/gone');
    request.end();
    await arrived;
    request.destroy();
    while (!testApp.logs().some(({ aborted }) => aborted)) await pause(5);
    release?.();
    await call('/v1/next');
    expect(dinero.seen.map(({ url }) => url)).toEqual(['/v1/next']);
    expect(testApp.logs().filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  test('a backend that hangs up before the answer ends the request to Dinero', async () => {
    const arrived = new Promise<ServerResponse>((resolve) => dinero.answer((_request, response) => resolve(response)));
    const { request } = startUpload('/v1/x');
    request.end();
    const closed = once(await arrived, 'close');
    request.destroy();
    await closed;
  });

  test('a backend that hangs up in the middle of its upload never looks to Dinero as if it had ended', async () => {
    const arrived = new Promise<IncomingMessage>((resolve) => dinero.answer((request) => resolve(request.resume())));
    const { request } = startUpload('/v1/x');
    request.write('half');
    const incoming = await arrived;
    const ended = new Promise((resolve) => {
      incoming.once('end', () => resolve('whole'));
      incoming.once('error', () => resolve('broken'));
    });
    request.destroy();
    expect(await ended).toBe('broken');
  });

  test('a backend that hangs up in the middle of the answer ends it at Dinero', async () => {
    let held: ServerResponse | undefined;
    dinero.answer((_request, response) => {
      held = response;
      response.writeHead(200).write('half');
    });
    const { request, answered } = startUpload('/v1/x');
    request.end();
    await once(await answered, 'data');
    const closed = once(held as ServerResponse, 'close');
    request.destroy();
    await closed;
  });

  test.each([
    ['with a length', { 'content-length': '100' }],
    ['in chunks', {}],
  ])('an answer %s that ends too early ends the backend’s connection', async (_how, headers) => {
    dinero.answer((_request, response) => response.writeHead(200, headers).write('half', () => response.destroy()));
    await expect(call('/v1/x')).rejects.toThrow('aborted');
    const lines = testApp.logs().filter(({ errorCode }) => errorCode === 'dinero_unavailable');
    expect(lines).toEqual([expect.objectContaining({ level: 40, msg: 'Dinero’s answer broke off or stood still' })]);
  });

  test('an answer that stands still ends the backend’s connection, too', async () => {
    await open({ forwarding: { baseUrl: dinero.origin, idleMilliseconds: 50 } });
    dinero.answer((_request, response) => void response.writeHead(200).write('half'));
    await expect(call('/v1/x')).rejects.toThrow('aborted');
  });
});

describe('Dinero refuses the token (F37)', () => {
  const refuse = (response: ServerResponse) =>
    response.writeHead(401, { 'content-type': 'application/json', 'www-authenticate': 'Bearer' }).end('{"code":41}');

  /** Refuses the first `times` calls, once their bodies are read or at once; keeps the bodies. */
  function refuseFirst(times: number, { atOnce = false } = {}) {
    const bodies: Buffer[] = [];
    dinero.answer(async (request, response) => {
      const refused = dinero.seen.length <= times;
      if (refused && atOnce) return void refuse(response);
      bodies.push(await readAll(request).catch(() => Buffer.from('broken')));
      if (refused) refuse(response);
      else response.end('done');
    });
    return bodies;
  }

  const authorizations = () => dinero.seen.map(({ headers }) => headers.authorization);

  test('one forced refresh and one more call bring the answer; nobody notices', async () => {
    refuseFirst(1);
    const answer = await call('/v1/x');
    expect([answer.status, answer.body.toString()]).toEqual([200, 'done']);
    expect(tokenCalls()).toBe(1);
    expect(new Set(authorizations()).size).toBe(2);
    await call('/v1/x');
    expect([dinero.seen.length, tokenCalls()]).toEqual([3, 1]);
  });

  test('a refusal that goes on and on is not listened to once there is an answer', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    dinero.answer((_request, response) => {
      if (dinero.seen.length > 1) {
        response.writeHead(200).flushHeaders();
        return void closed.then(() => response.end('done'));
      }
      closed = once(response, 'close');
      response.writeHead(401).write('and so on');
    });
    expect((await call('/v1/x')).status).toBe(200);
  });

  test('a body of a mebibyte is sent again, whole', async () => {
    const bodies = refuseFirst(1);
    const body = randomBytes(1024 * 1024);
    expect((await call('/v1/x', { method: 'POST', body })).status).toBe(200);
    expect(bodies.map(hashOf)).toEqual([hashOf(body), hashOf(body)]);
  });

  test('a larger one is not: the refusal is passed on, and the backend’s next try works', async () => {
    const bodies = refuseFirst(1);
    const body = randomBytes(1024 * 1024 + 1);
    const answer = await call('/v1/x', { method: 'POST', body });
    expect([answer.status, answer.headers['www-authenticate'], answer.body.toString()]).toEqual([
      401,
      'Bearer',
      '{"code":41}',
    ]);
    expect(bodies.length).toBe(1);
    expect((await call('/v1/x', { method: 'POST', body })).status).toBe(200);
    expect(hashOf(bodies[1] as Buffer)).toBe(hashOf(body));
    expect(new Set(authorizations()).size).toBe(2);
    expect(tokenCalls()).toBe(1);
  });

  test('a body that is still on its way when the refusal comes arrives whole the second time', async () => {
    const bodies = refuseFirst(1, { atOnce: true });
    const { request, answered } = startUpload('/v1/x');
    const pieces = Array.from({ length: 30 }, () => randomBytes(100_000));
    request.write(pieces[0]);
    while (dinero.seen.length < 2) await pause(5);
    for (const piece of pieces.slice(1)) request.write(piece);
    request.end();
    expect((await answered).statusCode).toBe(200);
    expect(hashOf(bodies[0] as Buffer)).toBe(hashOf(Buffer.concat(pieces)));
  });

  test('a second refusal is passed on, and then stops: no refresh for whoever asks next', async () => {
    refuseFirst(Number.POSITIVE_INFINITY);
    const answer = await call('/v1/x');
    expect([answer.status, answer.body.toString()]).toEqual([401, '{"code":41}']);
    expect([dinero.seen.length, tokenCalls()]).toEqual([2, 1]);
    expect((await call('/v1/x')).status).toBe(401);
    expect([dinero.seen.length, tokenCalls()]).toEqual([3, 1]);
  });

  test('a grant that is refused as well is a problem with the way back', async () => {
    refuseFirst(1);
    await sandbox.revokeAuthorizations('rikke');
    const answer = await call('/v1/x');
    expect(problemOf(answer)).toMatchObject({ status: 409, code: 'needs_reconnect' });
    expect(JSON.parse(answer.body.toString()).reconnectUrl).toMatch(/\/link\//);
    expect(dinero.seen.length).toBe(1);
  });
});

describe('Dinero says no, or nothing (F38–F40)', () => {
  test.each([400, 403, 404, 409, 422, 480, 500, 502, 503])(
    '%i is passed on as it is, after one call',
    async (status) => {
      const page = '<html><h1>404 - File or directory not found.</h1></html>';
      dinero.answer((_request, response) =>
        response.writeHead(status, { 'content-type': 'text/html', 'retry-after': '7' }).end(page),
      );
      const answer = await call('/v1/{organizationId}/x');
      expect([answer.status, answer.headers['retry-after'], answer.body.toString()]).toEqual([status, '7', page]);
      expect([dinero.seen.length, tokenCalls()]).toEqual([1, 0]);
      dinero.answer((_request, response) => response.end('well again'));
      expect((await call('/v1/{organizationId}/x')).status).toBe(200);
    },
  );

  test('429 is passed on with its Retry-After, and nobody asks for this organization until then', async () => {
    dinero.answer((_request, response) =>
      response.writeHead(429, { 'content-type': 'text/plain', 'retry-after': '30' }).end('API calls quota exceeded!'),
    );
    const first = await call('/v1/{organizationId}/x');
    expect([first.status, first.headers['retry-after'], first.headers['content-type']]).toEqual([
      429,
      '30',
      'text/plain',
    ]);
    const second = await call('/v1.2/%31%318244/y', { method: 'POST', body: 'x' });
    expect(problemOf(second)).toEqual({ status: 429, code: 'dinero_quota_exhausted', retryAfter: '30' });
    expect(dinero.seen.length).toBe(1);
    dinero.answer((_request, response) => response.end());
    expect((await call('/v1/118245/x')).status).toBe(200);
    expect((await call('/v1/organizations')).status).toBe(200);
    testApp.clock.advance(30);
    expect((await call('/v1/{organizationId}/x')).status).toBe(200);
  });

  test.each([
    ['in a while', 10],
    ['0', 1],
    ['999999999999', 3_600],
  ])('429 with Retry-After: %s stops the calls of an organization for %i seconds', async (retryAfter, seconds) => {
    dinero.answer((_request, response) => response.writeHead(429, { 'retry-after': retryAfter }).end());
    await call('/v1/{organizationId}/x');
    const asleep = sleepBegins();
    const waiting = call('/v1/{organizationId}/x').then(({ status, headers }) => [status, headers['retry-after']]);
    if (seconds > 15) return expect(await waiting).toEqual([429, String(seconds)]);
    dinero.answer((_request, response) => response.end());
    await asleep;
    expect(dinero.seen.length).toBe(1);
    testApp.clock.advance(seconds);
    expect(await waiting).toEqual([200, undefined]);
  });

  test('no answer in time, no Dinero at all: a problem that says when to try again, after one call', async () => {
    await open({ forwarding: { baseUrl: dinero.origin, headersMilliseconds: 50 } });
    dinero.answer((request) => void request.resume());
    for (const more of [{}, { method: 'POST', body: 'x' }]) {
      expect(problemOf(await call('/v1/x', more))).toEqual({
        status: 503,
        code: 'dinero_unavailable',
        retryAfter: '5',
      });
    }
    expect(dinero.seen.length).toBe(2);
    dinero.answer((_request, response) => response.destroy());
    expect(problemOf(await call('/v1/x'))).toMatchObject({ status: 503, code: 'dinero_unavailable' });
    expect(dinero.seen.length).toBe(3);
  });
});

describe('a hundred calls a minute for each organization', () => {
  const calls = (count: number, path: string) => Promise.all(Array.from({ length: count }, () => call(path)));

  test('then a call is told at once when there is a place, and others are not held up', async () => {
    const answers = await calls(100, '/v1/{organizationId}/x');
    expect(
      answers.every(({ status, headers }) => status === 200 && !headers['dinero-connect-queued-milliseconds']),
    ).toBe(true);
    testApp.clock.advance(20);
    expect(problemOf(await call('/v1/118244/x'))).toEqual({
      status: 429,
      code: 'dinero_quota_exhausted',
      retryAfter: '40',
    });
    expect(dinero.seen.length).toBe(100);
    expect((await call('/v1/201001/x')).status).toBe(200);
    expect((await call('/v1/organizations')).status).toBe(200);
  });

  test('and one that has to wait for up to fifteen seconds waits, and is told for how long it did', async () => {
    await calls(100, '/v1/{organizationId}/x');
    testApp.clock.advance(48);
    const asleep = sleepBegins();
    const waiting = call('/v1/{organizationId}/late');
    await asleep;
    expect(dinero.seen.length).toBe(100);
    testApp.clock.advance(12);
    const answer = await waiting;
    expect([answer.status, answer.headers['dinero-connect-queued-milliseconds']]).toEqual([200, '12000']);
  });

  test('a backend that hangs up while it waits is never sent on', async () => {
    await calls(100, '/v1/{organizationId}/x');
    testApp.clock.advance(48);
    const asleep = sleepBegins();
    const { request } = startUpload('/v1/{organizationId}/gone');
    request.end();
    const gone = new Promise((resolve) => request.once('close', resolve));
    await asleep;
    request.destroy();
    await gone;
    while (!testApp.logs().some(({ aborted }) => aborted)) await pause(5);
    testApp.clock.advance(12);
    await call('/v1/{organizationId}/next');
    expect(dinero.seen.slice(100).map(({ url }) => url)).toEqual(['/v1/118244/next']);
  });

  test('the second call after a refused token counts, too', async () => {
    dinero.answer((_request, response) => response.writeHead(dinero.seen.length === 1 ? 401 : 200).end());
    await calls(99, '/v1/{organizationId}/x');
    expect(dinero.seen.length).toBe(100);
    expect((await call('/v1/{organizationId}/x')).status).toBe(429);
  });
});

describe('who has not chosen a company', () => {
  test('can ask what needs none, and gets a problem for what does', async () => {
    await openBrowser(testApp.app).signIn('mads');
    userId = testApp.connectedUsers().at(-1) ?? '';
    expect((await call('/v1/organizations')).status).toBe(200);
    const refused = await call('/v1/{organizationId}/contacts', { method: 'POST', body: 'x' });
    expect(problemOf(refused)).toMatchObject({ status: 409, code: 'organization_not_chosen' });
    expect(dinero.seen.length).toBe(1);
  });

  test('or never connected, gets a problem', async () => {
    userId = 'nobody';
    expect(problemOf(await call('/v1/x'))).toMatchObject({ status: 404, code: 'not_connected' });
  });
});

test('contacts are read from the sandbox’s Dinero, and written to it', async () => {
  await open({});
  const headers = ['content-type', 'application/json'];
  const created = await call('/v1/{organizationId}/contacts', {
    method: 'POST',
    headers,
    body: '{"Name":"Fjordens Røgeri"}',
  });
  expect(created.status).toBe(201);
  const listed = await call('/v1/{organizationId}/contacts?fields=name&page=4&pageSize=1');
  expect(JSON.parse(listed.body.toString())).toMatchObject({ Collection: [{ name: 'Fjordens Røgeri' }] });
});
