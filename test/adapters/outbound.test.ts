import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createOutboundFetch, OutboundError, parseRetryAfter } from '../../src/adapters/outbound.ts';
import { takeFreePort } from '../support/ports.ts';

const closings: (() => Promise<unknown>)[] = [];

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closings.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server that holds every answer back until `release`, and knows what it was asked for. */
async function serveHeld() {
  const seen: string[] = [];
  const held: (() => void)[] = [];
  const arrivals: (() => void)[] = [];
  let open = false;
  let running = 0;
  let mostRunning = 0;
  const origin = await serve((request, response) => {
    seen.push(request.url ?? '');
    if (request.url === '/ping') return void response.end();
    running += 1;
    mostRunning = Math.max(mostRunning, running);
    const answer = () => {
      running -= 1;
      response.end('ok');
    };
    if (open) answer();
    else held.push(answer);
    for (const arrival of arrivals.splice(0)) arrival();
  });
  return {
    origin,
    seen,
    mostRunning: () => mostRunning,
    async arrived(count: number): Promise<void> {
      while (seen.length < count) await new Promise<void>((resolve) => arrivals.push(resolve));
    },
    answerOne: () => held.shift()?.(),
    release() {
      open = true;
      for (const answer of held.splice(0)) answer();
    },
  };
}

afterEach(async () => {
  await Promise.all(closings.splice(0).map((close) => close()));
});

const usual = { timeoutMilliseconds: 5_000, maxBytes: 1_000, concurrency: 1 };

const reasonOf = (call: Promise<Response>) =>
  call.then(
    () => 'answered',
    (error: unknown) => (error instanceof OutboundError ? error.reason : error),
  );

describe('an answer', () => {
  test('of the largest size is read, one byte more is refused', async () => {
    const origin = await serve((request, response) => response.end('x'.repeat(Number(request.url?.slice(1)))));
    const fetch = createOutboundFetch(usual);
    expect(await (await fetch(`${origin}/1000`)).text()).toHaveLength(1_000);
    expect(await reasonOf(fetch(`${origin}/1001`))).toBe('too_large');
  });

  test('without an end is left, and its connection closed', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    const origin = await serve((_request, response) => {
      closed = once(response, 'close');
      const send = () => response.write('x'.repeat(500), () => response.destroyed || setImmediate(send));
      send();
    });
    expect(await reasonOf(createOutboundFetch(usual)(origin))).toBe('too_large');
    await closed;
  });

  test('that is packed is capped by its unpacked size', async () => {
    const packed = { '/bomb': gzipSync(Buffer.alloc(500_000)), '/small': gzipSync('unpacked') };
    expect(packed['/bomb'].byteLength).toBeLessThan(usual.maxBytes);
    const origin = await serve((request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed[request.url as keyof typeof packed]),
    );
    const fetch = createOutboundFetch(usual);
    expect(await reasonOf(fetch(`${origin}/bomb`))).toBe('too_large');
    const small = await fetch(`${origin}/small`);
    expect([await small.text(), small.headers.get('content-encoding')]).toEqual(['unpacked', null]);
  });

  test('whose body stalls is a timeout', async () => {
    const origin = await serve((_request, response) => response.writeHead(200, { 'content-length': 10 }).write('half'));
    expect(await reasonOf(createOutboundFetch({ ...usual, timeoutMilliseconds: 100 })(origin))).toBe('timeout');
  });

  test('that redirects comes back as it is', async () => {
    const seen: string[] = [];
    const origin = await serve((request, response) => {
      seen.push(request.url ?? '');
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect((await createOutboundFetch(usual)(`${origin}/`, { redirect: 'follow' })).status).toBe(302);
    expect(seen).toEqual(['/']);
  });

  test('that breaks off is a failed connection, told without a word of the other side', async () => {
    const origin = await serve((_request, response) => response.socket?.end('HTTP/1.1 200 secret\r\n'));
    const failed = expect(createOutboundFetch(usual)(origin)).rejects;
    await failed.toMatchObject({ reason: 'network', message: `${new URL(origin).host}: connection failed` });
  });
});

describe('many calls at once', () => {
  test('run no more than allowed, and all in the end', async () => {
    const server = await serveHeld();
    const outbound = createOutboundFetch({ ...usual, concurrency: 3 });
    const calls = Array.from({ length: 10 }, () => reasonOf(outbound(server.origin)));
    await server.arrived(3);
    // Whatever else was sent by now has come before these are answered.
    for (let round = 0; round < 5; round += 1) await (await fetch(`${server.origin}/ping`)).text();
    server.release();
    expect(await Promise.all(calls)).toEqual(calls.map(() => 'answered'));
    expect(server.mostRunning()).toBe(3);
  });

  test('are refused when a hundred are waiting, until one has gone', async () => {
    const server = await serveHeld();
    const fetch = createOutboundFetch(usual);
    const calls = Array.from({ length: 101 }, () => reasonOf(fetch(server.origin)));
    expect(await reasonOf(fetch(server.origin))).toBe('busy');
    await server.arrived(1);
    server.answerOne();
    await server.arrived(2);
    calls.push(reasonOf(fetch(server.origin)));
    server.release();
    expect(await Promise.all(calls)).toEqual(calls.map(() => 'answered'));
    expect(server.seen).toHaveLength(102);
  });

  test('have each the whole time limit from their own start', async () => {
    const origin = await serve((_request, response) => setTimeout(() => response.end('ok'), 400));
    const fetch = createOutboundFetch({ ...usual, timeoutMilliseconds: 700 });
    const calls = [fetch(origin), fetch(origin), fetch(origin)].map(reasonOf);
    expect(await Promise.all(calls)).toEqual(['answered', 'answered', 'answered']);
  });
});

describe('a caller who gives up', () => {
  const ways: [string, (url: string, signal: AbortSignal) => [string | Request, RequestInit?]][] = [
    ['over the request', (url, signal) => [new Request(url, { signal })]],
    ['over the options', (url, signal) => [url, { signal }]],
    ['over the request, beside other options', (url, signal) => [new Request(url, { signal }), otherSignal()]],
    ['over the options, beside a request', (url, signal) => [new Request(url, otherSignal()), { signal }]],
  ];
  const otherSignal = () => ({ signal: new AbortController().signal });

  test.each(ways)('%s: a call that waited is never sent', async (_way, prepare) => {
    const server = await serveHeld();
    const fetch = createOutboundFetch(usual);
    const giveUp = new AbortController();
    const first = reasonOf(fetch(`${server.origin}/first`));
    const second = reasonOf(fetch(...prepare(`${server.origin}/second`, giveUp.signal)));
    const third = reasonOf(fetch(`${server.origin}/third`));
    giveUp.abort();
    server.release();
    expect(await Promise.all([first, second, third])).toEqual(['answered', 'aborted', 'answered']);
    expect(server.seen).toEqual(['/first', '/third']);
  });

  test.each(ways)('%s: a call under way ends', async (_way, prepare) => {
    const server = await serveHeld();
    const giveUp = new AbortController();
    const call = reasonOf(createOutboundFetch(usual)(...prepare(server.origin, giveUp.signal)));
    await server.arrived(1);
    giveUp.abort();
    expect(await call).toBe('aborted');
  });
});

test('an answer that arrived while the process was stopped is read when it goes on, although its time is over', async () => {
  let arrived = () => {};
  const asked = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const waiting: ServerResponse[] = [];
  const origin = await serve((_request, response) => {
    waiting.push(response);
    arrived();
  });
  const outbound = new URL('../../src/adapters/outbound.ts', import.meta.url).href;
  const caller = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { createOutboundFetch } from '${outbound}';
     const fetch = createOutboundFetch({ timeoutMilliseconds: 600, maxBytes: 1000, concurrency: 1 });
     const end = (text) => process.stdout.write(text);
     fetch('${origin}', { method: 'POST', body: 'x' }).then((answer) => answer.text()).then(end, (error) => end(error.reason));`,
  ]);
  await asked;
  caller.kill('SIGSTOP');
  waiting[0]?.end('in time');
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  caller.kill('SIGCONT');
  expect(String((await once(caller.stdout, 'data'))[0])).toBe('in time');
});

describe('a body', () => {
  const post = { method: 'POST', body: 'grant_type=refresh_token', headers: { 'content-type': 'text/plain' } };
  const errorOf = (call: Promise<unknown>) => call.then(() => null).catch((error: OutboundError) => error);

  test('leaves with its length and all at once, when nobody holds it back', async () => {
    const seen: unknown[] = [];
    const origin = await serve((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const { 'content-length': length, 'transfer-encoding': encoding, 'content-type': type } = request.headers;
        seen.push(length, encoding, type, Buffer.concat(chunks).toString());
        response.end('ok');
      });
    });
    expect((await createOutboundFetch(usual)(origin, post)).status).toBe(200);
    expect(seen).toEqual(['24', undefined, 'text/plain', 'grant_type=refresh_token']);
  });

  test('that is held back in the last moment does not leave, although the connection stands', async () => {
    const bodies: string[] = [];
    let connections = 0;
    const origin = await serve((request) => request.on('data', (chunk) => bodies.push(String(chunk))));
    const fetch = createOutboundFetch({ ...usual, timeoutMilliseconds: 1_000 });
    const asked = () => {
      connections += 1;
      return false;
    };
    const error = await errorOf(fetch(origin, post, asked));
    expect(error).toMatchObject({ reason: 'held_back', sent: false });
    expect(connections).toBe(1);
    expect(bodies).toEqual([]);
  });

  test('is asked for once the connection stands, not before', async () => {
    let asked = 0;
    const gone = await takeFreePort();
    const fetch = createOutboundFetch(usual);
    const error = await errorOf(
      fetch(`http://127.0.0.1:${gone}`, post, () => {
        asked += 1;
        return true;
      }),
    );
    expect(error).toMatchObject({ reason: 'network', sent: false });
    expect(asked).toBe(0);
  });

  test.each([
    ['reset', (request: IncomingMessage) => request.socket.resetAndDestroy(), 'network'],
    ['never answered', () => {}, 'timeout'],
  ] as const)('that was %s counts as sent', async (_how, act, reason) => {
    const origin = await serve((request) => {
      request.resume().on('end', () => act(request));
    });
    const fetch = createOutboundFetch({ ...usual, timeoutMilliseconds: 500 });
    expect(await errorOf(fetch(origin, post))).toMatchObject({ reason, sent: true });
  });
});

describe('Retry-After', () => {
  test.each([
    ['0', 0],
    ['120', 120],
    [' 120 ', 120],
    ['86401', 86_400],
    ['9'.repeat(400), 86_400],
    ['Fri, 01 Jan 2027 00:01:00 GMT', 60],
    ['Friday, 01-Jan-27 00:01:00 GMT', 60],
    ['Sat, 01 Jan 2028 00:00:00 GMT', 86_400],
    ['Thu, 31 Dec 2026 23:59:00 GMT', null],
    ['Fri, nonsense GMT', null],
    ['-5', null],
    ['1.5', null],
    ['1e3', null],
    ['soon 2099', null],
    ['', null],
    [null, null],
  ])('%j is %j seconds', (value, expected) => {
    expect(parseRetryAfter(value, new Date('2027-01-01T00:00:00Z'))).toBe(expected);
  });
});
