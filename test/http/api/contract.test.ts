import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Response } from 'supertest';
import { apiScopes } from '../../../src/core/api-keys.ts';
import { ConnectError } from '../../../src/core/errors.ts';
import type { ApiScope } from '../../../src/core/integrator-types.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp, type TestAppOptions } from '../../support/app.ts';
import { type Backend, createBackend } from '../../support/backend.ts';
import { openBrowser } from '../../support/browser.ts';
import { createMemoryStores, type Stores } from '../../support/memory-stores.ts';
import { answered, apiDocument } from '../../support/openapi.ts';

// Every operation of docs/openapi.yaml × every status that it names. `backend.call` holds each answer against the document.

type Method = 'get' | 'post' | 'put' | 'delete';
type Call = { method: Method; path: string; body?: object };
type Operation = { scope: ApiScope; call: (user: string) => Call; statuses: number[] };

const connection = (user: string) => `/users/${encodeURIComponent(user)}/connections/dinero`;
const always = [400, 401, 403, 429, 500, 503];
const operations: Record<string, Operation> = {
  createLink: {
    scope: 'links',
    call: (user) => ({ method: 'post', path: `/users/${encodeURIComponent(user)}/links`, body: {} }),
    statuses: [201, 413, 415, 422, ...always],
  },
  showConnection: {
    scope: 'connections',
    call: (user) => ({ method: 'get', path: connection(user) }),
    statuses: [200, 404, ...always],
  },
  endConnection: {
    scope: 'connections',
    call: (user) => ({ method: 'delete', path: connection(user) }),
    statuses: [204, 404, ...always],
  },
  handOutToken: {
    scope: 'tokens',
    call: (user) => ({ method: 'post', path: `${connection(user)}/token`, body: { minTtlSeconds: 60 } }),
    statuses: [200, 404, 409, 413, 415, ...always],
  },
  listOrganizations: {
    scope: 'connections',
    call: (user) => ({ method: 'get', path: `${connection(user)}/organizations` }),
    statuses: [200, 404, 409, 502, ...always],
  },
  chooseOrganization: {
    scope: 'connections',
    call: (user) => ({ method: 'put', path: `${connection(user)}/organization`, body: { organizationId: '118244' } }),
    statuses: [200, 404, 409, 413, 415, 502, ...always],
  },
  listEvents: {
    scope: 'connections',
    call: (user) => ({ method: 'get', path: `${connection(user)}/events` }),
    statuses: [200, 404, ...always],
  },
  listConnections: {
    scope: 'connections',
    call: () => ({ method: 'get', path: '/connections' }),
    statuses: [200, ...always],
  },
};

let sandbox: Sandbox;
let stores: Stores;
let testApp: TestApp;
let backend: Backend;
let failure: Error | null;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  sandbox.reset();
  failure = null;
  await makeApp();
});

async function makeApp(options: TestAppOptions = {}): Promise<void> {
  const whole = createMemoryStores();
  stores = { ...whole, connections: failOnDemand(whole.connections), links: failOnDemand(whole.links) };
  testApp = createTestApp(sandbox, { stores, ...options });
  backend = await createBackend(testApp);
}

/** The same store, which throws `failure` when there is one. */
function failOnDemand<T extends object>(store: T): T {
  return Object.fromEntries(
    Object.entries(store).map(([name, verb]) => [
      name,
      async (...args: unknown[]) => {
        if (failure) throw failure;
        return verb(...args);
      },
    ]),
  ) as T;
}

async function connect(): Promise<string> {
  await openBrowser(testApp.app).connect('rikke', '118244');
  return testApp.connectedUsers().at(-1) ?? '';
}

const send = ({ method, path, body }: Call) => backend.call(method, path, body).then((response) => response);

/** How each status comes about, for any operation. */
const situations: Record<number, (operation: Operation) => Promise<Response>> = {
  200: async ({ call }) => send(call(await connect())),
  201: async ({ call }) => send(call(await connect())),
  204: async ({ call }) => send(call(await connect())),
  400: async ({ call }) => {
    const { method, path, body } = call('u'.repeat(256));
    return send({ method, path: `${path}?limit=0`, ...(body ? { body } : {}) });
  },
  401: async ({ call }) => {
    const { method, path } = call('u1');
    return backend.callWith(null, method, path);
  },
  403: async ({ scope, call }) => {
    backend = await createBackend(
      testApp,
      apiScopes.filter((other) => other !== scope),
    );
    return send(call(await connect()));
  },
  404: ({ call }) => send(call('nobody')),
  409: async ({ call }) => {
    const user = await connect();
    await sandbox.revokeAuthorizations('rikke');
    testApp.clock.advance(3_700);
    return send(call(user));
  },
  413: ({ call }) => send({ ...call('u1'), body: { text: 'x'.repeat(20_000) } }),
  415: ({ call }) => {
    const { method, path } = call('u1');
    return backend.call(method, path).type('text/plain').send('hello');
  },
  422: ({ call }) => send({ ...call('u1'), body: { returnUrl: 'https://evil.example/' } }),
  429: async ({ call }) => {
    await makeApp({ apiRateLimit: 1 });
    await send(call('u1'));
    return send(call('u1'));
  },
  500: async ({ call }) => {
    const user = await connect();
    failure = new Error('a bug with a secret in it');
    return send(call(user));
  },
  502: async ({ call }) => {
    const user = await connect();
    sandbox.faults.set('organizations', { kind: 'status', status: 418, body: '{"code":42}' });
    return send(call(user));
  },
  503: async ({ call }) => {
    const user = await connect();
    failure = new ConnectError('database_unavailable', '/secret/path: SQLITE_FULL');
    return send(call(user));
  },
};

const cases = Object.entries(operations).flatMap(([id, { statuses }]) =>
  statuses.map((status) => [id, status] as const),
);

describe('an operation of the document', () => {
  test.each(cases)('%s answers %i', async (id, status) => {
    const operation = operations[id] as Operation;
    const response = await situations[status]?.(operation);
    expect(response?.status).toBe(status);
    expect(response?.headers['cache-control']).toBe('no-store');
    expect(response?.headers['x-request-id']).toMatch(/^[0-9A-F]{10}$/);
    if (status >= 400) expect(response?.body).toMatchObject({ status, requestId: response?.headers['x-request-id'] });
    if (status === 429 || status === 503) expect(Number(response?.headers['retry-after'])).toBeGreaterThan(0);
    expect(response?.text).not.toMatch(/secret|sqlite/i);
  });

  test('and every status that the document names for one is among these', () => {
    const named = Object.entries(apiDocument.paths).flatMap(([path, item]) =>
      Object.entries(item).flatMap(([method, { operationId, responses }]) =>
        operationId && !path.includes('/proxy/')
          ? Object.keys(responses).map((status) => ({
              name: `${method.toUpperCase()} ${path} ${status}`,
              operationId,
              status,
            }))
          : [],
      ),
    );
    expect(named.length).toBeGreaterThan(50);
    const missing = named.filter(
      ({ operationId, status }) => !operations[operationId]?.statuses.includes(Number(status)),
    );
    expect(missing).toEqual([]);
    expect(named.filter(({ name }) => !answered.has(name))).toEqual([]);
  });

  test('and every code that it names is brought about by a test of the API', () => {
    const { enum: codes } = apiDocument.components.schemas.ProblemCode as { enum: string[] };
    const files = [...readdirSync(import.meta.dirname), '../links.test.ts'].filter((file) => file.endsWith('.test.ts'));
    const tests = files.map((file) => readFileSync(join(import.meta.dirname, file), 'utf8')).join('\n');
    expect(codes.filter((code) => !tests.includes(`'${code}'`))).toEqual([]);
  });
});
