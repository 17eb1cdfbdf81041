import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createDinero } from '../../src/adapters/dinero.ts';
import { createDineroForwarding } from '../../src/adapters/dinero-forwarding.ts';
import { createOutboundFetch } from '../../src/adapters/outbound.ts';
import { createVismaConnect } from '../../src/adapters/visma-connect.ts';
import { watchCalls } from '../../src/adapters/watched-calls.ts';
import { createFixedClock } from '../support/clock.ts';
import { type FakeDinero, startFakeDinero } from '../support/fake-dinero.ts';

let other: FakeDinero;
let told: string[];
beforeEach(async () => {
  other = await startFakeDinero();
  told = [];
});
afterEach(() => other.close());

function watch(name: string, outcome: string, milliseconds: number): void {
  expect(milliseconds).toBeGreaterThan(0);
  told.push(`${name} ${outcome}`);
}

const answerWith = (status: number) => other.answer((_request, response) => void response.writeHead(status).end('{}'));
const breakOff = (_request: unknown, response: ServerResponse) => void response.destroy();
const never = () => {};

test.each([
  [200, '2xx'],
  [302, '3xx'],
  [404, '4xx'],
  [429, '429'],
  [503, '5xx'],
])('an answer with status %i is told as %s', async (status, outcome) => {
  answerWith(status);
  const fetch = watchCalls(
    watch,
    'token',
    createOutboundFetch({ timeoutMilliseconds: 5_000, maxBytes: 99, concurrency: 1 }),
  );
  expect((await fetch(other.origin)).status).toBe(status);
  expect(told).toEqual([`token ${outcome}`]);
});

test('a call without a whole answer is told with why, and fails as before', async () => {
  const fetch = watchCalls(
    watch,
    'token',
    createOutboundFetch({ timeoutMilliseconds: 50, maxBytes: 1, concurrency: 1 }),
  );
  other.answer(never);
  await expect(fetch(other.origin)).rejects.toMatchObject({ reason: 'timeout' });
  other.answer(breakOff);
  await expect(fetch(other.origin)).rejects.toMatchObject({ reason: 'network' });
  answerWith(200);
  await expect(fetch(other.origin)).rejects.toMatchObject({ reason: 'too_large' });
  await expect(fetch(other.origin, { method: 'POST', body: 'x' }, () => false)).rejects.toMatchObject({
    reason: 'held_back',
  });
  expect(told).toEqual(['token timeout', 'token network', 'token too_large', 'token held_back']);
});

test('each try at Dinero is told of', async () => {
  const dinero = createDinero({ baseUrl: other.origin }, createFixedClock(), watch);
  answerWith(503);
  await expect(dinero.listOrganizations('a-token')).rejects.toMatchObject({ code: 'dinero_unavailable' });
  answerWith(200);
  await dinero.proveAccess('a-token', '7');
  expect(told).toEqual(['organizations 5xx', 'organizations 5xx', 'proof 2xx']);
});

test('a forwarded request is told of once its answer begins, or with why none did', async () => {
  const limits = { headersMilliseconds: 50 };
  const forwarding = createDineroForwarding({ baseUrl: other.origin, ...limits }, createFixedClock(), watch);
  const send = (signal = new AbortController().signal) =>
    forwarding.send({ method: 'GET', target: '/', headers: [], body: null }, 'a-token', signal);
  other.answer((_request, response) => void response.writeHead(429).flushHeaders());
  (await send()).discard();
  other.answer(breakOff);
  await expect(send()).rejects.toMatchObject({ code: 'dinero_unavailable' });
  other.answer(never);
  await expect(send()).rejects.toMatchObject({ code: 'dinero_unavailable' });
  await expect(send(AbortSignal.abort())).rejects.toThrow();
  expect(told).toEqual(['proxy 429', 'proxy network', 'proxy timeout', 'proxy aborted']);
});

test('Visma Connect’s discovery that fails is told of', async () => {
  answerWith(503);
  const client = {
    clientId: 'isv_test',
    clientSecret: 'secret',
    scopes: ['openid'],
    redirectUri: 'http://localhost/x',
  };
  const provider = createVismaConnect({ issuer: other.origin, ...client }, createFixedClock(), watch);
  await expect(provider.check()).rejects.toMatchObject({ code: 'provider_unavailable' });
  expect(told).toEqual(['discovery 5xx']);
});
