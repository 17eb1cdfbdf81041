import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ConnectError } from '../../src/core/errors.ts';
import type { Fault, FaultTarget, Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../support/app.ts';
import { openBrowser, textOf } from '../support/browser.ts';
import { answerAuthorization } from '../support/person.ts';

let sandbox: Sandbox;
let testApp: TestApp;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => {
  sandbox.reset();
  testApp = createTestApp(sandbox);
});

const gigabyte = 2 ** 30;
const brokenAnswers: [string, Fault][] = [
  ['HTML', { kind: 'html' }],
  ['garbage', { kind: 'garbage' }],
  ['nothing (204)', { kind: 'empty' }],
  ['a redirect', { kind: 'redirect', location: 'https://evil.example/' }],
  ['half an answer', { kind: 'cut' }],
  ['a reset', { kind: 'reset' }],
  ['a gigabyte', { kind: 'huge', bytes: gigabyte }],
  ['500', { kind: 'status', status: 500, body: 'stack trace of theirs' }],
  ['503 as HTML', { kind: 'status', status: 503, body: '<h1>theirs</h1>', contentType: 'text/html' }],
  ['a list instead of an object', { kind: 'status', status: 200, body: '[[1]]', contentType: 'application/json' }],
  ['null', { kind: 'status', status: 200, body: 'null', contentType: 'application/json' }],
  [
    '__proto__ in the JSON',
    {
      kind: 'status',
      status: 200,
      body: '{"__proto__":{"access_token":"x","token_type":"bearer"}}',
      contentType: 'application/json',
    },
  ],
];

function failWith(target: FaultTarget, fault: Fault) {
  sandbox.faults.set(target, fault);
}

function expectCalm(page: { status: number; text: string }, status: number, sentence: string) {
  expect(page.status).toBe(status);
  expect(textOf(page as never)).toContain(sentence);
  expect(page.text).not.toMatch(/theirs|at .*\.ts:|evil\.example/);
  expect(page.text).toMatch(/Henvisning:/);
}

describe('Visma Connect', () => {
  test.each(brokenAnswers)('answering discovery with %s: a page, and it recovers unaided', async (_name, fault) => {
    const browser = openBrowser(testApp.app);
    failWith('discovery', fault);
    const page = await browser.submit(await browser.get('/'), '/connect');
    expectCalm(page, 503, 'Visma Connect svarer ikke lige nu.');
    expect((await browser.get('/readyz')).status).toBe(503);
    sandbox.faults.clear();
    expect((await browser.submit(await browser.get('/'), '/connect')).status).toBe(303);
    expect((await browser.get('/readyz')).status).toBe(200);
  });

  test('with another issuer in its discovery document is not trusted', async () => {
    failWith('discovery', { kind: 'transform', transform: (body) => ({ ...body, issuer: 'https://evil.example' }) });
    const browser = openBrowser(testApp.app);
    expect((await browser.submit(await browser.get('/'), '/connect')).status).toBe(503);
  });

  test('that is not there at all: a page', async () => {
    testApp = createTestApp({ origin: 'http://127.0.0.1:9' });
    const browser = openBrowser(testApp.app);
    expectCalm(await browser.submit(await browser.get('/'), '/connect'), 503, 'Visma Connect svarer ikke lige nu.');
  });

  test.each(brokenAnswers)(
    'answering the code with %s: a page, nothing stored, and the next attempt works',
    async (_name, fault) => {
      const browser = openBrowser(testApp.app);
      failWith('token', fault);
      expectCalm(await browser.signIn('rikke'), 503, 'Visma Connect svarer ikke lige nu.');
      expect((await browser.get('/connection')).headers.location).toBe('/');
      sandbox.faults.clear();
      expect((await browser.signIn('rikke')).headers.location).toBe('/organizations');
    },
  );

  test('taking two seconds for the code is waited for', async () => {
    failWith('token', { kind: 'slow', ms: 2000 });
    expect((await openBrowser(testApp.app).signIn('rikke')).headers.location).toBe('/organizations');
  });

  test('hanging on discovery is given up within seconds', async () => {
    failWith('discovery', { kind: 'hang' });
    const browser = openBrowser(testApp.app);
    expectCalm(await browser.submit(await browser.get('/'), '/connect'), 503, 'Visma Connect svarer ikke lige nu.');
  }, 15_000);

  test('rejecting the code: a page, and a reload repeats nothing', async () => {
    const browser = openBrowser(testApp.app);
    const answer = await answerAuthorization(await browser.start(), { person: 'rikke', consent: 'accept' });
    if ('errorPage' in answer) throw new Error(answer.errorPage);
    const location = await browser.comeBack({ ...answer.fields, code: 'another' });
    for (let visit = 0; visit < 3; visit += 1) {
      expectCalm(await browser.get(location), 502, 'Visma Connect godtog ikke forsøget.');
    }
    expect(sandbox.count('POST', '/connect/token')).toBe(1);
  });

  test('rejecting our client: our fault for the person, the credential by name for the operator', async () => {
    testApp = createTestApp(sandbox, { clientSecret: 'wrong-secret' });
    const browser = openBrowser(testApp.app);
    const page = await browser.signIn('rikke');
    expectCalm(page, 500, 'Der er en fejl hos os.');
    const reference = /Henvisning: (\w+)/.exec(textOf(page))?.[1];
    expect(testApp.logs().find((line) => line.reference === reference && line.errorCode)).toMatchObject({
      level: 50,
      errorCode: 'client_rejected',
      msg: expect.stringContaining('VISMA_CLIENT_SECRET'),
    });
    expect(testApp.logText()).not.toContain('wrong-secret');
  });

  test.each([
    [{ expires_in: 1e300 }, 86_400],
    [{ expires_in: -1 }, 300],
    [{ expires_in: 0 }, 300],
  ])('an odd lifetime %j becomes a sensible one', async (change, seconds) => {
    failWith('token', { kind: 'transform', transform: (body) => ({ ...body, ...change }) });
    const browser = openBrowser(testApp.app);
    const back = await browser.signIn('rikke');
    if (back.status !== 303) return expectCalm(back, 503, 'Visma Connect svarer ikke lige nu.');
    const [userId] = testApp.connectedUsers();
    const connection = await testApp.stores.connections.findByUser(userId ?? '');
    expect(connection?.grant?.expiresAt).toEqual(new Date(testApp.clock.now().getTime() + seconds * 1000));
  });
});

describe('Dinero', () => {
  async function signedIn() {
    const browser = openBrowser(testApp.app);
    await browser.signIn('rikke');
    return browser;
  }

  test.each(brokenAnswers)(
    'answering the list with %s: a page, one retry at most, and it recovers',
    async (_name, fault) => {
      const browser = await signedIn();
      sandbox.requests.length = 0;
      failWith('organizations', fault);
      expectCalm(await browser.get('/organizations'), 503, 'Dinero svarer ikke lige nu.');
      expect(sandbox.count('GET', '/v1/organizations')).toBeLessThanOrEqual(2);
      sandbox.faults.clear();
      expect((await browser.get('/organizations')).status).toBe(200);
    },
  );

  test('failing once is asked once more', async () => {
    const browser = await signedIn();
    sandbox.faults.set('organizations', { kind: 'status', status: 502 }, 1);
    expect((await browser.get('/organizations')).status).toBe(200);
    sandbox.faults.set('organizations', { kind: 'reset' }, 1);
    expect((await browser.get('/organizations')).status).toBe(200);
  });

  test('hanging is given up within ten seconds', async () => {
    const browser = await signedIn();
    failWith('organizations', { kind: 'hang' });
    expectCalm(await browser.get('/organizations'), 503, 'Dinero svarer ikke lige nu.');
  }, 20_000);

  test.each([
    [{ 'retry-after': '17' }, 'Prøv igen om 17 sekunder.', '17'],
    [{ 'retry-after': '1' }, 'Prøv igen om 1 sekund.', '1'],
    [{}, 'Prøv igen om lidt.', undefined],
    [{ 'retry-after': 'soon' }, 'Prøv igen om lidt.', undefined],
  ] as const)(
    'asking us to wait with %j: the page says for how long, and no retry is made',
    async (headers, sentence, retryAfter) => {
      const browser = await signedIn();
      sandbox.requests.length = 0;
      failWith('organizations', {
        kind: 'status',
        status: 429,
        body: 'API calls quota exceeded!',
        contentType: 'text/plain',
        headers,
      });
      const page = await browser.get('/organizations');
      expectCalm(page, 503, sentence);
      expect(page.headers['retry-after']).toBe(retryAfter);
      expect(sandbox.count('GET', '/v1/organizations')).toBe(1);
    },
  );

  test.each([403, 404, 422, 480])('refusing with %i is not retried', async (status) => {
    const browser = await signedIn();
    sandbox.requests.length = 0;
    failWith('organizations', { kind: 'status', status, body: '<h1>theirs</h1>', contentType: 'text/html' });
    expectCalm(await browser.get('/organizations'), 502, 'Dinero');
    expect(sandbox.count('GET', '/v1/organizations')).toBe(1);
  });

  test('sending the token elsewhere by a redirect is not followed', async () => {
    const other = await startTestSandbox();
    try {
      const browser = await signedIn();
      failWith('organizations', { kind: 'redirect', location: `${other.origin}/v1/organizations` });
      await browser.get('/organizations');
      expect(other.requests).toHaveLength(0);
    } finally {
      await other.close();
    }
  });

  test('giving names with markup, bidi controls, NUL and 10,000 characters: shown as text', async () => {
    const browser = await signedIn();
    const names = ['<script>x</script>', '\u202egnip', 'nul\0', 'x'.repeat(10_000), '', null];
    const body = JSON.stringify(names.map((name, index) => ({ Name: name, ID: index + 1, isPRO: true })));
    failWith('organizations', { kind: 'status', status: 200, body, contentType: 'application/json' });
    const page = await browser.get('/organizations');
    expect(page.status).toBe(200);
    expect(page.text).not.toContain('<script>');
    expect(page.text).not.toContain('\0');
    expect(page.text).toContain('&lt;script&gt;');
  });

  test('giving __proto__ as a key changes nothing', async () => {
    const browser = await signedIn();
    const body =
      '[{"id":1,"name":"A","isPro":true,"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}]';
    failWith('organizations', { kind: 'status', status: 200, body, contentType: 'application/json' });
    expect((await browser.get('/organizations')).status).toBe(200);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('the database', () => {
  test('that is locked: a page that says so, and 503', async () => {
    const locked = () => Promise.reject(new ConnectError('database_unavailable', 'database: SQLITE_BUSY'));
    const { attempts } = testApp.stores;
    testApp = createTestApp(sandbox, { stores: { attempts: { ...attempts, insert: locked } } });
    const browser = openBrowser(testApp.app);
    expectCalm(await browser.submit(await browser.get('/'), '/connect'), 503, 'Prøv igen om lidt.');
  });

  test('with an error that nobody expected: 500, a reference, and the stack in the log alone', async () => {
    const broken = () => Promise.reject(new Error('secret detail'));
    const { attempts } = testApp.stores;
    testApp = createTestApp(sandbox, { stores: { attempts: { ...attempts, insert: broken } } });
    const browser = openBrowser(testApp.app);
    const page = await browser.submit(await browser.get('/'), '/connect');
    expectCalm(page, 500, 'Der er en fejl hos os.');
    expect(page.text).not.toContain('secret detail');
    expect(testApp.logs().find(({ errorCode }) => errorCode === 'internal')).toMatchObject({
      level: 50,
      err: { stack: expect.any(String) },
    });
  });
});
