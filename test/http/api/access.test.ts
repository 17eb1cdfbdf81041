import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { apiScopes } from '../../../src/core/api-keys.ts';
import type { ApiScope } from '../../../src/core/integrator-types.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../../support/app.ts';
import { type Backend, createBackend } from '../../support/backend.ts';

// Who may call what (requirements, B9, B10 and B13). Nobody of these users is connected, and nothing of Dinero is asked.

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

const user = '/users/u1/connections/dinero';
const routes: { method: Method; path: string; scope: ApiScope; body?: object; allowed: number; allow: string }[] = [
  { method: 'post', path: '/users/u1/links', scope: 'links', allowed: 201, allow: 'POST' },
  { method: 'get', path: user, scope: 'connections', allowed: 404, allow: 'GET, HEAD, DELETE' },
  { method: 'delete', path: user, scope: 'connections', allowed: 404, allow: 'GET, HEAD, DELETE' },
  { method: 'post', path: `${user}/token`, scope: 'tokens', allowed: 404, allow: 'POST' },
  { method: 'get', path: `${user}/organizations`, scope: 'connections', allowed: 404, allow: 'GET, HEAD' },
  {
    method: 'put',
    path: `${user}/organization`,
    scope: 'connections',
    body: { organizationId: '118244' },
    allowed: 404,
    allow: 'PUT',
  },
  { method: 'get', path: `${user}/events`, scope: 'connections', allowed: 404, allow: 'GET, HEAD' },
  { method: 'get', path: '/connections', scope: 'connections', allowed: 200, allow: 'GET, HEAD' },
];
const proxied = (['get', 'post', 'put', 'patch', 'delete'] as const).map((method) => ({
  method,
  path: `${user}/proxy/v1/organizations`,
  scope: 'tokens' as const,
  allowed: 404,
}));
const guarded: { method: Method; path: string; scope: ApiScope; body?: object; allowed: number }[] = [
  ...routes,
  ...proxied,
];
/** Every set of scopes that a key can have. */
const scopeSets = [
  [],
  ['links'],
  ['connections'],
  ['tokens'],
  ['links', 'connections'],
  [...apiScopes],
] as ApiScope[][];

let sandbox: Sandbox;
let testApp: TestApp;
let backend: Backend;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  testApp = createTestApp(sandbox);
  backend = await createBackend(testApp);
});

const cases = guarded.flatMap((route) =>
  scopeSets.map((scopes) => ({ ...route, scopes, key: scopes.join('+') || 'no' })),
);

describe('a key', () => {
  test.each(cases)('with $key scopes: $method $path', async ({ method, path, scope, body, allowed, scopes }) => {
    const limited = await createBackend(testApp, scopes);
    const answer = await limited.call(method, path, body);
    if (scopes.includes(scope)) {
      expect(answer.status).toBe(allowed);
    } else {
      expect(answer.status).toBe(403);
      expect(answer.body).toMatchObject({ code: 'scope_insufficient', requiredScope: scope });
      expect(answer.headers['www-authenticate']).toContain(`error="insufficient_scope", scope="${scope}"`);
    }
  });

  test.each(guarded)('is asked for by $method $path', async ({ method, path, body }) => {
    const none = await backend.callWith(null, method, path, body);
    expect(none.body).toMatchObject({ status: 401, code: 'api_key_missing' });
    expect(none.headers['www-authenticate']).toBe('Bearer realm="dinero-connect"');
    const wrong = await backend.callWith('Bearer dck_guess_guess', method, path, body);
    expect(wrong.body).toMatchObject({ status: 401, code: 'api_key_unknown' });
    expect(wrong.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  test('is told from another one by every character of its secret', async () => {
    const last = backend.text.at(-1) === 'A' ? 'E' : 'A';
    for (const text of [
      `${backend.text.slice(0, -1)}${last}`,
      backend.text.slice(0, -1),
      `${backend.text}A`,
      backend.text.toUpperCase(),
    ]) {
      const answer = await backend.callWith(`Bearer ${text}`, 'get', '/connections');
      expect(answer.body).toMatchObject({ status: 401, code: 'api_key_unknown' });
    }
  });

  test('is taken with any spelling of Bearer, and in no other way', async () => {
    expect((await backend.callWith(`bearer ${backend.text}`, 'get', '/connections')).status).toBe(200);
    for (const odd of [backend.text, `Basic ${backend.text}`, 'Bearer', 'Bearer ', `Bearer\t${backend.text}`]) {
      expect((await backend.callWith(odd, 'get', '/connections')).status).toBe(401);
    }
    const inQuery = await request(testApp.app).get(`/api/v1/connections?access_token=${backend.text}`);
    expect(inQuery.body.code).toBe('api_key_missing');
  });

  test('ends when its time is over', async () => {
    const expiresAt = new Date(testApp.clock.now().getTime() + 60_000);
    const { text } = await testApp.core.apiKeys.create({ name: 'short', scopes: ['connections'], expiresAt });
    expect((await backend.callWith(`Bearer ${text}`, 'get', '/connections')).status).toBe(200);
    testApp.clock.advance(60);
    const late = await backend.callWith(`Bearer ${text}`, 'get', '/connections');
    expect(late.body).toMatchObject({ status: 401, code: 'api_key_expired' });
  });

  test('that was revoked is refused within a second', async () => {
    expect((await backend.call('get', '/connections')).status).toBe(200);
    await testApp.core.apiKeys.revoke(backend.key.id);
    testApp.clock.advance(1);
    const answer = await backend.call('get', '/connections');
    expect(answer.body).toMatchObject({ status: 401, code: 'api_key_revoked' });
  });

  test('is nowhere in the log, and its id is', async () => {
    await backend.call('get', '/connections');
    await backend.callWith(`Bearer ${backend.text}x`, 'get', '/connections');
    expect(testApp.logText()).not.toContain(backend.text.slice(-20));
    expect(testApp.logs().find(({ path }) => path === '/api/v1/connections')).toMatchObject({
      apiKeyId: backend.key.id,
    });
  });

  test('leaves when it was used with the operator, to the hour, and not with every request', async () => {
    await backend.call('get', '/connections');
    const [first] = await testApp.core.apiKeys.list();
    expect(first?.usedAt).toEqual(testApp.clock.now());
    testApp.clock.advance(1_800);
    await backend.call('get', '/connections');
    expect((await testApp.core.apiKeys.list())[0]?.usedAt).toEqual(first?.usedAt);
    testApp.clock.advance(1_900);
    await backend.call('get', '/connections');
    expect((await testApp.core.apiKeys.list())[0]?.usedAt).toEqual(testApp.clock.now());
  });
});

describe('a request too many', () => {
  test('of one key is answered 429, and another key goes on', async () => {
    testApp = createTestApp(sandbox, { apiRateLimit: 3 });
    const one = await createBackend(testApp);
    const other = await createBackend(testApp);
    for (let sent = 0; sent < 3; sent += 1) expect((await one.call('get', '/connections')).status).toBe(200);
    const refused = await one.call('get', '/connections');
    expect(refused.body).toMatchObject({ status: 429, code: 'too_many_requests' });
    const seconds = Number(refused.headers['retry-after']);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect((await other.call('get', '/connections')).status).toBe(200);
  });

  test('with keys that are not taken is counted for each address', async () => {
    testApp = createTestApp(sandbox, { trustProxy: 1 });
    const guess = (address: string) =>
      request(testApp.app)
        .get('/api/v1/connections')
        .set('authorization', 'Bearer guess')
        .set('x-forwarded-for', address);
    for (let sent = 0; sent < 60; sent += 1) expect((await guess('192.0.2.1')).status).toBe(401);
    expect((await guess('192.0.2.1')).status).toBe(429);
    expect((await guess('192.0.2.2')).status).toBe(401);
  });

  test('with keys that are not taken is answered 429, while good ones work on', async () => {
    for (let sent = 0; sent < 60; sent += 1) await backend.callWith('Bearer guess', 'get', '/connections');
    const refused = await backend.callWith('Bearer guess', 'get', '/connections');
    expect(refused.body).toMatchObject({ status: 429, code: 'too_many_requests' });
    expect((await backend.call('get', '/connections')).status).toBe(200);
  });
});

describe('an address', () => {
  const otherMethods = routes.flatMap(({ path, allow }) =>
    (['get', 'post', 'put', 'patch', 'delete', 'options'] as const)
      .filter((method) => !allow.includes(method.toUpperCase()))
      .map((method) => ({ method, path, allow })),
  );
  test.each(otherMethods)('refuses $method $path', async ({ method, path, allow }) => {
    const answer = await backend.call(method, path);
    expect(answer.body).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(answer.headers.allow).toBe(allow);
  });

  test.each([
    '/',
    '/users',
    '/users/u1',
    '/users/u1/connections',
    '/users/u1/connections/other',
    `${user}/tokens`,
    `${user}/proxied`,
    '/../v1/users',
    '/connections/u1',
  ])('%s is not there', async (path) => {
    const answer = await backend.call('get', path);
    expect(answer.body).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('is not told to somebody without a key', async () => {
    const [there, notThere] = await Promise.all(
      ['/connections', '/nothing'].map((path) => backend.callWith(null, 'get', path)),
    );
    expect(there?.body).toMatchObject({ code: 'api_key_missing' });
    expect(notThere?.body).toMatchObject({ code: 'api_key_missing' });
  });

  test('answers with the headers of every answer, and no page of another origin may read it', async () => {
    for (const answer of [await backend.call('get', '/connections'), await backend.call('get', '/nothing')]) {
      expect(answer.headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'same-origin',
        'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      });
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      expect(answer.headers['x-powered-by']).toBeUndefined();
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
  });
});
