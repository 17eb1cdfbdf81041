import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { groupOf, type MeasuredRequest } from '../../src/http/measured-requests.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../support/app.ts';
import { listen } from '../support/fake-dinero.ts';

// The address that Prometheus reads, and what it is told of each request. test/journeys/observing.test.ts reads the real one.

let sandbox: Sandbox;
let measured: { request: MeasuredRequest; milliseconds: number }[];
let onMeasured: () => void;
let render: () => Promise<string>;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => {
  measured = [];
  onMeasured = () => {};
  render = async () => 'numbers 1\n';
});

function createMeasuredApp({ token = null as string | null, onlyAtHome = false } = {}): TestApp {
  return createTestApp(sandbox, {
    metrics: {
      token,
      onlyAtHome,
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      render: () => render(),
      request(one, milliseconds) {
        measured.push({ request: one, milliseconds });
        onMeasured();
      },
    },
  });
}

describe('/metrics', () => {
  test('is not there where nobody wants it', async () => {
    const answer = await request(createTestApp(sandbox).app).get('/metrics');
    expect(answer.status).toBe(404);
    expect(answer.headers['content-type']).toContain('text/html');
  });

  test('without a token is read by whoever reaches it', async () => {
    const { app } = createMeasuredApp();
    const answer = await request(app)
      .get('/metrics')
      .set({ cookie: 'dinero-connect.session=x', host: '192.0.2.7:3000' });
    expect([answer.status, answer.text]).toEqual([200, 'numbers 1\n']);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    expect((await request(app).head('/metrics')).status).toBe(200);
  });

  test.each(['localhost:3000', '127.0.0.1:3000', '[::1]:3000'])('open at home alone is read at %s', async (host) => {
    const { app } = createMeasuredApp({ onlyAtHome: true });
    expect((await request(app).get('/metrics').set({ host })).status).toBe(200);
  });

  test.each([
    ['by the local network', { host: '192.0.2.7:3000' }],
    ['through a tunnel that changes the host', { host: 'localhost:3000', 'x-forwarded-host': 'abc.tunnel.example' }],
  ])('open at home alone is not read %s, which is told how to', async (_how, headers) => {
    const { app } = createMeasuredApp({ onlyAtHome: true });
    for (const path of ['/metrics', '/METRICS/', '/metrics/more']) {
      const answer = await request(app).get(path).set(headers);
      expect(answer.status).toBe(403);
      expect(answer.text).toMatch(/^Elsewhere than on localhost this needs METRICS_TOKEN/);
    }
  });

  test('with a token asks everybody for it, for every method and address below', async () => {
    const { app } = createMeasuredApp({ token: 'the-token' });
    for (const path of ['/metrics', '/METRICS/', '/metrics/more']) {
      expect((await request(app).get(path)).status).toBe(401);
      expect((await request(app).post(path)).status).toBe(401);
    }
    const authorization = 'Bearer the-token';
    expect((await request(app).get('/metrics').set({ authorization })).status).toBe(200);
    expect((await request(app).post('/metrics').set({ authorization })).status).toBe(405);
    expect((await request(app).get('/metrics/more').set({ authorization })).status).toBe(404);
  });

  test('that cannot be put together is a problem that tells nothing, and a line of the log', async () => {
    render = () => Promise.reject(new Error('words of a library'));
    const { app, logs } = createMeasuredApp();
    const answer = await request(app).get('/metrics');
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('words of a library');
    expect(logs().map(({ msg }) => msg)).toContain('a bug: an error that nobody expected');
  });
});

describe('a request', () => {
  test.each([
    ['get', '/', { method: 'GET', route: 'page', status: '2xx' }],
    ['head', '/', { method: 'HEAD', route: 'page', status: '2xx' }],
    ['get', '/connection', { method: 'GET', route: 'page', status: '3xx' }],
    ['post', '/connect', { method: 'POST', route: 'page', status: '4xx' }],
    ['post', '/oauth/callback', { method: 'POST', route: 'callback', status: '3xx' }],
    ['get', '/app.css', { method: 'GET', route: 'asset', status: '2xx' }],
    ['get', '/api/v1/connections', { method: 'GET', route: 'api', status: '4xx' }],
    ['get', '/api/v1/users/anna%40x/connections/dinero/proxy/v1/1', { method: 'GET', route: 'proxy', status: '4xx' }],
    ['get', '/anna%40x', { method: 'GET', route: 'other', status: '4xx' }],
    ['propfind', '/', { method: 'other', route: 'page', status: '4xx' }],
    ['get', '/readyz', { method: 'GET', route: 'other', status: '2xx' }],
  ] as const)('%s %s is measured as %j', async (method, path, expected) => {
    await request(createMeasuredApp().app)[method](path);
    expect(measured.map((one) => one.request)).toEqual([expected]);
    expect(measured[0]?.milliseconds).toBeGreaterThan(0);
  });

  test('that this app cannot answer counts as one of its errors', async () => {
    render = () => Promise.reject(new Error('a bug'));
    await request(createMeasuredApp().app).get('/metrics');
    expect(measured.map((one) => one.request.status)).toEqual(['5xx']);
  });

  test('whose caller leaves before its answer counts as aborted', async () => {
    const server = await listen(createMeasuredApp().app);
    const left = new AbortController();
    const told = new Promise<void>((resolve) => {
      onMeasured = resolve;
    });
    render = () => {
      left.abort();
      return new Promise(() => {});
    };
    await expect(fetch(`${server.origin}/metrics`, { signal: left.signal })).rejects.toThrow();
    await told;
    expect(measured.map((one) => one.request.status)).toEqual(['aborted']);
    await server.close();
  });
});

test.each([
  ['/link/a-token.css', 'page'],
  ['/oauth/finish/an-id', 'page'],
  ['/setup/debugger', 'page'],
  ['/api/docs', 'page'],
  ['/connections', 'other'],
  ['/api/v1', 'api'],
  ['/api/v10/users', 'other'],
  ['/API/V1/users/u/connections/dinero/PROXY', 'proxy'],
  ['/api/v1/users/u/connections/dinero/proxying', 'api'],
  ['/oauth/callback/', 'callback'],
  ['/oauth/callbacks', 'other'],
  ['/wp-login.php', 'other'],
])('%s belongs to %s', (path, group) => {
  expect(groupOf(path)).toBe(group);
});
