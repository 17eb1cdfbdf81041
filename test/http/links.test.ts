import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../support/app.ts';
import { type Backend, createBackend } from '../support/backend.ts';
import { openBrowser, textOf } from '../support/browser.ts';

// Links of an integrator, from its backend to the page where its user ends up.

let sandbox: Sandbox;
let testApp: TestApp;
let backend: Backend;
const returnUrl = 'https://app.fakturaflow.example/settings?tab=dinero';

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  sandbox.reset();
  testApp = createTestApp(sandbox);
  backend = await createBackend(testApp);
});

async function makeLink(userId: string, body: object = {}): Promise<string> {
  const { body: link } = await backend.call('post', `/users/${userId}/links`, body);
  return link.url;
}

const statusOf = async (userId: string) => (await backend.call('get', backend.connectionPath(userId))).body.status;
const open = (url: string, browser = openBrowser(testApp.app)) => browser.get(new URL(url).pathname);

describe('a link', () => {
  test('says who is asking, for what, and where it leads', async () => {
    const page = await open(await makeLink('u1', { returnUrl }));
    expect(page.status).toBe(200);
    const text = textOf(page);
    expect(text).toContain('Fakturaflow har sendt dig hertil');
    expect(text).toContain('Læse dine kontakter');
    expect(text).toContain('app.fakturaflow.example');
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.headers['referrer-policy']).toBe('no-referrer');
  });

  test('connects its user, and leads back with the outcome beside what the address had', async () => {
    const browser = openBrowser(testApp.app);
    const chosen = await browser.connectBy(await makeLink('u1', { returnUrl }), 'rikke', '118244');
    expect(chosen.headers.location).toBe('/leaving');
    const leaving = await browser.get('/leaving');
    const back = `${returnUrl}&connection=connected`.replaceAll('&', '&amp;');
    expect(leaving.text).toContain(`<meta http-equiv="refresh" content="0; url=${back}">`);
    expect(leaving.text).toContain(`href="${back}"`);
    expect(await statusOf('u1')).toBe('connected');
  });

  test('without a return address ends on the connection', async () => {
    const browser = openBrowser(testApp.app);
    const chosen = await browser.connectBy(await makeLink('u1'), 'rikke', '118244');
    expect(chosen.headers.location).toBe('/connection');
    expect((await browser.get('/leaving')).headers.location).toBe('/connection');
  });

  test('leads back as cancelled whoever says no, and nothing is connected', async () => {
    const browser = openBrowser(testApp.app);
    const back = await browser.signInBy(await makeLink('u1', { returnUrl }), 'rikke', 'cancel');
    expect(back.headers.location).toBe('/leaving');
    expect((await browser.get('/leaving')).text).toContain('connection=cancelled');
    expect((await backend.call('get', backend.connectionPath('u1'))).status).toBe(404);
  });

  test('whose attempt fails ends on a page that says so and leads back as failed', async () => {
    const browser = openBrowser(testApp.app);
    const url = await makeLink('u1', { returnUrl });
    sandbox.faults.set(
      'token',
      { kind: 'status', status: 400, body: '{"error":"invalid_grant"}', contentType: 'application/json' },
      1,
    );
    const page = await browser.signInBy(url, 'rikke');
    expect(page.status).toBe(502);
    expect(page.text).toContain('href="/leaving"');
    expect((await browser.get('/leaving')).text).toContain('connection=failed');
  });

  test('shows somebody who is connected the connection, and makes no second one', async () => {
    await openBrowser(testApp.app).connectBy(await makeLink('u1'), 'rikke', '118244');
    const url = await makeLink('u1', { returnUrl });
    const browser = openBrowser(testApp.app);
    expect(textOf(await open(url, browser))).toContain('Du er allerede forbundet');
    const followed = await browser.follow(url);
    expect(followed.headers.location).toBe('/connection');
    const page = await browser.get('/connection');
    expect(textOf(page)).toContain('RN');
    expect(page.text).toContain('href="/leaving"');
    expect(sandbox.count('GET', '/connect/authorize')).toBe(1);
  });

  test('leads somebody who has given access and not chosen to the choice', async () => {
    await openBrowser(testApp.app).signInBy(await makeLink('u1'), 'rikke');
    const followed = await openBrowser(testApp.app).follow(await makeLink('u1'));
    expect(followed.headers.location).toBe('/organizations');
  });

  test('renews a connection that has ended, with the company that there was', async () => {
    await openBrowser(testApp.app).connectBy(await makeLink('u1'), 'rikke', '118244');
    await sandbox.revokeAuthorizations('rikke');
    testApp.clock.advance(3_700);
    await backend.call('post', `${backend.connectionPath('u1')}/token`);
    const url = await makeLink('u1', { returnUrl });
    expect(textOf(await open(url))).toContain('Forbindelsen skal fornyes');
    const browser = openBrowser(testApp.app);
    const back = await browser.signInBy(url, 'rikke');
    expect(back.headers.location).toBe('/leaving');
    expect((await browser.get('/leaving')).text).toContain('connection=connected');
    expect(await statusOf('u1')).toBe('connected');
  });

  test('is not used up by whoever only looks at it', async () => {
    const url = await makeLink('u1');
    for (let looks = 0; looks < 5; looks += 1) expect((await open(url)).status).toBe(200);
    expect((await openBrowser(testApp.app).follow(url)).status).toBe(303);
  });

  test('that another browser has opened says so there, and does nothing', async () => {
    const url = await makeLink('u1');
    await openBrowser(testApp.app).follow(url);
    const other = openBrowser(testApp.app);
    const page = await open(url, other);
    expect(page.status).toBe(409);
    expect(textOf(page)).toContain('åbnet i en anden browser');
    const home = await other.get('/');
    const pressed = await other.submit(home, new URL(url).pathname);
    expect(pressed.status).toBe(409);
  });

  test('that is opened twice in one browser says so, and goes on', async () => {
    const browser = openBrowser(testApp.app);
    const url = await makeLink('u1');
    await browser.follow(url);
    expect(textOf(await open(url, browser))).toContain('Du har åbnet linket før');
    await browser.connectBy(url, 'rikke', '118244');
    expect(await statusOf('u1')).toBe('connected');
  });

  test('is bound to one browser when two press its button at once', async () => {
    const url = await makeLink('u1');
    const browsers = Array.from({ length: 5 }, () => openBrowser(testApp.app));
    const answers = await Promise.all(browsers.map((browser) => browser.follow(url)));
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 409, 409, 409, 409]);
  });

  test.each([
    [undefined, 15 * 60],
    [60, 60],
    [7 * 86_400, 7 * 86_400],
  ])('asked for %p seconds works until %i have gone by', async (expiresInSeconds, seconds) => {
    const url = await makeLink('u1', expiresInSeconds === undefined ? {} : { expiresInSeconds });
    testApp.clock.advance(seconds - 1);
    expect((await open(url)).status).toBe(200);
    testApp.clock.advance(1);
    const late = await open(url);
    expect(late.status).toBe(410);
    expect(textOf(late)).toContain('Linket er udløbet');
    expect(textOf(late)).not.toContain('Begynd forfra');
  });

  test.each([
    ['another id', (token: string) => `A${token.slice(1)}`],
    ['another signature', (token: string) => `${token.slice(0, -2)}AA`],
    ['no signature', (token: string) => token.split('.')[0] ?? ''],
    ['something after it', (token: string) => `${token}A`],
    ['nothing right', () => '%00'],
  ])('with %s is unknown', async (_name, change) => {
    const url = new URL(await makeLink('u1'));
    const page = await openBrowser(testApp.app).get(`/link/${change(url.pathname.slice('/link/'.length))}`);
    expect(page.status).toBe(404);
  });

  test('speaks the language of the integrator’s user, unless the person says otherwise', async () => {
    const browser = openBrowser(testApp.app);
    const path = new URL(await makeLink('u1', { language: 'en' })).pathname;
    const led = await browser.get(path);
    expect(led.headers.location).toBe(`${path}?lang=en`);
    expect(textOf(await browser.get(`${path}?lang=en`))).toContain('Fakturaflow sent you here');
    expect(textOf(await browser.get(`${path}?lang=da`))).toContain('Fakturaflow har sendt dig');
  });

  test('takes the button of an old page again, and does nothing by itself', async () => {
    const path = new URL(await makeLink('u1')).pathname;
    const browser = openBrowser(testApp.app);
    const stale = await browser.post(path, { _csrf: 'old' });
    expect(stale.status).toBe(403);
    expect(textOf(stale)).toContain('Tryk en gang til');
    expect((await browser.submit(stale, path)).status).toBe(303);
  });

  test('is in no log', async () => {
    const url = await makeLink('u1', { returnUrl });
    await openBrowser(testApp.app).follow(url);
    const secret = url.split('.').at(-1) ?? '';
    expect(testApp.logText()).not.toContain(secret);
    expect(testApp.logs().some(({ path }) => path === '/link/:token')).toBe(true);
  });
});

describe('the browser of a link', () => {
  test('gets a session of its own: one that was planted, or was another user’s, ends', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connectBy(await makeLink('u1'), 'rikke', '118244');
    const page = (await browser.get('/connection')) as unknown as { request: { cookies: string } };
    const { cookies: cookie } = page.request;
    expect(cookie).toContain('session');
    await browser.connectBy(await makeLink('u2'), 'mads', '201001');
    expect(textOf(await browser.get('/connection'))).toContain('Tredje & Søn');
    const old = openBrowser(testApp.app, { cookie });
    expect((await old.get('/connection')).headers.location).toBe('/');
  });

  test('goes back for the user whose attempt it finishes, with two links in two tabs', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connectBy(await makeLink('u1'), 'rikke', '118244');
    await browser.connectBy(await makeLink('u2', { returnUrl }), 'mads', '201001');
    expect(await statusOf('u1')).toBe('connected');
    expect(await statusOf('u2')).toBe('connected');
  });

  test('goes on for its user when it reconnects later by itself', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connectBy(await makeLink('u1', { returnUrl }), 'rikke', '118244');
    const back = await browser.signIn('rikke');
    expect(back.headers.location).toBe('/connection');
    expect((await backend.call('get', backend.connectionPath('u1'))).body.generation).toBe(2);
  });

  test('stays with its user under OpenID Connect, though the person is known as another one', async () => {
    testApp = createTestApp(sandbox, {
      scopes: ['openid', 'dineropublicapi:read', 'dineropublicapi:write', 'offline_access'],
    });
    backend = await createBackend(testApp);
    await openBrowser(testApp.app).connect('rikke', '118244');
    await openBrowser(testApp.app).connectBy(await makeLink('u1'), 'rikke', '118244');
    expect(await statusOf('u1')).toBe('connected');
    await openBrowser(testApp.app).connectBy(await makeLink('u2'), 'rikke', '118244');
    expect(await statusOf('u2')).toBe('connected');
  });
});

describe('a return address', () => {
  test.each([
    'https://evil.example/',
    'https://app.fakturaflow.example.evil.example/',
    'https://evil.example/app.fakturaflow.example',
    'https://app.fakturaflow.example@evil.example/',
    'https://user:pass@app.fakturaflow.example/',
    'https://app.fakturaflow.example:8443/',
    'http://app.fakturaflow.example/',
    '//app.fakturaflow.example/',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'https:evil.example',
    'https:///evil.example',
    'https:/\\evil.example',
    '/relative',
    'javascript:alert(1)//https://app.fakturaflow.example',
    'data:text/html,x',
    'https://app.fakturaflow.example\u0000.evil.example',
    'https://app.fakturaflow.example%2eevil.example',
    'https://app。fakturaflow.example.evil.example',
    'https://[::1]/',
    'not an address',
    'blob:https://app.fakturaflow.example/x',
  ])('%j is refused when the link is made', async (address) => {
    const answer = await backend.call('post', '/users/u1/links', { returnUrl: address });
    expect(answer.body).toMatchObject({ status: 422, code: 'return_url_refused' });
  });

  test.each([
    ['https:app.fakturaflow.example/x', 'https://app.fakturaflow.example/x?connection=connected'],
    ['https:\\\\app.fakturaflow.example\\x', 'https://app.fakturaflow.example/x?connection=connected'],
    [
      'https://app.fakturaflow.example/\t//evil.example',
      'https://app.fakturaflow.example///evil.example?connection=connected',
    ],
    ['https://app.fakturaflow.example/?connection=failed#a', 'https://app.fakturaflow.example/?connection=connected#a'],
    [
      'https://app.fakturaflow.example/"><script>',
      'https://app.fakturaflow.example/%22%3E%3Cscript%3E?connection=connected',
    ],
  ])('%j is kept as every browser reads it', async (address, expected) => {
    const browser = openBrowser(testApp.app);
    await browser.connectBy(await makeLink('u1', { returnUrl: address }), 'rikke', '118244');
    const { text } = await browser.get('/leaving');
    expect(text).toContain(`content="0; url=${expected}"`);
  });
});

test('old links are forgotten in time, and stay to be told as late for a while', async () => {
  const url = await makeLink('u1');
  testApp.clock.advance(80 * 86_400);
  await testApp.core.housekeeping.run();
  expect((await open(url)).status).toBe(410);
  testApp.clock.advance(11 * 86_400);
  expect((await testApp.core.housekeeping.run()).deletedLinks).toBe(1);
  expect((await open(url)).status).toBe(404);
});
