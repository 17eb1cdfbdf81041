import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createDinero } from '../../src/adapters/dinero.ts';
import type { AccountingApi } from '../../src/core/ports.ts';
import { createFixedClock } from '../support/clock.ts';

type Scripted = { broken?: boolean; status?: number; body?: unknown; headers?: Record<string, string> };
type Seen = { path: string; fields: string | null; authorization: string | undefined };

/** Answers from `script` in its order, then with an empty list, and keeps what it was asked. */
async function startScripted() {
  const script: Scripted[] = [];
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://dinero');
    const fields = url.searchParams.get('fields');
    seen.push({ path: url.pathname, fields, authorization: request.headers.authorization });
    const { broken, status = 200, body = [], headers } = script.shift() ?? {};
    if (broken) return void response.destroy();
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    script,
    seen,
    async close(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

let server: Awaited<ReturnType<typeof startScripted>>;
let dinero: AccountingApi;

beforeEach(async () => {
  server = await startScripted();
  dinero = createDinero({ baseUrl: server.origin }, createFixedClock(new Date('2027-01-01T00:00:00Z')));
});

afterEach(() => server.close());

const rich = 'name,id,isPro,vatNumber,city';
const plain = 'name,id,isPro';
const askedFields = () => server.seen.map(({ fields }) => fields);
const listed = (...records: unknown[]) => {
  server.script.push({ body: records });
  return dinero.listOrganizations('a-token');
};

test('what a database may refuse to store is replaced: NUL and halves of characters', async () => {
  const odd = { name: ' A\0B\ud800 ', id: 7, isPro: true, vatNumber: '1\0', city: '\0' };
  expect(await listed(odd)).toEqual([
    { name: 'A\ufffdB\ufffd', id: '7', isPro: true, vatNumber: '1\ufffd', city: '\ufffd' },
  ]);
});

describe('the fields of the list', () => {
  test('are the rich ones first', async () => {
    const record = { name: 'Anden ApS', id: 7, isPro: true, vatNumber: 'DK12345678', city: 'Aarhus' };
    expect(await listed(record)).toEqual([{ ...record, id: '7' }]);
    expect(askedFields()).toEqual([rich]);
  });

  test('are the plain ones once the rich ones are refused, and from then on', async () => {
    server.script.push({ status: 400, body: { code: 1 } });
    expect(await listed({ id: 7, name: 'Anden' })).toHaveLength(1);
    expect(askedFields()).toEqual([rich, plain]);
    await listed({ id: 7, name: 'Anden' });
    expect(askedFields()).toEqual([rich, plain, plain]);
  });

  test.each<[string, Scripted, string]>([
    ['is refused, too', { status: 400, body: { code: 1 } }, 'dinero_rejected'],
    ['meets a limit', { status: 429 }, 'dinero_rate_limited'],
    ['gets another shape', { body: { not: 'a list' } }, 'dinero_unavailable'],
  ])('are the rich ones again after a plain request that %s', async (_how, answer, code) => {
    server.script.push({ status: 400, body: { code: 1 } }, answer);
    await expect(dinero.listOrganizations('a-token')).rejects.toMatchObject({ code });
    await listed({ id: 7 });
    expect(askedFields()).toEqual([rich, plain, rich]);
  });
});

describe('a company of the list', () => {
  const whole = { id: 7, name: 'Anden', isPro: true, vatNumber: '12345678', city: 'Aarhus' };
  const read = { ...whole, id: '7' };

  test.each([
    { ID: 7, NAME: 'Anden', ISPRO: true, VATNUMBER: '12345678', CITY: 'Aarhus' },
    { Id: '7', Name: 'Anden', IsPro: true, VatNumber: '12345678', City: 'Aarhus' },
    { id: 7, name: ' Anden ', ispro: true, vatnumber: '12345678 ', city: ' Aarhus' },
    { ...whole, vatNumber: 12345678 },
    { ...whole, more: { unknown: ['things'] } },
  ])('is read from %j', async (record) => {
    expect(await listed(record)).toEqual([read]);
  });

  test.each([
    ['vatNumber', 'x'.repeat(51), null],
    ['vatNumber', { country: 'DK' }, null],
    ['vatNumber', ['12345678'], null],
    ['vatNumber', true, null],
    ['vatNumber', '', null],
    ['city', 'x'.repeat(201), null],
    ['city', { name: 'Aarhus' }, null],
    ['city', undefined, null],
    ['name', 'x'.repeat(10_000), 'x'.repeat(500)],
    ['name', { da: 'Anden' }, '7'],
    ['name', '  ', '7'],
    ['name', null, '7'],
    ['isPro', 'yes', false],
    ['isPro', {}, false],
    ['isPro', undefined, false],
  ])('with %s=%j loses that field alone, and hides nobody', async (field, value, expected) => {
    const other = { ...whole, id: 8 };
    expect(await listed({ ...whole, [field]: value }, other)).toEqual([
      { ...read, [field]: expected },
      { ...read, id: '8' },
    ]);
  });

  test.each([undefined, null, '', 'seven', '../7', 0, -7, 1.5, {}, [7], true])(
    'without a usable id (%j) is an error',
    async (id) => {
      await expect(listed({ ...whole, id }, { ...whole, id: 8 })).rejects.toMatchObject({ code: 'dinero_unavailable' });
    },
  );
});

describe('a status', () => {
  test.each<[string, Scripted, { code: string; retryAfterSeconds?: number | null }]>([
    ['401', { status: 401, body: { code: 41 } }, { code: 'dinero_unauthorized' }],
    ['403 with code 90', { status: 403, body: { code: 90 } }, { code: 'organization_not_pro' }],
    ['403 with code 48', { status: 403, body: { code: 48 } }, { code: 'organization_not_pro' }],
    ['403 with another code', { status: 403, body: { code: 7 } }, { code: 'dinero_rejected' }],
    ['403 without a code', { status: 403, body: 'no' }, { code: 'dinero_rejected' }],
    ['400 with code 90', { status: 400, body: { code: 90 } }, { code: 'dinero_rejected' }],
    ['404 in HTML', { status: 404, body: '<!doctype html><p>a secret</p>' }, { code: 'dinero_rejected' }],
    ['480', { status: 480, body: { code: 480 } }, { code: 'dinero_rejected' }],
    ['429', { status: 429 }, { code: 'dinero_rate_limited', retryAfterSeconds: null }],
    [
      '429 with seconds',
      { status: 429, headers: { 'retry-after': '30' } },
      { code: 'dinero_rate_limited', retryAfterSeconds: 30 },
    ],
    [
      '429 with a date',
      { status: 429, headers: { 'retry-after': 'Fri, 01 Jan 2027 00:01:00 GMT' } },
      { code: 'dinero_rate_limited', retryAfterSeconds: 60 },
    ],
    ['200 in HTML', { body: '<p>hello</p>' }, { code: 'dinero_unavailable' }],
  ])('%s is an error of its own, asked for once', async (_status, answer, expected) => {
    server.script.push(answer);
    const failed = await dinero.proveAccess('a-token', '7').catch((error: unknown) => error);
    expect(failed).toMatchObject(expected);
    expect(String(failed)).not.toMatch(/a-token|secret/);
    expect(server.seen).toHaveLength(1);
  });

  test('500 twice is asked for twice', async () => {
    server.script.push({ status: 500 }, { status: 500 });
    await expect(dinero.listOrganizations('a-token')).rejects.toMatchObject({ code: 'dinero_unavailable' });
    expect(server.seen).toHaveLength(2);
  });

  test.each<[string, Scripted]>([
    ['500', { status: 500 }],
    ['a broken connection', { broken: true }],
  ])('%s once is forgiven', async (_what, answer) => {
    server.script.push(answer);
    expect(await listed({ id: 7 })).toHaveLength(1);
    expect(server.seen).toHaveLength(2);
  });
});

test('an answer that is too large is not asked for again', async () => {
  server.script.push({ body: ' '.repeat(9 * 1024 * 1024) });
  const failed = expect(dinero.listOrganizations('a-token')).rejects;
  await failed.toMatchObject({ code: 'dinero_unavailable', message: expect.stringContaining('answer too large') });
  expect(server.seen).toHaveLength(1);
});

test('an organization’s id is one piece of the path', async () => {
  await dinero.proveAccess('a-token', '7/../8?a=b#c');
  expect(server.seen.map(({ path }) => path)).toEqual(['/v1/7%2F..%2F8%3Fa%3Db%23c/accountingyears']);
});

test('the access token goes to the configured origin as a Bearer, and nowhere else', async () => {
  const elsewhere = await startScripted();
  server.script.push({ status: 302, headers: { location: `${elsewhere.origin}/v1/organizations` } });
  await expect(dinero.listOrganizations('a-token')).rejects.toMatchObject({ code: 'dinero_unavailable' });
  await dinero.listOrganizations('a-token');
  await elsewhere.close();
  expect(server.seen.map(({ authorization }) => authorization)).toEqual(['Bearer a-token', 'Bearer a-token']);
  expect(elsewhere.seen).toEqual([]);
});
