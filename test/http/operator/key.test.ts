import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import session from 'express-session';
import request from 'supertest';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../../support/app.ts';
import { type Browser, openBrowser, textOf, tokenOf } from '../../support/browser.ts';
import { acts, addUser, cookieOf, giveKey, makeKey, openOperator, signIn } from './support.ts';

let sandbox: Sandbox;
let testApp: TestApp;
let browser: Browser;
let userPage: string;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  ({ testApp, browser } = openOperator(sandbox));
  userPage = `/operator/users/${await addUser(testApp, 'rikke@rn.example', 'Rikkes Numre')}`;
});

const question = "The operator's page needs a key";
/** `:user` stands for the id of a connection. */
const routes: [method: 'get' | 'post', path: string][] = [
  ['get', '/operator'],
  ['get', '/operator?days=90'],
  ['get', '/operator/search?q=rikke'],
  ['get', '/operator/users/:user'],
  ['post', '/operator/users/:user/link'],
  ['post', '/operator/sign-out'],
  ['get', '/operator/nothing'],
];

/** Somebody whom a key of that kind has not let in, or not any more. */
const strangers: Record<string, () => Promise<unknown>> = {
  'without a session': async () => {},
  'with the session of a person': () => browser.connect('rikke', '118244'),
  'with a key of another scope': async () => {
    await giveKey(browser, (await makeKey(testApp, ['links', 'connections', 'tokens', 'setup'])).text);
  },
  'with a key that was revoked since': async () => {
    await testApp.core.apiKeys.revoke(await signIn(testApp, browser));
    testApp.clock.advance(1);
  },
  'with a key that has ended since': async () => {
    const end = new Date(testApp.clock.now().getTime() + 60_000);
    await giveKey(browser, (await makeKey(testApp, ['operator'], end)).text);
    testApp.clock.advance(60);
  },
  'after half an hour’s pause': async () => {
    await signIn(testApp, browser);
    testApp.clock.advance(30 * 60);
  },
};

describe.each(Object.keys(strangers))('%s', (stranger) => {
  test.each(routes)('%s %s is answered with the question for a key, and nothing is done', async (method, route) => {
    await strangers[stranger]?.();
    const path = route.replace('/operator/users/:user', userPage);
    const _csrf = tokenOf(await openPersonsPage());
    const page = method === 'get' ? await browser.get(path) : await browser.post(path, { _csrf });
    expect(page.status).toBe(403);
    expect(textOf(page)).toContain(question);
    expect(page.text).not.toMatch(/rikke@|Rikkes|\/link\//);
    expect(acts(testApp).filter(({ act }) => act !== 'sign_in' && act !== 'sign_in_refused')).toEqual([]);
  });
});

/** A page whose form token belongs to this browser, without asking for one of the operator's. */
async function openPersonsPage() {
  const home = await browser.get('/');
  return home.text.includes('_csrf') ? home : browser.get('/connection');
}

test('the page is not there unless it is turned on', async () => {
  const off = openBrowser(createTestApp(sandbox).app);
  for (const path of ['/operator', '/operator/search', userPage]) expect((await off.get(path)).status).toBe(404);
});

test('a key in the header opens nothing, and a key for the page opens nothing of the API', async () => {
  const { text } = await makeKey(testApp);
  const authorization = `Bearer ${text}`;
  expect((await request(testApp.app).get('/operator').set({ authorization })).status).toBe(403);
  expect((await request(testApp.app).get('/api/v1/connections').set({ authorization })).status).toBe(403);
});

describe('a key', () => {
  test('opens every page, for this browser alone, and is kept nowhere', async () => {
    const { text } = await makeKey(testApp);
    const answer = await giveKey(browser, ` ${text} `);
    expect([answer.status, answer.headers.location]).toEqual([303, '/operator']);
    for (const path of ['/operator', '/operator/search', userPage]) expect((await browser.get(path)).status).toBe(200);
    expect((await browser.get('/operator/nothing')).status).toBe(404);
    expect((await openBrowser(testApp.app).get('/operator')).status).toBe(403);
    expect(testApp.logText()).not.toContain(text);
    expect((await browser.get('/operator')).text).not.toContain(text);
  });

  test('begins a session of its own, which no page makes and nobody can plant', async () => {
    expect(cookieOf(await browser.get('/operator'))).toBeNull();
    const planted = openBrowser(testApp.app, { cookie: 'dinero-connect-operator=s%3Aplanted.x' });
    expect((await planted.get('/operator')).status).toBe(403);
    const answer = await giveKey(browser, (await makeKey(testApp)).text);
    expect(String(answer.headers['set-cookie'])).toMatch(
      /dinero-connect-operator=[^;]+; Path=\/; HttpOnly; SameSite=Strict/,
    );
    expect(cookieOf(answer)).not.toContain('planted');
  });

  test('gets a new id with every sign-in, and the former one is dead', async () => {
    const first = cookieOf(await giveKey(browser, (await makeKey(testApp)).text));
    const page = await browser.get('/operator');
    const second = cookieOf(await browser.submit(page, '/operator/sign-in', { key: (await makeKey(testApp)).text }));
    const statuses = await Promise.all(
      [first, second].map((id) => request(testApp.app).get('/operator').set('cookie', `dinero-connect-operator=${id}`)),
    );
    expect(statuses.map(({ status }) => status)).toEqual([403, 200]);
  });

  test('makes nobody of whom the people’s pages know, and a person’s session is not the operator’s', async () => {
    await signIn(testApp, browser);
    expect((await browser.get('/connection')).headers.location).toBe('/');
    const left = await browser.get('/');
    await browser.submit(left, '/connect');
    expect((await browser.get('/operator')).status).toBe(200);
  });

  test('is a Secure __Host- cookie on https, and not without the proxy’s word for it', async () => {
    const { testApp: secure } = openOperator(sandbox, { https: true, trustProxy: 1 });
    const { text: key } = await makeKey(secure);
    // As a browser does on https; the agent keeps Secure cookies to itself.
    async function give(proto: string) {
      const page = await request(secure.app).get('/operator').set('x-forwarded-proto', 'https');
      const cookie = String(page.headers['set-cookie']).split(';')[0] ?? '';
      const form = request(secure.app).post('/operator/sign-in').set({ 'x-forwarded-proto': proto, cookie });
      return form.type('form').send({ _csrf: tokenOf(page), key });
    }
    expect(String((await give('https')).headers['set-cookie'])).toMatch(
      /__Host-operator=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Strict/,
    );
    const lost = await give('http');
    expect([lost.status, secure.logs().find(({ errorCode }) => errorCode)?.errorCode]).toEqual([500, 'misconfigured']);
  });

  test.each<[string, (app: TestApp) => Promise<string>]>([
    ['of other scopes', async (app) => (await makeKey(app, ['links', 'setup'])).text],
    ['that has expired', async (app) => (await makeKey(app, ['operator'], app.clock.now())).text],
    [
      'that was revoked',
      async (app) => {
        const { key, text } = await makeKey(app);
        await app.core.apiKeys.revoke(key.id);
        return text;
      },
    ],
    ['with another secret', async (app) => `${(await makeKey(app)).text.slice(0, -4)}AAAA`],
    ['of another form', async () => 'nonsense'],
    ['that is empty', async () => ''],
  ])('%s is refused, on the same page, and that is in the log', async (_what, make) => {
    const page = await giveKey(browser, await make(testApp));
    expect(page.status).toBe(403);
    expect(textOf(page)).toContain('This key does not work here');
    expect(cookieOf(page)).toBeNull();
    expect(acts(testApp)).toMatchObject([{ act: 'sign_in_refused', level: 40 }]);
  });

  test('that is tried wrongly ten times in a minute has to wait; right ones do not count', async () => {
    for (let count = 0; count < 12; count += 1) await signIn(testApp, openBrowser(testApp.app));
    for (let count = 0; count < 10; count += 1) expect((await giveKey(browser, 'wrong')).status).toBe(403);
    const page = await giveKey(browser, (await makeKey(testApp)).text);
    expect([page.status, page.headers['retry-after']]).toEqual([429, '60']);
    expect(page.text).toContain('href="/operator"');
  });

  test('counts for eight hours in use', async () => {
    await signIn(testApp, browser);
    for (let quarters = 1; quarters < 32; quarters += 1) {
      testApp.clock.advance(15 * 60);
      expect((await browser.get('/operator/search')).status).toBe(200);
    }
    testApp.clock.advance(15 * 60);
    const page = await browser.get('/operator/search');
    expect(page.status).toBe(403);
    expect(textOf(page)).toContain('You are signed out');
    expect(textOf(await browser.get('/operator'))).not.toContain('You are signed out');
  });
});

describe('signing out', () => {
  test('ends the session, also for whoever has copied its cookie', async () => {
    const { text } = await makeKey(testApp);
    const cookie = `dinero-connect-operator=${cookieOf(await giveKey(browser, text))}`;
    expect((await request(testApp.app).get('/operator').set({ cookie })).status).toBe(200);
    const answer = await browser.submit(await browser.get('/operator'), '/operator/sign-out');
    expect([answer.status, answer.headers.location]).toEqual([303, '/operator']);
    expect(String(answer.headers['set-cookie'])).toContain('dinero-connect-operator=;');
    for (const page of [await browser.get('/operator'), await request(testApp.app).get('/operator').set({ cookie })])
      expect(page.status).toBe(403);
  });
});

describe('a form without its token', () => {
  test.each(['/operator/sign-out', 'link'])('to %s does nothing', async (form) => {
    await signIn(testApp, browser);
    const path = form === 'link' ? `${userPage}/link` : form;
    for (const fields of [{}, { _csrf: 'x' }]) {
      const page = await browser.post(path, fields as Record<string, string>);
      expect(page.status).toBe(403);
      expect(page.text).not.toContain('/link/');
      if (form === 'link') expect(textOf(page)).toMatch(/too old.*rikke@rn.example/);
    }
    expect((await browser.get('/operator')).status).toBe(200);
    expect(acts(testApp).some(({ act }) => act === 'sign_out' || act === 'make_link')).toBe(false);
  });

  test('to /operator/sign-in opens nothing, and asks again', async () => {
    const page = await browser.post('/operator/sign-in', { key: (await makeKey(testApp)).text });
    expect(page.status).toBe(403);
    expect(textOf(page)).toContain('The page had become too old');
    expect(cookieOf(page)).toBeNull();
  });
});

test('whoever follows a link from another site is offered to go on', async () => {
  const page = await openBrowser(testApp.app, { 'sec-fetch-site': 'cross-site' }).get(userPage);
  expect(page.text).toContain(`<a class="link" href="${userPage}">`);
  expect((await browser.get(userPage)).text).not.toContain('class="link"');
});

test('a session whose store fails signs nobody in', async () => {
  class BrokenStore extends session.MemoryStore {
    override set(_id: string, _data: session.SessionData, done?: (error?: unknown) => void): void {
      done?.(new Error('database: broken'));
    }
  }
  const broken = openOperator(sandbox, { operator: new BrokenStore() });
  const { text } = await makeKey(broken.testApp);
  expect((await giveKey(broken.browser, text)).status).toBe(500);
  expect(acts(broken.testApp)).toEqual([]);
});
