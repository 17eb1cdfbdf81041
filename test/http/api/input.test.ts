import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../../support/app.ts';
import { type Backend, createBackend } from '../../support/backend.ts';
import { openBrowser } from '../../support/browser.ts';

let sandbox: Sandbox;
let testApp: TestApp;
let backend: Backend;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  sandbox.reset();
  testApp = createTestApp(sandbox);
  backend = await createBackend(testApp);
});

const user = '/users/u1/connections/dinero';

describe('a body', () => {
  const token = `${user}/token`;
  const links = '/users/u1/links';
  const organization = `${user}/organization`;
  test.each([
    ['post', token, { minTtlSeconds: 3_601 }, 'minTtlSeconds'],
    ['post', token, { minTtlSeconds: -1 }, 'minTtlSeconds'],
    ['post', token, { minTtlSeconds: 1.5 }, 'minTtlSeconds'],
    ['post', token, { minTtlSeconds: '60' }, 'minTtlSeconds'],
    ['post', token, { minTtlSeconds: null }, 'minTtlSeconds'],
    ['post', token, { minTtl: 60 }, 'minTtl'],
    ['post', token, [], ''],
    ['post', token, '{"__proto__": {"minTtlSeconds": 60}}', '__proto__'],
    ['post', token, '{"constructor": {}}', 'constructor'],
    ['post', links, { returnUrl: 5 }, 'returnUrl'],
    ['post', links, { returnUrl: '' }, 'returnUrl'],
    ['post', links, { returnUrl: `https://app.fakturaflow.example/${'x'.repeat(2_000)}` }, 'returnUrl'],
    ['post', links, { returnUrl: 'https://app.fakturaflow.example/\0' }, 'returnUrl'],
    ['post', links, { returnUrl: 'https://app.fakturaflow.example/\ud800' }, 'returnUrl'],
    ['post', links, { language: 'sv' }, 'language'],
    ['post', links, { expiresInSeconds: 59 }, 'expiresInSeconds'],
    ['post', links, { expiresInSeconds: 604_801 }, 'expiresInSeconds'],
    ['post', links, { userId: 'other' }, 'userId'],
    ['put', organization, {}, 'organizationId'],
    ['put', organization, { organizationId: 118244 }, 'organizationId'],
    ['put', organization, { organizationId: '' }, 'organizationId'],
    ['put', organization, { organizationId: ['118244'] }, 'organizationId'],
    ['put', organization, undefined, 'organizationId'],
  ] as const)('of %s %s that is %j is refused, and the field named', async (method, path, body, field) => {
    const answer = await backend.call(method, path, body as object | undefined);
    expect(answer.body).toMatchObject({ status: 400, code: 'bad_request' });
    expect(answer.body.detail).toContain(field);
    expect(({} as { minTtlSeconds?: number }).minTtlSeconds).toBeUndefined();
  });

  test.each([
    ['{', 400, 'bad_request'],
    ['"text"', 400, 'bad_request'],
    ['null', 400, 'bad_request'],
    [`{"text":"${'x'.repeat(1_000_000)}"}`, 413, 'payload_too_large'],
  ])('%.20s is refused', async (body, status, code) => {
    const answer = await backend.call('post', token, body);
    expect(answer.body).toMatchObject({ status, code });
  });

  test.each(['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x', 'application/xml'])(
    'of type %s is refused',
    async (type) => {
      const answer = await backend.call('post', token).set('content-type', type).send('minTtlSeconds=60');
      expect(answer.body).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    },
  );

  test('that is packed is refused', async () => {
    const answer = await backend.call('post', token, '{}').set('content-encoding', 'gzip');
    expect(answer.body).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  test('with an odd charset is refused', async () => {
    const answer = await backend.call('post', token, '{}').set('content-type', 'application/json; charset=iso-8859-1');
    expect(answer.body).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  test('that is wrong changes nothing', async () => {
    await openBrowser(testApp.app).connect('rikke', '118244');
    const userId = testApp.connectedUsers()[0] ?? '';
    const path = backend.connectionPath(userId);
    const before = await backend.call('get', path);
    await backend.call('put', `${path}/organization`, { organizationId: '118244', extra: true });
    await backend.call('post', `${path}/token`, { minTtlSeconds: 9_999 });
    await backend.call('delete', `${path}/token`);
    expect((await backend.call('get', path)).body).toEqual(before.body);
    expect(
      await testApp.stores.events.listLatest((await testApp.stores.connections.findByUser(userId))?.id ?? '', 9),
    ).toHaveLength(2);
  });
});

describe('a query', () => {
  test.each([
    '/connections?status=lost',
    '/connections?status=connected&status=pending',
    '/connections?limit=0',
    '/connections?limit=201',
    '/connections?limit=ten',
    '/connections?cursor=%20',
    '/connections?cursor=AA',
    '/connections?cursor=gICA',
    '/connections?cursor=____',
    '/connections?limit=0x10',
    '/connections?limit=1e1',
    '/connections?page=2',
    `${user}/events?cursor=abc`,
    `${user}/events?cursor=-1`,
    `${user}/events?limit=1.5`,
    `${user}/events?after=1`,
  ])('%s is refused', async (path) => {
    expect((await backend.call('get', path)).body).toMatchObject({ status: 400, code: 'bad_request' });
  });
});

describe('a user id', () => {
  const odd = [
    'a',
    'x'.repeat(255),
    'ø'.repeat(255),
    '🌷'.repeat(255),
    'rikke@rn.example',
    'a/b',
    'a//b',
    '/',
    'a b',
    'a%2Fb',
    '%',
    '?x=1#y',
    '...',
    'a;b=c',
    '__proto__',
    'constructor',
    '\\',
    '\u202e\u0007',
    '\ufffd',
    "'; drop table connections; --",
    '{"a":1}',
    ':userId',
    '*',
  ];
  test.each(odd)('%j works, from the link to the token', async (userId) => {
    const path = `/users/${encodeURIComponent(userId)}`;
    const link = await backend.call('post', `${path}/links`, {});
    const browser = openBrowser(testApp.app);
    await browser.connectBy(link.body.url, 'rikke', '118244');
    const connection = await backend.call('get', backend.connectionPath(userId));
    expect(connection.body).toMatchObject({ userId, status: 'connected' });
    const token = await backend.call('post', `${backend.connectionPath(userId)}/token`);
    expect(token.body.organizationId).toBe('118244');
    const list = await backend.call('get', '/connections');
    expect(list.body.connections.map((one: { userId: string }) => one.userId)).toEqual([userId]);
  });

  test.each(['x'.repeat(256), 'a\0b', '🌷'.repeat(256)])('%.10j is refused', async (userId) => {
    const answer = await backend.call('get', backend.connectionPath(userId));
    expect(answer.body).toMatchObject({ status: 400, code: 'bad_request', detail: expect.stringContaining('255') });
  });

  test.each(['%', '%E0%A4%A', '%ff', '%C0%80', '%ED%A0%80'])('written %s is refused', async (written) => {
    const answer = await request(testApp.app)
      .get(`/api/v1/users/${written}/connections/dinero`)
      .set('authorization', `Bearer ${backend.text}`);
    expect(answer.body).toMatchObject({ status: 400, code: 'bad_request' });
  });

  test('is not in the log', async () => {
    await backend.call('get', backend.connectionPath('rikke@rn.example'));
    await backend.call('get', '/connections?status=lost&secret=token');
    expect(testApp.logText()).not.toMatch(/rikke|secret=/);
    expect(testApp.logs().some(({ path }) => path === '/api/v1/users/:userId/connections/dinero')).toBe(true);
  });
});

describe('a failure that nobody expected', () => {
  test('tells nothing of itself, and is found in the log by its reference', async () => {
    testApp = createTestApp(sandbox, {
      stores: {
        ...testApp.stores,
        events: { ...testApp.stores.events, listLatest: () => Promise.reject(new Error('a canary')) },
      },
    });
    backend = await createBackend(testApp);
    await openBrowser(testApp.app).signIn('rikke');
    const answer = await backend.call('get', backend.connectionPath(testApp.connectedUsers()[0] ?? ''));
    expect(answer.body).toMatchObject({ status: 500, code: 'internal' });
    expect(answer.text).not.toContain('canary');
    const [line] = testApp.logs().filter(({ reference, err }) => reference === answer.body.requestId && err);
    expect(JSON.stringify(line)).toContain('canary');
  });
});
