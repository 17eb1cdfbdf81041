import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import request from 'supertest';
import { describePath } from '../../src/http/request-log.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../support/app.ts';
import { openBrowser, textOf } from '../support/browser.ts';

let sandbox: Sandbox;
let testApp: TestApp;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => {
  testApp = createTestApp(sandbox);
});

const requests = () => testApp.logs().filter(({ msg }) => msg === 'request');

test.each([
  ['get', '/', 200],
  ['get', '/app.css', 200],
  ['get', '/brand.css', 200],
  ['get', '/nowhere', 404],
  ['get', '/healthz', 200],
  ['get', '/api/v1/connections', 401],
  ['get', '/api/docs', 200],
  ['get', '/api/openapi.yaml', 200],
  ['post', '/oauth/callback', 303],
  ['get', '/oauth/callback', 405],
  ['delete', '/', 405],
  ['get', '/link/none', 404],
  ['get', '/%E0%A4%A', 404],
] as const)('%s %s is answered %i with a request id of its own', async (method, path, status) => {
  const [one, other] = [await request(testApp.app)[method](path), await request(testApp.app)[method](path)];
  expect(one.status).toBe(status);
  expect(one.headers['x-request-id']).toMatch(/^[0-9A-F]{10}$/);
  expect(other.headers['x-request-id']).not.toBe(one.headers['x-request-id']);
  if (path !== '/healthz') {
    expect(requests().map(({ reference }) => reference)).toEqual([
      one.headers['x-request-id'],
      other.headers['x-request-id'],
    ]);
  }
});

test('the reference on an error page is the request id', async () => {
  const page = await openBrowser(testApp.app).get('/nowhere');
  expect(textOf(page)).toContain(`Henvisning: ${page.headers['x-request-id']}`);
});

test('a request is one line, without what its query, its cookies and its body held', async () => {
  await request(testApp.app)
    .post('/connect?secret=of-the-query')
    .set('cookie', 'a=secret-of-a-cookie')
    .type('form')
    .send({ _csrf: 'secret-of-the-body' });
  expect(requests()).toEqual([expect.objectContaining({ method: 'POST', path: '/connect', status: 403 })]);
  expect(testApp.logText()).not.toMatch(/secret|of-the/);
});

test.each<string[]>([
  ['/link/id.signature', '/link/:token'],
  ['/api/v1/users/rikke@rn.example/connections/dinero', '/api/v1/users/:userId/connections/dinero'],
  ['/api/v1/users/a%2Fb/links', '/api/v1/users/:userId/links'],
  ['/api/v1/users/u1/connections/dinero/proxy/v1/1/contacts/rikke', '/api/v1/users/:userId/connections/dinero/proxy/*'],
  ['/operator/users/rikke@rn.example', '/operator/users/:connectionId'],
  ['/operator/users/6f1f6f1e/link', '/operator/users/:connectionId/link'],
  ['/LINK/id.signature', '/link/:token'],
  ['/Api/V1/Users/rikke/links', '/Api/V1/Users/:userId/links'],
  ...[
    '//link/T',
    '/link//T',
    '/link%2FT',
    '/%6Cink/T',
    '/link/T/more',
    '/api//v1/users/rikke',
    '/api/v1//users/rikke',
    '/operator//users/rikke',
    '/operator/users',
    '/api/v1/users/u1/connections/dinero/proxy%2Fv1',
    '/x\\users\\rikke',
    '/rikke@rn.example',
    '/rikke+invoices',
    '/api/v1/customers/rikke',
    '/api/v1/connections/rikke',
    '/api/v2/rikke',
    '/api/v1/users/u1/companies/rikke',
    '/api/v1/users/u1/connections/dinero/tokens/rikke',
  ].map((path) => [path, '(another path)']),
  ['/connection', '/connection'],
  ['/api/v1/connections', '/api/v1/connections'],
  ['/api/docs', '/api/docs'],
  ...['token', 'organization', 'organizations', 'events', 'proxy'].map((last) => [
    `/api/v1/users/u1/connections/dinero/${last}`,
    `/api/v1/users/:userId/connections/dinero/${last}`,
  ]),
])('the path %s is logged as %s', (path, logged) => {
  expect(describePath(path)).toBe(logged);
});
