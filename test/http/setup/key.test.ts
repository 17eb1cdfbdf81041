import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import request, { type Response } from 'supertest';
import type { ApiScope } from '../../../src/core/integrator-types.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../../support/app.ts';
import { type Browser, openBrowser, textOf, tokenOf } from '../../support/browser.ts';

let sandbox: Sandbox;
let testApp: TestApp;
let browser: Browser;
let examinations: number;

const doctor = {
  async examine() {
    examinations += 1;
    return [];
  },
};
const pages = [
  '/setup',
  '/setup/attempts',
  '/setup/debugger',
  '/setup/button',
  '/setup/postman.json',
  '/setup/nothing',
];

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => {
  examinations = 0;
  testApp = createTestApp(sandbox, { setup: 'key', doctor });
  browser = openBrowser(testApp.app, { 'accept-language': 'en' });
});

function makeKey(scopes: ApiScope[] = ['setup'], expiresAt: Date | null = null) {
  return testApp.core.apiKeys.create({ name: 'setup', scopes, expiresAt });
}

async function giveKey(key: string): Promise<Response> {
  return browser.submit(await browser.get('/setup'), '/setup/key', { key });
}

const sessionOf = (response: Response) =>
  /session=([^;]+)/.exec(String(response.headers['set-cookie'] ?? ''))?.[1] ?? null;

describe('without a key', () => {
  test.each(pages)('%s asks for one, and shows and examines nothing', async (path) => {
    const page = await browser.get(path);
    expect(page.status).toBe(403);
    expect(page.text).toContain('<h1>The setup assistant needs a key</h1>');
    expect(page.text).not.toMatch(/isv_test|oauth\/callback/);
    expect(sessionOf(page)).toBeNull();
    expect(examinations).toBe(0);
  });

  test.each(['/setup/examination', '/setup/debugger'])('a form to %s is not taken, token or not', async (path) => {
    const token = tokenOf(await browser.get('/setup'));
    for (const _csrf of [token, 'x']) {
      const page = await browser.post(path, { _csrf, text: 'invalid_grant' });
      expect(page.status).toBe(403);
      expect(page.text).toContain('The setup assistant needs a key');
    }
    expect(examinations).toBe(0);
  });

  test('a key in the header opens nothing: it is a page for people', async () => {
    const { text } = await makeKey();
    const page = await request(testApp.app).get('/setup').set('authorization', `Bearer ${text}`);
    expect(page.status).toBe(403);
  });
});

describe('where it is open', () => {
  const open = () => createTestApp(sandbox, { setup: 'open', doctor }).app;

  test.each(['localhost:3000', 'LOCALHOST', '127.0.0.1:3000', '[::1]:3000'])('%s needs no key', async (host) => {
    expect((await request(open()).get('/setup').set('host', host)).status).toBe(200);
  });

  test.each([
    ['the local network', { host: '192.0.2.7:3000' }],
    ['a tunnel', { host: 'abc.tunnel.example' }],
    ['a tunnel that changes the host', { host: 'localhost:3000', 'x-forwarded-host': 'abc.tunnel.example' }],
    ['a name that was made to lead here', { host: 'localhost.attacker.example:3000' }],
    ['an empty name', { host: '' }],
  ])('%s does', async (_what, headers) => {
    const page = await request(open())
      .get('/setup')
      .set({ ...headers, 'accept-language': 'en' });
    expect(page.status).toBe(403);
    expect(page.text).toContain('The setup assistant needs a key');
    expect(examinations).toBe(0);
  });
});

describe('a key', () => {
  test('for setup opens every page, for this browser alone', async () => {
    const { text, key } = await makeKey();
    const answer = await giveKey(` ${text} `);
    expect([answer.status, answer.headers.location]).toEqual([303, '/setup']);
    for (const path of pages.slice(0, -1)) expect((await browser.get(path)).status).toBe(200);
    expect((await browser.get('/setup/nothing')).status).toBe(404);
    expect((await openBrowser(testApp.app).get('/setup')).status).toBe(403);
    expect(testApp.logs().some((line) => line.path === '/setup' && line.apiKeyId === key.id)).toBe(true);
    expect(testApp.logText()).not.toContain(text);
    expect((await browser.get('/setup')).text).not.toContain(text);
  });

  test.each<[string, () => Promise<string>]>([
    ['of other scopes', async () => (await makeKey(['links', 'connections', 'tokens'])).text],
    ['that has expired', async () => (await makeKey(['setup'], testApp.clock.now())).text],
    [
      'that was revoked',
      async () => {
        const { key, text } = await makeKey();
        await testApp.core.apiKeys.revoke(key.id);
        return text;
      },
    ],
    ['with another secret', async () => `${(await makeKey()).text.slice(0, -4)}AAAA`],
    ['of another form', async () => 'nonsense'],
    ['that is empty', async () => ''],
  ])('%s is refused, on the same page', async (_what, make) => {
    const page = await giveKey(await make());
    expect(page.status).toBe(403);
    expect(textOf(page)).toContain('This key does not work here');
    expect((await browser.get('/setup')).status).toBe(403);
  });

  test('counts for an hour', async () => {
    await giveKey((await makeKey()).text);
    testApp.clock.advance(3_599);
    expect((await browser.get('/setup')).status).toBe(200);
    testApp.clock.advance(1);
    expect((await browser.get('/setup')).status).toBe(403);
  });

  test('that is revoked closes what it opened', async () => {
    const { key, text } = await makeKey();
    await giveKey(text);
    await testApp.core.apiKeys.revoke(key.id);
    testApp.clock.advance(2);
    expect((await browser.get('/setup')).status).toBe(403);
  });

  test('stays with the browser when somebody connects, and the person with the key', async () => {
    await browser.connect('rikke', '118244');
    await giveKey((await makeKey()).text);
    expect((await browser.get('/connection')).status).toBe(200);
    const left = await browser.submit(await browser.get('/connection'), '/connect');
    expect(left.status).toBe(303);
    await browser.signIn('rikke');
    expect((await browser.get('/setup')).status).toBe(200);
  });

  test('gives the session a new id, and the old one does not open', async () => {
    const before = sessionOf(await browser.submit(await browser.get('/'), '/connect'));
    const answer = await giveKey((await makeKey()).text);
    const after = sessionOf(answer);
    expect(before).not.toBeNull();
    expect(after).not.toBeNull();
    expect(after).not.toBe(before);
    const planted = await request(testApp.app).get('/setup').set('cookie', `dinero-connect-session=${before}`);
    expect(planted.status).toBe(403);
  });

  test('is not taken without the form’s token', async () => {
    const { text } = await makeKey();
    await browser.get('/setup');
    const page = await browser.post('/setup/key', { _csrf: 'x', key: text });
    expect(page.status).toBe(403);
    expect(page.text).not.toContain(text);
    expect((await browser.get('/setup')).status).toBe(403);
  });

  test('is not taken where its cookie would be lost: https configured, http arriving', async () => {
    testApp = createTestApp(sandbox, { setup: 'key', https: true });
    browser = openBrowser(testApp.app);
    const home = await browser.get('/setup');
    const cookies = ([] as string[]).concat(home.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]);
    const { text } = await makeKey();
    const page = await browser
      .post('/setup/key', { _csrf: tokenOf(home), key: text })
      .set('cookie', cookies.join('; '));
    expect(page.status).toBe(500);
    expect(testApp.logText()).toContain('TRUST_PROXY');
  });
});
