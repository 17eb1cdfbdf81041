import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createDineroForwarding } from '../../src/adapters/dinero-forwarding.ts';
import type { ForwardedAnswer, ForwardedRequest } from '../../src/core/ports.ts';
import { createFixedClock } from '../support/clock.ts';
import { type FakeDinero, listen, readAll, startFakeDinero } from '../support/fake-dinero.ts';

let dinero: FakeDinero;
beforeEach(async () => {
  dinero = await startFakeDinero();
});
afterEach(() => dinero.close());

const nobodyLeaves = new AbortController().signal;
const get: ForwardedRequest = { method: 'GET', target: '/v1/organizations', headers: [], body: null };

function send(
  request: Partial<ForwardedRequest> = {},
  {
    signal = nobodyLeaves,
    ...limits
  }: { signal?: AbortSignal; headersMilliseconds?: number; idleMilliseconds?: number } = {},
): Promise<ForwardedAnswer> {
  const forwarding = createDineroForwarding({ baseUrl: dinero.origin, ...limits }, createFixedClock());
  return forwarding.send({ ...get, ...request }, 'the-token', signal);
}

const textOf = async ({ body }: ForwardedAnswer) => (await readAll(body as AsyncIterable<Buffer>)).toString();
const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => 'none',
    (error: { code?: unknown; name: string }) => error.code ?? error.name,
  );

/** A body that never goes on after its pieces. */
async function* stuckAfter(...pieces: string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece);
  await new Promise(() => {});
}

describe('what is sent', () => {
  test('goes to the configured origin whatever the target says, with the token and the given headers', async () => {
    const elsewhere = await startFakeDinero();
    for (const target of [
      `//127.0.0.1:${elsewhere.port}/v1`,
      `/@127.0.0.1:${elsewhere.port}/`,
      `/\\\\127.0.0.1:${elsewhere.port}`,
    ]) {
      await textOf(
        await send({
          target,
          headers: [
            ['X-One', 'a'],
            ['X-One', 'b'],
          ],
        }),
      );
      expect(dinero.seen.at(-1)).toMatchObject({
        url: target,
        headers: { host: `127.0.0.1:${dinero.port}`, authorization: 'Bearer the-token', 'x-one': 'a, b' },
      });
    }
    expect(elsewhere.seen).toEqual([]);
    await elsewhere.close();
  });

  test('has the length that was given, and is chunked when none was', async () => {
    async function* body() {
      yield Buffer.from('four');
    }
    await textOf(await send({ method: 'POST', headers: [['Content-Length', '4']], body: body() }));
    await textOf(await send({ method: 'POST', body: body() }));
    expect(dinero.seen.map(({ headers }) => [headers['content-length'], headers['transfer-encoding']])).toEqual([
      ['4', undefined],
      [undefined, 'chunked'],
    ]);
  });
});

describe('an answer', () => {
  test('comes back as it is: status, headers of any bytes, packed body', async () => {
    const packed = gzipSync('{"Collection":[]}');
    dinero.answer((_request, response) => {
      response.writeHead(480, [
        'X-One',
        '1',
        'x-one',
        '2',
        'Content-Encoding',
        'gzip',
        'X-Name',
        Buffer.from('ø').toString('latin1'),
      ]);
      response.end(packed);
    });
    const answer = await send();
    expect(answer.status).toBe(480);
    const headers = answer.headers.filter(([name]) => /^x-|encoding/i.test(name) && name !== 'transfer-encoding');
    expect(headers.filter(([name]) => name !== 'Transfer-Encoding')).toEqual([
      ['X-One', '1'],
      ['x-one', '2'],
      ['Content-Encoding', 'gzip'],
      ['X-Name', Buffer.from('ø').toString('latin1')],
    ]);
    expect(Buffer.compare(await readAll(answer.body as AsyncIterable<Buffer>), packed)).toBe(0);
  });

  test('that leads elsewhere is not followed', async () => {
    const elsewhere = await startFakeDinero();
    dinero.answer((_request, response) => response.writeHead(302, { location: `${elsewhere.origin}/` }).end());
    const answer = await send();
    expect(answer.status).toBe(302);
    expect(answer.headers).toContainEqual(['location', `${elsewhere.origin}/`]);
    await textOf(answer);
    expect([dinero.seen.length, elsewhere.seen.length]).toEqual([1, 0]);
    await elsewhere.close();
  });

  test.each([
    ['30', 30],
    ['0', 0],
    ['in a while', null],
    [undefined, null],
  ])('with Retry-After %s asks for %s seconds', async (value, seconds) => {
    dinero.answer((_request, response) =>
      response.writeHead(429, value === undefined ? {} : { 'Retry-After': value }).end('wait'),
    );
    const answer = await send();
    expect(answer.retryAfterSeconds).toBe(seconds);
    answer.discard();
  });

  test('that breaks off is told from a whole one, by its length and in chunks', async () => {
    for (const headers of [{ 'content-length': '100' }, {}]) {
      dinero.answer((_request, response) => {
        response.writeHead(200, headers).write('half', () => response.destroy());
      });
      const answer = await send();
      expect(await failureOf(textOf(answer))).toBe('dinero_unavailable');
    }
  });

  test('that nobody wants frees its connection', async () => {
    const closed: Promise<unknown>[] = [];
    dinero.answer((_request, response) => {
      closed.push(once(response, 'close'));
      response.writeHead(200).write('and so on');
    });
    (await send()).discard();
    await Promise.all(closed);
    expect(closed).toHaveLength(1);
  });
});

describe('what does not come in time', () => {
  test('an answer', async () => {
    dinero.answer(() => {});
    expect(await failureOf(send({}, { headersMilliseconds: 50 }))).toBe('dinero_unavailable');
  });

  test('the rest of an answer', async () => {
    dinero.answer((_request, response) => void response.writeHead(200).write('half'));
    const answer = await send({}, { idleMilliseconds: 50 });
    expect(await failureOf(textOf(answer))).toBe('dinero_unavailable');
  });

  test('the rest of a request', async () => {
    dinero.answer((request) => void request.resume());
    expect(await failureOf(send({ method: 'POST', body: stuckAfter('half') }, { headersMilliseconds: 50 }))).toBe(
      'dinero_unavailable',
    );
  });

  test('somebody to take the answer: its connection is not held for ever', async () => {
    const closed = new Promise((resolve) =>
      dinero.answer((_request, response) => {
        response.once('close', resolve);
        response.writeHead(200).write('half');
      }),
    );
    await send({}, { idleMilliseconds: 50 });
    await closed;
  });
});

test('a body that goes on slowly is not cut: each piece starts the time anew', async () => {
  const pieces = 12;
  dinero.answer(async (_request, response) => {
    response.writeHead(200);
    for (let sent = 0; sent < pieces; sent += 1) {
      response.write('x');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    response.end();
  });
  expect(await textOf(await send({}, { idleMilliseconds: 500 }))).toBe('x'.repeat(pieces));
});

describe('a caller who gives up', () => {
  test('before the answer ends the request to Dinero', async () => {
    const caller = new AbortController();
    const closed = new Promise((resolve) =>
      dinero.answer((_request, response) => {
        response.once('close', resolve);
        caller.abort();
      }),
    );
    expect(await failureOf(send({}, { signal: caller.signal }))).toBe(20);
    await closed;
  });

  test('in the middle of the answer ends it', async () => {
    const caller = new AbortController();
    let held: ServerResponse | undefined;
    dinero.answer((_request, response) => {
      held = response;
      response.writeHead(200).write('half');
    });
    const answer = await send({}, { signal: caller.signal });
    const closed = once(held as ServerResponse, 'close');
    caller.abort();
    expect(await failureOf(textOf(answer))).toBe(20);
    await closed;
  });
});

test('a Dinero that nobody reaches is unavailable, and no secret is in the error', async () => {
  const gone = await listen(() => {});
  await gone.close();
  const forwarding = createDineroForwarding({ baseUrl: gone.origin }, createFixedClock());
  const error = await forwarding.send(get, 'the-token', nobodyLeaves).catch((thrown: Error) => thrown);
  expect(error).toMatchObject({ code: 'dinero_unavailable', message: 'Dinero could not be reached' });
  expect(error).not.toHaveProperty('cause');
});
