import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import session from 'express-session';
import request, { type Response } from 'supertest';
import { createSessionStore } from '../../src/adapters/session-store.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../support/app.ts';
import { type Backend, createBackend } from '../support/backend.ts';
import { type Browser, openBrowser, textOf, tokenOf } from '../support/browser.ts';
import { openTestDatabase } from '../support/databases.ts';
import { answerAuthorization } from '../support/person.ts';

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

/** From Visma Connect's address to what its page would post to the callback. */
async function authorizeAt(url: string, person: string, consent: 'accept' | 'cancel' = 'accept') {
  const answer = await answerAuthorization(url, { person, consent });
  if ('errorPage' in answer) throw new Error(`stranded on ${answer.errorPage}`);
  return answer.fields;
}

const authorize = (left: Response, person: string, consent: 'accept' | 'cancel' = 'accept') =>
  authorizeAt(String(left.headers.location), person, consent);

async function withSession(): Promise<Browser> {
  const browser = openBrowser(testApp.app);
  await browser.start();
  return browser;
}

/** All that the browser would send with the next request. */
function cookiesOf(page: Response, { agent }: Browser): string {
  const known = (agent as unknown as { jar: { getCookies(access: unknown): { toValueString(): string }[] } }).jar;
  const access = { path: '/', domain: '127.0.0.1', secure: false, script: false };
  expect(page.status).toBe(200);
  return known
    .getCookies(access)
    .map((cookie) => cookie.toValueString())
    .join('; ');
}

const statusOf = async (userId: string) => (await backend.call('get', backend.connectionPath(userId))).body.status;
/** Follows whoever is sent to the page that leads back. */
function leave(browser: Browser, sent: Response) {
  expect(sent.headers.location).toMatch(/^\/leaving\/[\w-]{22}(\?outcome=cancelled)?$/);
  return browser.get(String(sent.headers.location));
}

/** Where the button of a page leads that goes back. */
function wayBackOn(page: Response): string {
  return /href="(\/leaving\/[\w-]{22})"/.exec(page.text)?.[1] ?? 'no way back';
}

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
    const leaving = await leave(browser, chosen);
    const back = `${returnUrl}&connection=connected`.replaceAll('&', '&amp;');
    expect(leaving.text).toContain(`<meta http-equiv="refresh" content="0; url=${back}">`);
    expect(leaving.text).toContain(`href="${back}"`);
    expect(leaving.headers['cache-control']).toBe('no-store');
    expect(await statusOf('u1')).toBe('connected');
  });

  test('without a return address ends on the connection', async () => {
    const browser = openBrowser(testApp.app);
    const chosen = await browser.connectBy(await makeLink('u1'), 'rikke', '118244');
    expect(chosen.headers.location).toBe('/connection');
    for (const path of ['/leaving/none', `/leaving/${'a'.repeat(22)}`]) {
      expect((await browser.get(path)).headers.location).toBe('/connection');
    }
  });

  test('leads back as cancelled whoever says no, and nothing is connected', async () => {
    const browser = openBrowser(testApp.app);
    const back = await browser.signInBy(await makeLink('u1', { returnUrl }), 'rikke', 'cancel');
    expect((await leave(browser, back)).text).toContain('connection=cancelled');
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
    expect((await browser.get(wayBackOn(page))).text).toContain('connection=failed');
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
    expect((await browser.get(wayBackOn(page))).text).toContain('connection=connected');
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
    expect((await leave(browser, back)).text).toContain('connection=connected');
    expect(await statusOf('u1')).toBe('connected');
  });

  test('is not used up by whoever only looks at it', async () => {
    const url = await makeLink('u1');
    for (let looks = 0; looks < 5; looks += 1) expect((await open(url)).status).toBe(200);
    expect((await openBrowser(testApp.app).follow(url)).status).toBe(303);
  });

  test('makes no session for whoever only looks at it', async () => {
    const sessions = new session.MemoryStore();
    testApp = createTestApp(sandbox, { sessionStore: () => sessions });
    backend = await createBackend(testApp);
    const page = await open(await makeLink('u1'));
    expect(page.status).toBe(200);
    expect(page.headers['set-cookie']).not.toEqual(expect.arrayContaining([expect.stringContaining('session')]));
    expect(await new Promise((told) => sessions.length?.((_error, length) => told(length)))).toBe(0);
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

  test('is not followed where the session’s cookie could not be set: https, seen as http', async () => {
    testApp = createTestApp(sandbox, { https: true });
    backend = await createBackend(testApp);
    const browser = openBrowser(testApp.app);
    const path = new URL(await makeLink('u1')).pathname;
    const cookies = (await browser.get(path)).headers['set-cookie'] as unknown as string[];
    expect(cookies.every((cookie) => cookie.startsWith('__Host-') && cookie.includes('; Secure'))).toBe(true);
    const page = await browser.get(path);
    const cookie = cookies.map((line) => line.split(';')[0]).join('; ');
    const own = openBrowser(testApp.app, { cookie });
    const pressed = await own.post(path, { _csrf: tokenOf(await own.get(path)) });
    expect([page.status, pressed.status]).toEqual([200, 500]);
    expect(testApp.logText()).toContain('TRUST_PROXY');
  });

  test('that failed is in no log either', async () => {
    const url = await makeLink('u1');
    testApp.clock.advance(3_600);
    await open(url);
    await open(`${url}x`);
    expect(testApp.logText()).not.toContain(url.split('.').at(-1));
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
    const other = 'https://app.fakturaflow.example/other';
    const first = await authorize(await browser.follow(await makeLink('u1', { returnUrl })), 'rikke');
    const second = await authorize(await browser.follow(await makeLink('u2', { returnUrl: other })), 'mads');
    await browser.get(await browser.comeBack(first));
    const chosen = await browser.submit(await browser.get('/organizations'), '/organizations', {
      organizationId: '118244',
    });
    expect((await leave(browser, chosen)).text).toContain('tab=dinero&amp;connection=connected');
    await browser.get(await browser.comeBack(second));
    const later = await browser.submit(await browser.get('/organizations'), '/organizations', {
      organizationId: '201001',
    });
    expect((await leave(browser, later)).text).toContain('/other?connection=connected');
    expect([await statusOf('u1'), await statusOf('u2')]).toEqual(['connected', 'connected']);
  });

  test('whose own attempt ends after a link was opened goes nowhere for that link', async () => {
    const browser = openBrowser(testApp.app);
    const own = await authorizeAt(await browser.start(), 'rikke');
    await browser.follow(await makeLink('u2', { returnUrl }));
    await browser.get(await browser.comeBack(own));
    const chosen = await browser.submit(await browser.get('/organizations'), '/organizations', {
      organizationId: '118244',
    });
    expect(chosen.headers.location).toBe('/connection');
    expect((await backend.call('get', backend.connectionPath('u2'))).status).toBe(404);
  });

  test('that says no for one user goes back for that one, and later for the other', async () => {
    const browser = openBrowser(testApp.app);
    const no = await authorize(await browser.follow(await makeLink('u1', { returnUrl })), 'rikke', 'cancel');
    const yes = await authorize(await browser.follow(await makeLink('u2', { returnUrl: `${returnUrl}2` })), 'mads');
    const cancelled = await leave(browser, await browser.get(await browser.comeBack(no)));
    expect(cancelled.text).toContain('tab=dinero&amp;connection=cancelled');
    await browser.get(await browser.comeBack(yes));
    const chosen = await browser.submit(await browser.get('/organizations'), '/organizations', {
      organizationId: '201001',
    });
    expect((await leave(browser, chosen)).text).toContain('tab=dinero2&amp;connection=connected');
  });

  test('is sent back once for each link; a later change of company stays here, with a way back', async () => {
    const browser = openBrowser(testApp.app);
    await leave(browser, await browser.connectBy(await makeLink('u1', { returnUrl }), 'mads', '201001'));
    const changed = await browser.submit(await browser.get('/organizations'), '/organizations', {
      organizationId: '201002',
    });
    expect(changed.headers.location).toBe('/connection');
    expect(wayBackOn(await browser.get('/connection'))).toMatch(/^\/leaving\//);
  });

  test('goes back after the question of a reconnect, whichever way it was answered', async () => {
    for (const [decision, user] of [
      ['replace', 'u1'],
      ['keep', 'u2'],
    ] as const) {
      await openBrowser(testApp.app).connectBy(await makeLink(user), 'rikke', '118244');
      await sandbox.revokeAuthorizations('rikke');
      testApp.clock.advance(3_700);
      await backend.call('post', `${backend.connectionPath(user)}/token`);
      const browser = openBrowser(testApp.app);
      const asked = await browser.signInBy(await makeLink(user, { returnUrl }), 'mads');
      const path = String(asked.headers.location);
      expect(path).toMatch(/^\/reconnect\//);
      const answered = await browser.submit(await browser.get(path), path, { decision });
      if (decision === 'keep') expect((await leave(browser, answered)).text).toContain('connection=failed');
      else expect(answered.headers.location).toBe('/organizations');
    }
  });

  test('presses the button twice, with a session and without one, and goes on all the same', async () => {
    for (const browser of [openBrowser(testApp.app), await withSession()]) {
      const url = new URL(await makeLink('u1', { returnUrl }));
      const page = await browser.get(url.pathname);
      const fields = { _csrf: tokenOf(page) };
      const cookies = cookiesOf(page, browser);
      const [first, second] = await Promise.all(
        [1, 2].map(() => request(testApp.app).post(url.pathname).set('cookie', cookies).type('form').send(fields)),
      );
      expect([first?.status, second?.status]).toEqual([303, 303]);
      const third = await request(testApp.app).post(url.pathname).set('cookie', cookies).type('form').send(fields);
      expect(third.status).toBe(303);
    }
  });

  test('presses again when its session could not be stored', async () => {
    const browser = openBrowser(testApp.app);
    const path = new URL(await makeLink('u1')).pathname;
    const page = await browser.get(path);
    testApp.failSessions(true);
    expect((await browser.submit(page, path)).status).toBe(503);
    testApp.failSessions(false);
    expect((await browser.submit(page, path)).status).toBe(303);
  });

  test('does nothing for one user by the page of another', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connectBy(await makeLink('u1'), 'mads', '201001');
    const [picker, disconnect, connection] = [
      await browser.get('/organizations'),
      await browser.get('/disconnect'),
      await browser.get('/connection'),
    ];
    await browser.connectBy(await makeLink('u2'), 'mads', '201002');
    const stale = await browser.submit(picker, '/organizations', { organizationId: '201003' });
    expect(stale.status).toBe(403);
    expect((await browser.submit(disconnect, '/disconnect')).status).toBe(403);
    expect((await browser.submit(connection, '/connect')).status).toBe(403);
    const { body } = await backend.call('get', backend.connectionPath('u2'));
    expect(body).toMatchObject({ status: 'connected', organization: { id: '201002' } });
    expect((await browser.submit(stale, '/organizations', { organizationId: '201003' })).status).toBe(303);
  });

  test('goes on for its user when it reconnects later by itself', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connectBy(await makeLink('u1', { returnUrl }), 'rikke', '118244');
    const back = await browser.signIn('rikke');
    expect(back.headers.location).toBe('/connection');
    expect((await backend.call('get', backend.connectionPath('u1'))).body.generation).toBe(2);
  });

  test('gets a new session at once, also where there is nothing to do but to look', async () => {
    await openBrowser(testApp.app).connectBy(await makeLink('u1'), 'rikke', '118244');
    const browser = openBrowser(testApp.app);
    await browser.connect('mads', '201001');
    const before = cookiesOf(await browser.get('/connection'), browser);
    await browser.follow(await makeLink('u1'));
    const old = openBrowser(testApp.app, { cookie: before });
    expect((await old.get('/connection')).headers.location).toBe('/');
    expect(textOf(await browser.get('/connection'))).toContain('RN');
  });

  test('stays with its user under OpenID Connect, though the person is known as another one', async () => {
    testApp = createTestApp(sandbox, {
      scopes: ['openid', 'dineropublicapi:read', 'dineropublicapi:write', 'offline_access'],
    });
    backend = await createBackend(testApp);
    await openBrowser(testApp.app).connect('rikke', '118244');
    await openBrowser(testApp.app).connectBy(await makeLink('u1'), 'rikke', '118244');
    expect(await statusOf('u1')).toBe('connected');
    const browser = openBrowser(testApp.app);
    await browser.connectBy(await makeLink('u2'), 'rikke', '118244');
    expect(await statusOf('u2')).toBe('connected');
    // And later, when the person reconnects without a link.
    await browser.signIn('rikke');
    const { body } = await backend.call('get', backend.connectionPath('u2'));
    expect([body.status, body.generation, body.missingScope]).toEqual(['connected', 2, []]);
  });
});

test('a slow answer that leads back does not end the session that another tab has renewed', async () => {
  const sql = await openTestDatabase();
  try {
    testApp = createTestApp(sandbox, { sessionStore: (clock) => createSessionStore(sql.database, clock) });
    backend = await createBackend(testApp);
    const browser = openBrowser(testApp.app);
    await browser.signInBy(await makeLink('u1', { returnUrl }), 'rikke');
    const picker = await browser.get('/organizations');
    const path = new URL(await makeLink('u1', { returnUrl })).pathname;
    const page = await browser.get(path);
    sandbox.faults.set('organizations', { kind: 'slow', ms: 400 }, 1);
    const asked = sandbox.count('GET', '/v1/organizations');
    const slow = browser.submit(picker, '/organizations', { organizationId: '118244' });
    for (let tries = 0; tries < 200 && sandbox.count('GET', '/v1/organizations') === asked; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect((await browser.submit(page, path)).status).toBe(303);
    expect((await leave(browser, await slow)).text).toContain('connection=connected');
    expect((await browser.get('/connection')).status).toBe(200);
  } finally {
    await sql.remove();
  }
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
    [
      'https://app.fakturaflow.example/?flag&q=a%20b&sig=a~b!',
      'https://app.fakturaflow.example/?flag&q=a%20b&sig=a~b!&connection=connected',
    ],
    ['https://app.fakturaflow.example/?connection=failed#a', 'https://app.fakturaflow.example/?connection=connected#a'],
    [
      'https://app.fakturaflow.example/"><script>',
      'https://app.fakturaflow.example/%22%3E%3Cscript%3E?connection=connected',
    ],
  ])('%j is kept as every browser reads it', async (address, expected) => {
    const browser = openBrowser(testApp.app);
    const chosen = await browser.connectBy(await makeLink('u1', { returnUrl: address }), 'rikke', '118244');
    const { text } = await leave(browser, chosen);
    expect(text).toContain(`content="0; url=${expected.replaceAll('&', '&amp;')}"`);
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
