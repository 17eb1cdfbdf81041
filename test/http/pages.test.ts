import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../support/app.ts';
import { openBrowser, textOf, tokenOf } from '../support/browser.ts';

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

const cookiesOf = (response: { headers: Record<string, unknown> }) =>
  (response.headers['set-cookie'] as string[] | undefined) ?? [];

describe('starting', () => {
  test('sends exactly what Visma Connect documents', async () => {
    const url = new URL(await openBrowser(testApp.app).start());
    expect(`${url.origin}${url.pathname}`).toBe(`${sandbox.origin}/connect/authorize`);
    const { state, nonce, code_challenge, ...rest } = Object.fromEntries(url.searchParams);
    expect(rest).toEqual({
      client_id: 'isv_test',
      redirect_uri: 'http://localhost:3000/oauth/callback',
      response_type: 'code',
      response_mode: 'form_post',
      scope: 'dineropublicapi:read dineropublicapi:write offline_access',
      code_challenge_method: 'S256',
      ui_locales: 'da-DK',
    });
    for (const value of [state, nonce, code_challenge]) expect(value).toMatch(/^[\w-]{43}$/);
  });

  test('passes the person’s language on', async () => {
    const url = new URL(await openBrowser(testApp.app, { 'accept-language': 'en' }).start());
    expect(url.searchParams.get('ui_locales')).toBe('en-GB');
  });

  test.each<Record<string, string>>([
    { host: 'evil.example' },
    { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
    { forwarded: 'host=evil.example;proto=https' },
  ])('the redirect URI is the configured one under %j', async (headers) => {
    const url = new URL(await openBrowser(testApp.app, headers).start());
    expect(url.searchParams.get('redirect_uri')).toBe('http://localhost:3000/oauth/callback');
  });

  test('the verifier stays with us, the challenge is its hash', async () => {
    const browser = openBrowser(testApp.app);
    await browser.signIn('rikke');
    const call = sandbox.requests.find(({ path }) => path === '/connect/token');
    expect(call?.form).toMatchObject({
      grant_type: 'authorization_code',
      redirect_uri: 'http://localhost:3000/oauth/callback',
      client_id: 'isv_test',
      code_verifier: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(testApp.logText()).not.toContain(call?.form?.code_verifier ?? 'nothing sent');
  });

  test('needs the form’s token: without, with another or from another browser nothing starts', async () => {
    const browser = openBrowser(testApp.app);
    const home = await browser.get('/');
    const stranger = openBrowser(testApp.app);
    const foreignToken = tokenOf(await stranger.get('/'));
    const tries = [{}, { _csrf: '' }, { _csrf: 'x' }, { _csrf: foreignToken }, { _csrf: `${tokenOf(home)}x` }];
    for (const fields of tries) {
      const page = await browser.post('/connect', fields as Record<string, string>);
      expect(page.status).toBe(403);
      expect(page.headers.location).toBeUndefined();
      expect(textOf(page)).toContain('Tryk en gang til');
    }
    expect(
      (
        await request(testApp.app)
          .post('/connect')
          .type('form')
          .send({ _csrf: tokenOf(home) })
      ).status,
    ).toBe(403);
  });

  test('a form without a valid token does nothing on any address but the callback', async () => {
    for (const path of ['/connect', '/organizations', '/disconnect', '/', '/nowhere', '/oauth/finish/x']) {
      const { status } = await request(testApp.app).post(path).type('form').send({ a: 'b' });
      expect({ path, refused: status === 403 || (status === 303 && path !== '/connect') }).toEqual({
        path,
        refused: true,
      });
    }
  });

  test('comes from pages with Origin: null just as well', async () => {
    const browser = openBrowser(testApp.app, { origin: 'null' });
    expect(new URL(await browser.start()).pathname).toBe('/connect/authorize');
  });

  test.each(['prompt=none', 'prompt=login&prompt=login', 'prompt[]=login'])(
    'with %s is refused or plain',
    async (extra) => {
      const browser = openBrowser(testApp.app);
      const token = tokenOf(await browser.get('/'));
      const response = await browser.agent.post('/connect').type('form').send(`_csrf=${token}&${extra}`);
      if (response.status === 303)
        expect(new URL(String(response.headers.location)).searchParams.get('prompt')).toBeNull();
      else expect(response.status).toBe(400);
    },
  );
});

describe('cookies', () => {
  test('a page view makes no session, here or in the store', async () => {
    for (const path of [
      '/',
      '/connection',
      '/organizations',
      '/nowhere',
      '/healthz',
      '/oauth/finish/6f1f6f1e-0000-4000-8000-000000000000',
      '/reconnect/6f1f6f1e-0000-4000-8000-000000000000',
    ]) {
      const response = await request(testApp.app).get(path);
      expect(cookiesOf(response).filter((cookie) => cookie.includes('session'))).toEqual([]);
    }
  });

  test('are Lax, HttpOnly, for this host, and small after a hundred starts', async () => {
    const browser = openBrowser(testApp.app);
    const first = await browser.submit(await browser.get('/'), '/connect');
    for (let count = 0; count < 100; count += 1) await browser.start();
    const page = await browser.get('/?lang=en');
    const cookies = [...cookiesOf(page), ...cookiesOf(first).filter((cookie) => cookie.includes('session='))];
    expect(cookies).toHaveLength(3);
    for (const cookie of cookies) {
      expect(cookie).toMatch(/; HttpOnly/);
      expect(cookie).toMatch(/; SameSite=Lax/);
      expect(cookie).toMatch(/; Path=\//);
      expect(cookie).not.toMatch(/Domain|SameSite=None/);
    }
    expect(cookies.map((cookie) => cookie.split(';')[0]).join('; ').length).toBeLessThan(1024);
  });

  test('on https are __Host- and Secure', async () => {
    testApp = createTestApp(sandbox, { https: true, trustProxy: 1 });
    const browser = openBrowser(testApp.app, { 'x-forwarded-proto': 'https' });
    const home = await browser.get('/?lang=en');
    const token = tokenOf(home);
    const cookie = cookiesOf(home)
      .map((line) => line.split(';')[0])
      .join('; ');
    const left = await browser.post('/connect', { _csrf: token }).set('cookie', cookie);
    expect(left.status).toBe(303);
    for (const line of [...cookiesOf(home), ...cookiesOf(left)]) expect(line).toMatch(/^__Host-.*; Secure/);
    expect(home.headers['strict-transport-security']).toMatch(/max-age=\d{8}/);
  });

  test('that cannot be set fail loudly: https configured, http arriving', async () => {
    testApp = createTestApp(sandbox, { https: true });
    const browser = openBrowser(testApp.app);
    const home = await browser.get('/');
    const cookie = cookiesOf(home)
      .map((line) => line.split(';')[0])
      .join('; ');
    const page = await browser.post('/connect', { _csrf: tokenOf(home) }).set('cookie', cookie);
    expect(page.status).toBe(500);
    expect(testApp.logs().find(({ errorCode }) => errorCode === 'misconfigured')).toMatchObject({
      level: 50,
      msg: expect.stringContaining('TRUST_PROXY'),
    });
  });

  test('forwarded headers of somebody who is no proxy change nothing', async () => {
    testApp = createTestApp(sandbox, { https: true });
    const home = await request(testApp.app).get('/');
    const page = await request(testApp.app)
      .post('/connect')
      .set({ 'x-forwarded-proto': 'https', cookie: cookiesOf(home).join('; ') })
      .type('form')
      .send({ _csrf: tokenOf(home) });
    expect(page.status).toBe(500);
  });

  test.each(['s:planted.signature', 'planted', 'j:{"a":1}', '__proto__', '%', 'x'.repeat(4000)])(
    'a planted session %s is never adopted',
    async (value) => {
      const response = await request(testApp.app)
        .get('/')
        .set('cookie', `dinero-connect-session=${value}; dinero-connect-form=${value}; __proto__=x`);
      expect(response.status).toBe(200);
      expect(cookiesOf(response).filter((cookie) => cookie.includes('session='))).toEqual([]);
    },
  );
});

describe('language', () => {
  test.each([
    ['da', 'Forbind'],
    ['en-US,en;q=0.9', 'Connect'],
    ['de, fr', 'Forbind'],
    ['*', 'Forbind'],
    ['en;q=0.5, da;q=0.9', 'Forbind'],
    [';;;', 'Forbind'],
  ])('of a browser that asks for %s', async (accepted, word) => {
    const page = await request(testApp.app).get('/').set('accept-language', accepted);
    expect(textOf(page)).toContain(word);
  });

  test('is switched by a link on every page, and remembered', async () => {
    const browser = openBrowser(testApp.app);
    expect((await browser.get('/')).text).toContain('href="?lang=en"');
    expect((await browser.get('/?q=a%22b&continue=1&x=y')).text).toContain(
      'href="?q=a%22b&amp;continue=1&amp;lang=en"',
    );
    expect((await browser.get('/?lang=en')).text).toContain('<html lang="en">');
    expect((await browser.get('/nowhere')).text).toContain('<html lang="en">');
    expect((await browser.get('/?lang=da')).text).toContain('<html lang="da">');
    expect((await browser.get('/')).text).toContain('<html lang="da">');
  });

  test.each(['lang=xx', 'lang=da&lang=en', 'lang[]=en', 'lang=__proto__'])('%s changes nothing', async (query) => {
    expect((await request(testApp.app).get(`/?${query}`)).text).toContain('<html lang="da">');
  });
});

describe('every answer', () => {
  const paths: [string, string, number][] = [
    ['get', '/', 200],
    ['get', '/nowhere', 404],
    ['get', '//evil.example/%2e%2e', 404],
    ['get', '/%', 404],
    ['get', '/app.css', 200],
    ['get', '/brand.css', 200],
    ['get', '/favicon.svg', 200],
    ['get', '/healthz', 200],
    ['get', '/oauth/finish/x', 400],
    ['get', '/reconnect/x', 400],
    ['post', '/oauth/callback', 303],
    ['put', '/', 405],
    ['delete', '/healthz', 405],
  ];

  test.each(paths)('%s %s has the headers that protect it', async (method, path, status) => {
    const response = await request(testApp.app)[method as 'get'](path);
    expect(response.status).toBe(status);
    expect(response.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'x-frame-options': 'DENY',
    });
    const policy = String(response.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`form-action 'self' ${sandbox.origin}`);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("base-uri 'none'");
    expect(policy).not.toMatch(/unsafe|script-src|\*/);
    expect(response.headers['access-control-allow-origin']).toBeUndefined();
    expect(response.headers['x-powered-by']).toBeUndefined();
    expect(response.headers['strict-transport-security']).toBeUndefined();
    if (response.type.startsWith('text/')) expect(response.headers['content-type']).toMatch(/charset=utf-8/i);
    const personal = !/\.(css|svg)$/.test(path);
    expect(response.headers['cache-control']).toMatch(personal ? /^no-store$/ : /^public, max-age=\d+$/);
  });

  test.each([
    ['post', '/healthz'],
    ['put', '/oauth/callback'],
    ['trace', '/healthz'],
    ['delete', '/connection'],
    ['options', '/organizations'],
    ['patch', '/nowhere'],
    ['put', '/reconnect/6f1f6f1e-0000-4000-8000-000000000000'],
  ])('%s %s is answered 405 with what is allowed', async (method, path) => {
    const response = await request(testApp.app)[method as 'get'](path);
    expect(response.status).toBe(405);
    expect(response.headers.allow).toBeDefined();
  });

  test('a request for * is refused, and is nobody’s bug', async () => {
    const server = testApp.app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const status = await new Promise((resolve) => {
      httpRequest({ port, host: '127.0.0.1', path: '*' }, (response) => resolve(response.resume().statusCode)).end();
    });
    server.close();
    expect(status).toBe(400);
    expect(testApp.logs().some(({ errorCode }) => errorCode === 'internal')).toBe(false);
  });

  test('a person who opens the address of a form is led on', async () => {
    expect((await request(testApp.app).get('/connect')).headers.location).toBe('/');
  });

  test('an unknown page says so with one next step and a reference that is in the log', async () => {
    const page = await request(testApp.app).get('/nowhere').set('accept-language', 'da');
    expect(textOf(page)).toContain('Siden findes ikke');
    const reference = /Henvisning: (\w+)/.exec(textOf(page))?.[1] ?? 'none';
    expect(testApp.logs().filter((line) => line.reference === reference).length).toBeGreaterThan(0);
  });

  test('no page holds a script, an inline style or foreign content', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    for (const path of ['/', '/organizations', '/connection', '/disconnect', '/nowhere']) {
      const { text } = await browser.get(path);
      expect(text).not.toMatch(/<script|<style| style=|javascript:|on(click|load|error)=/i);
      for (const [, address] of text.matchAll(/(?:src|href|action)="([^"]*)"/g)) {
        expect(address).toMatch(/^(\/|\?|#|https:\/\/(www\.)?dinero\.dk)/);
      }
    }
  });

  test('what the integrator gives is where people look for it', async () => {
    const brand = {
      name: 'Kasse & Søn <b>',
      color: '#ffdd00',
      supportEmail: 'help@example.com',
      privacyUrl: 'https://example.com/p?a=1&b=2',
      termsUrl: 'https://example.com/t',
    };
    testApp = createTestApp(sandbox, { brand });
    const home = await request(testApp.app).get('/');
    expect(home.text).toContain('Kasse &amp; Søn &lt;b&gt;');
    expect(home.text).not.toContain('<b>');
    expect(home.text).toContain('mailto:help@example.com');
    expect(home.text).toContain('https://example.com/p?a=1&amp;b=2');
    expect(home.text).toContain('https://example.com/t');
    expect((await request(testApp.app).get('/brand.css')).text.toLowerCase()).toContain('--accent');
  });
});

describe('limits', () => {
  test('300 forms a minute from one address are taken, the next one is told when to come again', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 301; count += 1) {
      const response = await request(testApp.app).post('/oauth/callback').type('form').send('state=a&code=b');
      statuses.push(response.status);
      if (count === 300) expect(response.headers['retry-after']).toBe('60');
    }
    expect(statuses.filter((status) => status === 303)).toHaveLength(300);
    expect(statuses.at(-1)).toBe(429);
    expect((await request(testApp.app).get('/')).status).toBe(200);
  });

  test.each(['application/json', 'multipart/form-data; boundary=x', 'text/plain'])(
    'a form sent as %s is refused',
    async (type) => {
      const response = await request(testApp.app).post('/connect').set('content-type', type).send('{"a":1}');
      expect(response.status).toBe(415);
    },
  );
});

test('sandbox pages carry a banner, others do not', async () => {
  expect((await request(testApp.app).get('/')).text).not.toContain('ingen rigtige data');
});
