import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
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

const tokenCalls = () => sandbox.count('POST', '/connect/token');
const urlencoded = 'application/x-www-form-urlencoded';

function post(body: string | Buffer, type = urlencoded, headers: Record<string, string> = {}) {
  return request(testApp.app).post('/oauth/callback').set('content-type', type).set(headers).send(body);
}

/** A browser that is about to come back, and what the provider's page would post. */
async function aboutToReturn(person = 'rikke', consent: 'accept' | 'cancel' = 'accept') {
  const browser = openBrowser(testApp.app);
  const answer = await answerAuthorization(await browser.start(), { person, consent });
  if ('errorPage' in answer) throw new Error(answer.errorPage);
  return { browser, fields: answer.fields };
}

describe('the callback', () => {
  test('answers 303 to a page of ours, without reading or setting a cookie', async () => {
    const { fields } = await aboutToReturn();
    const response = await post(new URLSearchParams(fields).toString()).set(
      'cookie',
      'dinero-connect-session=s%3Aforged.x',
    );
    expect(response.status).toBe(303);
    expect(response.headers.location).toMatch(/^\/oauth\/finish\/[0-9a-f-]{36}$/);
    expect(response.headers['set-cookie']).toBeUndefined();
  });

  test.each([
    'state=unknown&code=abc',
    'code=abc',
    'state=&code=abc',
    'state=unknown&error=access_denied',
    'state=a&code=%ED%A0%80',
    '',
  ])('without a state that we gave (%s) it leads to a 400 page and no token call', async (body) => {
    const browser = openBrowser(testApp.app);
    const response = await post(body);
    expect(response.status).toBe(303);
    const page = await browser.get(String(response.headers.location));
    expect(page.status).toBe(400);
    expect(textOf(page)).toContain('Begynd forfra');
    expect(tokenCalls()).toBe(0);
  });

  test.each([
    'state=a&state=b&code=c',
    'state=a&code=b&code=c',
    'state=a&code=b&iss=c&iss=d',
    'state=a&error=b&error=c',
    'state=a&code=b&scope=c&scope=d',
    'state=a&code=b&unknown=c&unknown=d',
    'state[]=a&code=c',
    'state[x]=a&code=c',
    'state.x=a&code=c',
    'state=a%00&code=c',
    'state=a&error=%0d%0aSet-Cookie',
    `state=a&code=${'x'.repeat(4001)}`,
    `state=${'x'.repeat(1001)}`,
    '__proto__=a&state=b&state=c',
  ])('refuses %s with 400', async (body) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(tokenCalls()).toBe(0);
  });

  test('ignores parameters that it does not know', async () => {
    const { browser, fields } = await aboutToReturn();
    const more = Object.fromEntries(Array.from({ length: 12 }, (_, number) => [`unknown${number}`, 'x']));
    const location = await browser.comeBack({ ...fields, id_token: 'x.y.z', session_state: 's', ...more });
    const back = await browser.get(location);
    expect(back.headers.location).toBe('/organizations');
  });

  test.each([
    ['JSON', '{"state":"a"}', 'application/json', {}, 415],
    ['multipart', '--x\r\n\r\n--x--', 'multipart/form-data; boundary=x', {}, 415],
    ['plain text', 'state=a', 'text/plain', {}, 415],
    ['an odd charset', 'state=a', `${urlencoded}; charset=utf-7`, {}, 415],
    ['a packed body', gzipSync(Buffer.alloc(10_000_000)), urlencoded, { 'content-encoding': 'gzip' }, 415],
    ['21 fields', Array.from({ length: 21 }, (_, number) => `f${number}=`).join('&'), urlencoded, {}, 413],
    ['1,001 fields', Array.from({ length: 1001 }, (_, number) => `f${number}=`).join('&'), urlencoded, {}, 413],
    ['a large body', `state=${'x'.repeat(20_000)}`, urlencoded, {}, 413],
  ] as const)('refuses %s within 100 ms of work', async (_name, body, type, headers, status) => {
    const response = await post(body as Buffer, type, headers);
    expect(response.status).toBe(status);
    expect(tokenCalls()).toBe(0);
  });

  test('reads a chunked body, and refuses one that is too large', async () => {
    const server = testApp.app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const send = (body: string) =>
        new Promise<number | undefined>((resolve, reject) => {
          const sent = httpRequest(
            {
              port,
              host: '127.0.0.1',
              method: 'POST',
              path: '/oauth/callback',
              headers: { 'content-type': urlencoded, 'transfer-encoding': 'chunked' },
            },
            (response) => {
              response.resume();
              resolve(response.statusCode);
            },
          );
          sent.on('error', reject);
          sent.end(body);
        });
      expect(await send('state=unknown&code=x')).toBe(303);
      expect(await send(`state=${'x'.repeat(20_000)}`)).toBe(413);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test.each(['GET', 'PUT', 'DELETE', 'PATCH'] as const)(
    'answers %s with 405 and the one allowed method',
    async (method) => {
      const response = await request(testApp.app)[method.toLowerCase() as 'get']('/oauth/callback?state=a&code=b');
      expect(response.status).toBe(405);
      expect(response.headers.allow).toBe('POST');
    },
  );
});

describe('the way back', () => {
  test('a thousand starts have a thousand states', async () => {
    const started = await Promise.all(
      Array.from({ length: 1000 }, (_, number) =>
        testApp.core.connecting.start({
          browserId: `b${number}`,
          userId: `u${number}`,
          linkId: null,
          language: 'da',
          signInAgain: false,
        }),
      ),
    );
    const states = started.map(({ authorizationUrl }) => new URL(authorizationUrl).searchParams.get('state') ?? '');
    expect(new Set(states).size).toBe(1000);
    for (const state of states) expect(state.length).toBeGreaterThanOrEqual(22);
  });

  test('the state of one browser is no good in another, and makes no token call', async () => {
    const { fields } = await aboutToReturn();
    const other = openBrowser(testApp.app);
    await other.start();
    const page = await other.get(await other.comeBack(fields));
    expect(page.status).toBe(403);
    expect(textOf(page)).toContain('Forsøget blev startet i en anden browser');
    expect(tokenCalls()).toBe(0);
  });

  test('a browser without a cookie is asked for one click, and only then told that it is another one', async () => {
    const { browser, fields } = await aboutToReturn();
    const location = await browser.comeBack(fields);
    const stranger = openBrowser(testApp.app);
    const page = await stranger.get(location);
    expect(page.status).toBe(200);
    expect(page.text).toContain(`href="${location}?continue=1"`);
    expect((await browser.get(`${location}?continue=1`)).headers.location).toBe('/organizations');
    expect((await stranger.get(`${location}?continue=1`)).status).toBe(403);
    expect(tokenCalls()).toBe(1);
  });

  test('a state works once: the same answer again gets the first result, another answer gets nothing', async () => {
    const { browser, fields } = await aboutToReturn();
    const first = await browser.comeBack(fields);
    expect((await browser.get(first)).headers.location).toBe('/organizations');
    expect(await browser.comeBack(fields)).toBe(first);
    const again = await browser.get(first);
    expect(again.headers.location).toBe('/connection');
    expect(String(again.headers['set-cookie'])).not.toContain('session=');
    expect(await browser.comeBack({ ...fields, code: 'stolen' })).toBe('/oauth/finish/unknown');
    expect(tokenCalls()).toBe(1);
  });

  test('who starts an attempt and has somebody else consent to it gets nothing', async () => {
    const { browser: attacker, fields } = await aboutToReturn();
    const victim = openBrowser(testApp.app);
    const location = await victim.comeBack(fields);
    const guesses: Record<string, string>[] = [
      { state: fields.state ?? '' },
      { ...fields, code: 'x' },
      { state: fields.state ?? '', error: 'access_denied' },
    ];
    for (const guess of guesses) {
      expect(await attacker.comeBack(guess)).toBe('/oauth/finish/unknown');
    }
    await victim.get(location);
    expect((await victim.get(`${location}?continue=1`)).status).toBe(403);
    // Even with the address the attempt has ended.
    expect((await attacker.get(location)).status).toBe(403);
    expect((await attacker.get('/organizations')).headers.location).toBe('/');
    expect(tokenCalls()).toBe(0);
  });

  test('eight parallel returns and eight parallel visits make one exchange', async () => {
    const { browser, fields } = await aboutToReturn();
    const locations = await Promise.all(Array.from({ length: 8 }, () => browser.comeBack(fields)));
    expect(new Set(locations).size).toBe(1);
    sandbox.faults.set('token', { kind: 'slow', ms: 400 });
    const visits = await Promise.all(Array.from({ length: 8 }, () => browser.get(locations[0] ?? '')));
    expect(visits.map(({ headers }) => headers.location)).toEqual(Array(8).fill('/organizations'));
    expect(tokenCalls()).toBe(1);
  });

  test('an attempt lives for half an hour at the provider, and ends after an hour with a page and no token call', async () => {
    const patient = await aboutToReturn();
    testApp.clock.advance(31 * 60);
    expect((await patient.browser.get(await patient.browser.comeBack(patient.fields))).headers.location).toBe(
      '/organizations',
    );
    const before = tokenCalls();
    const late = await aboutToReturn();
    testApp.clock.advance(61 * 60);
    const page = await late.browser.get(await late.browser.comeBack(late.fields));
    expect(page.status).toBe(410);
    expect(textOf(page)).toContain('Der gik for lang tid');
    expect(tokenCalls()).toBe(before);
  });

  test('a code that was parked in time and is fetched too late is not exchanged', async () => {
    const { browser, fields } = await aboutToReturn();
    const location = await browser.comeBack(fields);
    testApp.clock.advance(61 * 60);
    expect((await browser.get(location)).status).toBe(410);
    expect(tokenCalls()).toBe(0);
  });

  test.each([
    ['wrong', { iss: 'https://connect.visma.com.evil.example' }],
    ['empty', { iss: '' }],
    ['with a slash more', { iss: 'slash' }],
  ])('an issuer that is %s makes no token call', async (_name, change) => {
    const { browser, fields } = await aboutToReturn();
    const iss = change.iss === 'slash' ? `${sandbox.origin}/` : change.iss;
    const page = await browser.get(await browser.comeBack({ ...fields, iss }));
    expect(page.status).toBe(400);
    expect(tokenCalls()).toBe(0);
  });

  test('a missing issuer, though advertised, makes no token call', async () => {
    const { browser, fields } = await aboutToReturn();
    const { iss: _iss, ...rest } = fields;
    expect((await browser.get(await browser.comeBack(rest))).status).toBe(400);
    expect(tokenCalls()).toBe(0);
  });

  test('who says no gets a page that says so, with one way on; no issuer is needed for that', async () => {
    const { browser, fields } = await aboutToReturn('rikke', 'cancel');
    expect(fields.iss).toBeUndefined();
    const location = await browser.comeBack(fields);
    for (const visit of [1, 2]) {
      const page = await browser.get(location);
      expect({ visit, status: page.status }).toEqual({ visit, status: 200 });
      expect(textOf(page)).toContain('Du sagde nej tak, og der er ikke ændret noget.');
    }
    expect(tokenCalls()).toBe(0);
  });

  test.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    'Ring til os på 70 00 00 00: https://evil.example',
  ])('the provider’s description %s is never shown', async (description) => {
    const { browser, fields } = await aboutToReturn('rikke', 'cancel');
    const page = await browser.get(await browser.comeBack({ ...fields, error_description: description }));
    expect(page.text).not.toContain(description);
    expect(textOf(page)).not.toContain(description);
  });

  test.each([
    ['temporarily_unavailable', 503],
    ['login_required', 502],
    ['something_new', 502],
  ])('the provider’s error %s has a page with status %i', async (error, status) => {
    const { browser, fields } = await aboutToReturn('rikke', 'cancel');
    const page = await browser.get(await browser.comeBack({ ...fields, error }));
    expect(page.status).toBe(status);
    expect(page.text).not.toContain(error);
  });

  test('an answer with neither code nor error has a page', async () => {
    const { browser, fields } = await aboutToReturn();
    const page = await browser.get(await browser.comeBack({ state: fields.state ?? '' }));
    expect(page.status).toBe(502);
  });

  test('a forged error without our state leaves a running attempt alone', async () => {
    const { browser, fields } = await aboutToReturn();
    await post('state=guess&error=access_denied');
    expect((await browser.get(await browser.comeBack(fields))).headers.location).toBe('/organizations');
  });

  test('an attempt that is not back yet says so and can still come back', async () => {
    const { browser, fields } = await aboutToReturn();
    const url = new URL(
      (
        await testApp.core.connecting.start({
          browserId: 'b',
          userId: 'u',
          linkId: null,
          language: 'da',
          signInAgain: false,
        })
      ).authorizationUrl,
    );
    const other = await testApp.core.connecting.receive(url.searchParams.get('state') ?? '', {
      kind: 'error',
      error: 'x',
    });
    expect(other).not.toBeNull();
    expect((await browser.get(await browser.comeBack(fields))).headers.location).toBe('/organizations');
  });

  test('pages after the callback are not stored', async () => {
    const { browser, fields } = await aboutToReturn();
    const location = await browser.comeBack(fields);
    expect((await browser.get(location)).headers['cache-control']).toBe('no-store');
    expect((await browser.get('/organizations')).headers['cache-control']).toBe('no-store');
  });

  test('two attempts of one browser both work, whichever comes back first', async () => {
    const browser = openBrowser(testApp.app);
    const [first, second] = [await browser.start(), await browser.start()];
    const answers = await Promise.all(
      [second, first].map((url) => answerAuthorization(url, { person: 'rikke', consent: 'accept' })),
    );
    for (const answer of answers) {
      if ('errorPage' in answer) throw new Error(answer.errorPage);
      expect((await browser.get(await browser.comeBack(answer.fields))).headers.location).toBe('/organizations');
    }
    expect(tokenCalls()).toBe(2);
  });
});
