import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { RefreshTokenPolicy } from '../../src/core/refresh-schedule.ts';
import type { Connection } from '../../src/core/types.ts';
import { READY_FAULTS } from '../../src/sandbox/ready-faults.ts';
import type { Fault, Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../support/app.ts';
import { type Browser, openBrowser } from '../support/browser.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';

// The refresh protocol over real HTTP: each fault of the token endpoint, with one-time tokens unless it says otherwise.

const oneTime: RefreshTokenPolicy = { use: 'one-time', lifetimeSeconds: 30 * 86_400, graceSeconds: 0 };
const tokenFaults = READY_FAULTS.filter(({ target }) => target === 'token');
const faultOf = (name: string): Fault => {
  const found = tokenFaults.find(({ id }) => id === `token:${name}`);
  if (!found) throw new Error(`the sandbox has no fault ${name}`);
  return found.fault;
};

let sandbox: Sandbox;
let stores: Stores;
let testApp: TestApp;
let replayed: string[];
beforeAll(async () => {
  sandbox = await startTestSandbox({ refreshTokenUse: 'one-time' }, { onReplay: (token) => replayed.push(token) });
});
afterAll(() => sandbox.close());
beforeEach(() => {
  replayed = [];
  sandbox.reset();
  stores = createMemoryStores();
  testApp = createTestApp(sandbox, { refreshTokenPolicy: oneTime, stores });
});

const tokenCalls = () => sandbox.count('POST', '/connect/token');
const userId = () => testApp.connectedUsers()[0] ?? '';
const get = () => testApp.core.accessTokens.get(userId());
const read = async () => (await stores.connections.findByUser(userId())) as Connection;
const timeline = async () => (await stores.events.listLatest((await read()).id, 20)).map(({ type }) => type).reverse();

/** Connected, and the access token has ended. */
async function connectAndExpire(): Promise<Browser> {
  const browser = openBrowser(testApp.app);
  await browser.connect('rikke', '118244');
  testApp.clock.advance(3600);
  sandbox.requests.length = 0;
  return browser;
}

/** One refresh meets the fault; the next one, a little later, does not. */
async function refreshThrough(fault: Fault): Promise<{ first: unknown; second: unknown }> {
  await connectAndExpire();
  sandbox.faults.set('token', fault, 1);
  const first = await get().then(
    () => 'refreshed',
    (error: { code: string }) => error.code,
  );
  testApp.clock.advance(3600);
  const second = await get().then(
    () => 'refreshed',
    (error: { code: string }) => error.code,
  );
  return { first, second };
}

describe('a refresh that does not reach the provider’s tokens', () => {
  const names = [
    '500',
    '503',
    'html',
    'garbage',
    'empty',
    'redirect',
    'huge',
    'reset',
    'invalid_client',
    'unauthorized_client',
    '429',
    '429-date',
    '429-zero',
    '429-past',
    '429-negative',
    '429-words',
    '429-absent',
    '429-absurd',
    '429-json',
  ];
  test.each(names)('(%s) costs nothing: the grant is kept and works again later, without a replay', async (name) => {
    const { first, second } = await refreshThrough(faultOf(name));
    expect(first).toBe(name.endsWith('_client') ? 'client_rejected' : 'provider_unavailable');
    expect(second).toBe('refreshed');
    expect(tokenCalls()).toBe(2);
    expect(replayed).toEqual([]);
    expect((await read()).status).toBe('connected');
  });

  test('every ready fault of the token endpoint has its test in this file', () => {
    const elsewhere = ['hang', 'slow', 'late', 'drip', 'cut', 'answerThenReset', 'invalid_grant'];
    const known = [...names, ...elsewhere, ...odd.map(([name]) => name), 'id_token-malformed', 'access_token-number'];
    expect(tokenFaults.map(({ id }) => id.slice('token:'.length)).sort()).toEqual(
      [...known, 'access_token-missing', 'refresh_token-missing'].sort(),
    );
  });
});

test('a refresh leaves no time limit running: there may be a million of them in a day', async () => {
  await connectAndExpire();
  const limits = jest.spyOn(AbortSignal, 'timeout');
  await get();
  expect(tokenCalls()).toBe(1);
  expect(limits).not.toHaveBeenCalled();
  limits.mockRestore();
});

describe('429', () => {
  test.each([
    ['429', 30],
    ['429-date', 30],
    ['429-zero', 5],
    ['429-past', 5],
    ['429-negative', 5],
    ['429-words', 5],
    ['429-absent', 5],
    ['429-absurd', 3600],
  ])('%s is waited for about %i seconds, and nobody asks meanwhile', async (name, seconds) => {
    // Dates in headers are by the machine's clock, so ours may not be an hour ahead.
    sandbox.settings.accessTokenLifetimeSeconds = 1;
    await openBrowser(testApp.app).connect('rikke', '118244');
    testApp.clock.advance(1);
    sandbox.requests.length = 0;
    sandbox.faults.set('token', faultOf(name));
    const error = await get().catch((thrown: { retryAfterSeconds: number }) => thrown);
    const wait = (error as { retryAfterSeconds: number }).retryAfterSeconds;
    expect(wait).toBeGreaterThanOrEqual(Math.floor(seconds * 0.75));
    expect(wait).toBeLessThanOrEqual(seconds + 1);
    testApp.clock.advance(wait - 1.1);
    await expect(get()).rejects.toThrow();
    expect(tokenCalls()).toBe(1);
    testApp.clock.advance(1.2);
    await expect(get()).rejects.toThrow();
    expect(tokenCalls()).toBe(2);
  });
});

/** Field by field: the answer was processed, so the new token is the only one there is. */
const odd = [
  ['expires_in-text'],
  ['expires_in-negative'],
  ['expires_in-absurd'],
  ['expires_in-missing'],
  ['token_type-missing'],
  ['token_type-unknown'],
  ['scope-list'],
  ['scope-number'],
] as const;

describe('an odd field beside a valid refresh token', () => {
  test.each([...odd, ['id_token-malformed'] as const])(
    '(%s) loses nothing: the tokens are stored and work',
    async (name) => {
      const { first, second } = await refreshThrough(faultOf(name));
      expect([first, second]).toEqual(['refreshed', 'refreshed']);
      expect((await read()).grant?.refreshToken).toBe(sandbox.issued.refreshTokens.at(-1));
      expect(replayed).toEqual([]);
      const expected = (await read()).grant?.expiresAt.getTime() ?? Number.NaN;
      expect(expected).toBeLessThanOrEqual(testApp.clock.now().getTime() + 86_400_000);
    },
  );

  test.each(['token_type-missing', 'scope-number', 'expires_in-text'])(
    '(%s) is our alarm, in the timeline',
    async (name) => {
      await refreshThrough(faultOf(name));
      expect(await timeline()).toContain('refresh_odd');
      expect(testApp.refreshes.map(({ outcome }) => outcome)).toEqual(['refreshed', 'refreshed']);
    },
  );

  test.each(['access_token-missing', 'access_token-number'])(
    '(%s) stores the refresh token, and uses it a little later',
    async (name) => {
      const { first, second } = await refreshThrough(faultOf(name));
      expect([first, second]).toEqual(['provider_unavailable', 'refreshed']);
      expect(replayed).toEqual([]);
      expect(tokenCalls()).toBe(2);
    },
  );

  test('without a refresh token the old one stays (requirements, B6)', async () => {
    const reuse = await startTestSandbox({ refreshTokenUse: 're-use' });
    try {
      testApp = createTestApp(reuse, { stores });
      await openBrowser(testApp.app).connect('rikke', '118244');
      const before = (await read()).grant?.refreshToken;
      testApp.clock.advance(3600);
      reuse.faults.set('token', faultOf('refresh_token-missing'), 1);
      await get();
      expect((await read()).grant?.refreshToken).toBe(before);
      testApp.clock.advance(3600);
      await expect(get()).resolves.toMatchObject({ generation: 3 });
    } finally {
      await reuse.close();
    }
  });
});

describe('an answer that is lost on its way', () => {
  test.each(['cut', 'answerThenReset'])(
    '(%s) takes a one-time token with it, and the reconnect says so',
    async (name) => {
      const { first, second } = await refreshThrough(faultOf(name));
      expect([first, second]).toEqual(['provider_unavailable', 'needs_reconnect']);
      expect((await read()).reason).toBe('answer_lost');
      expect(await timeline()).toEqual(expect.arrayContaining(['refresh_delayed', 'needs_reconnect']));
      for (const _ of [1, 2, 3]) await expect(get()).rejects.toMatchObject({ code: 'needs_reconnect' });
      expect(tokenCalls()).toBe(2);
    },
  );

  test.each(['cut', 'answerThenReset'])('(%s) costs nothing within a grace period', async (name) => {
    sandbox.settings.refreshTokenGraceSeconds = 60;
    testApp = createTestApp(sandbox, { refreshTokenPolicy: { ...oneTime, graceSeconds: 60 }, stores });
    await connectAndExpire();
    sandbox.faults.set('token', faultOf(name), 1);
    await expect(get()).resolves.toMatchObject({ refreshDelayed: false });
    expect(tokenCalls()).toBe(2);
    expect(replayed).toEqual([]);
    testApp.clock.advance(3600);
    await expect(get()).resolves.toMatchObject({ status: 'connected' });
  });

  test.each(['cut', 'answerThenReset'])('(%s) costs nothing with re-use tokens', async (name) => {
    const reuse = await startTestSandbox({ refreshTokenUse: 're-use' });
    try {
      testApp = createTestApp(reuse, { stores });
      await openBrowser(testApp.app).connect('rikke', '118244');
      testApp.clock.advance(3600);
      reuse.faults.set('token', faultOf(name), 1);
      await expect(get()).rejects.toMatchObject({ code: 'provider_unavailable' });
      testApp.clock.advance(6);
      await expect(get()).resolves.toMatchObject({ status: 'connected', generation: 2 });
    } finally {
      await reuse.close();
    }
  });

  test('because it came too late: nobody waits longer than 25 seconds, and the token counts as sent', async () => {
    await connectAndExpire();
    sandbox.faults.set('token', faultOf('late'), 1);
    const started = Date.now();
    await expect(get()).rejects.toMatchObject({ code: 'provider_unavailable' });
    expect(Date.now() - started).toBeLessThan(25_000);
    expect((await read()).refreshState.sentAt).not.toBeNull();
  }, 30_000);
});

test('a provider that is not there at all was sent nothing, and is asked again when it is back', async () => {
  const gone = await startTestSandbox({ refreshTokenUse: 'one-time' });
  testApp = createTestApp(gone, { refreshTokenPolicy: oneTime, stores });
  await openBrowser(testApp.app).connect('rikke', '118244');
  testApp.clock.advance(3600);
  await gone.close();
  // Until the sockets that were kept open have noticed.
  await new Promise((resolve) => setTimeout(resolve, 50));
  await expect(get()).rejects.toMatchObject({ code: 'provider_unavailable' });
  expect((await read()).refreshState).toMatchObject({ sentAt: null, failures: 1 });
});

test('discovery that is down stops refreshing for the time being, and nothing is sent', async () => {
  await connectAndExpire();
  const restarted = createTestApp(sandbox, { refreshTokenPolicy: oneTime, stores });
  sandbox.faults.set('discovery', { kind: 'status', status: 500 });
  restarted.clock.advance(7200);
  await expect(restarted.core.accessTokens.get(userId())).rejects.toMatchObject({ code: 'provider_unavailable' });
  expect(tokenCalls()).toBe(0);
  sandbox.faults.clear();
  restarted.clock.advance(6);
  await expect(restarted.core.accessTokens.get(userId())).resolves.toMatchObject({ status: 'connected' });
});

describe('an answer that nobody can read', () => {
  const json = (status: number, body: string): Fault => ({
    kind: 'status',
    status,
    body,
    contentType: 'application/json',
  });
  test.each([
    ['a success without tokens', json(200, '{"token_type":"Bearer"}'), 'unknown'],
    ['500', json(500, '{}'), 'unknown'],
    ['502', json(502, '<h1>Bad gateway</h1>'), 'unknown'],
    ['504', json(504, ''), 'unknown'],
    ['503', json(503, ''), 'try_later'],
    ['temporarily_unavailable', json(400, '{"error":"temporarily_unavailable"}'), 'try_later'],
    ['slow_down', json(400, '{"error":"slow_down"}'), 'try_later'],
    ['invalid_scope', json(400, '{"error":"invalid_scope"}'), 'try_later'],
    ['invalid_request', json(400, '{"error":"invalid_request"}'), 'try_later'],
    ['unauthorized_client', json(400, '{"error":"unauthorized_client"}'), 'client_rejected'],
    ['401', json(401, '{"error":"invalid_client"}'), 'client_rejected'],
    ['401 as HTML', json(401, '<h1>no</h1>'), 'client_rejected'],
  ])('(%s) says what is known of the token that was sent', async (_name, fault, outcome) => {
    await connectAndExpire();
    sandbox.faults.set('token', fault, 1);
    await get().catch(() => {});
    expect(testApp.refreshes.map((report) => report.outcome)).toEqual([outcome]);
    expect((await read()).refreshState.sentAt === null).toBe(outcome !== 'unknown');
  });

  test.each([['an id_token that is an object', { id_token: { toString: null } }]])(
    'in one field (%s) costs no token',
    async (_name, field) => {
      await connectAndExpire();
      sandbox.faults.set('token', { kind: 'transform', transform: (body) => ({ ...body, ...field }) }, 1);
      await get();
      expect((await read()).grant?.refreshToken).toBe(sandbox.issued.refreshTokens.at(-1));
    },
  );
});

test('discovery that is down a day later does not stop refreshing: what was known is used', async () => {
  await connectAndExpire();
  testApp.clock.advance(25 * 3600);
  sandbox.faults.set('discovery', { kind: 'status', status: 503 });
  await expect(get()).resolves.toMatchObject({ status: 'connected' });
  testApp.clock.advance(30);
  await testApp.core.accessTokens.get(userId(), { minTtlSeconds: 3_599 });
  expect(sandbox.count('GET', '/.well-known/openid-configuration')).toBe(1);
});

test('a field that is nested absurdly deep costs no token', async () => {
  await connectAndExpire();
  const deep = `${'['.repeat(60_000)}${']'.repeat(60_000)}`;
  const body = `{"access_token":"a","refresh_token":"r","token_type":"Bearer","expires_in":3600,"deep":${deep}}`;
  sandbox.faults.set('token', { kind: 'status', status: 200, body, contentType: 'application/json' }, 1);
  await get();
  expect((await read()).grant).toMatchObject({ accessToken: 'a', refreshToken: 'r' });
});

describe('several processes', () => {
  test('that want one one-time token refreshed at once make one token call, and all get the new token', async () => {
    await connectAndExpire();
    const processes = Array.from({ length: 8 }, () => {
      const one = createTestApp(sandbox, { refreshTokenPolicy: oneTime, stores });
      one.clock.advance(3600);
      return one;
    });
    sandbox.faults.set('token', { kind: 'slow', ms: 300 });
    const tokens = await Promise.all(processes.map(({ core }) => core.accessTokens.get(userId())));
    expect(new Set(tokens.map(({ grant }) => grant.accessToken)).size).toBe(1);
    expect(tokenCalls()).toBe(1);
    expect(replayed).toEqual([]);
  });

  test('and 500 callers make one token call', async () => {
    await connectAndExpire();
    sandbox.faults.set('token', { kind: 'slow', ms: 200 });
    await Promise.all(Array.from({ length: 500 }, () => get()));
    expect(tokenCalls()).toBe(1);
  });
});

test('a refusal of the grant is final at once, and told apart from one of our client', async () => {
  const { first, second } = await refreshThrough(faultOf('invalid_grant'));
  expect([first, second]).toEqual(['needs_reconnect', 'needs_reconnect']);
  expect((await read()).reason).toBe('grant_rejected');
  expect(tokenCalls()).toBe(1);
});

test('a refresh whose person hangs up ends and is stored (requirements, F19)', async () => {
  await connectAndExpire();
  sandbox.faults.set('token', { kind: 'slow', ms: 200 });
  void get().catch(() => {});
  while (tokenCalls() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await testApp.core.work.settled();
  expect((await read()).generation).toBe(2);
});

test('the log names the outcome and its cause, and holds no token', async () => {
  await refreshThrough(faultOf('503'));
  expect(testApp.refreshes[0]).toMatchObject({ outcome: 'try_later', message: 'token endpoint answered 503' });
  const told = JSON.stringify(testApp.refreshes) + testApp.logText();
  for (const token of [...sandbox.issued.refreshTokens, ...sandbox.issued.accessTokens]) {
    expect(told).not.toContain(token);
  }
});
