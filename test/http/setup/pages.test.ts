import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import type { Doctor, Finding } from '../../../src/core/findings.ts';
import { describeAge } from '../../../src/http/setup/ages.ts';
import { buttonSnippets } from '../../../src/http/setup/button-snippets.ts';
import { createExaminations } from '../../../src/http/setup/examinations.ts';
import { listSteps } from '../../../src/http/setup/steps.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp, type TestAppOptions, testClient } from '../../support/app.ts';
import { openBrowser, textOf, tokenOf } from '../../support/browser.ts';
import { createFixedClock } from '../../support/clock.ts';

const redirectUri = 'http://localhost:3000/oauth/callback';
const english = { 'accept-language': 'en' };
const pages = ['/setup', '/setup/attempts', '/setup/debugger', '/setup/button', '/setup/postman.json'];

let sandbox: Sandbox;
let testApp: TestApp;
let findings: Finding[];
let examinations: number;
/** Whoever examines waits for it. */
let ready: Promise<void>;

const doctor: Doctor = {
  async examine() {
    examinations += 1;
    await ready;
    return findings;
  },
};

function open(options: TestAppOptions = {}) {
  testApp = createTestApp(sandbox, { setup: 'open', doctor, ...options });
  return openBrowser(testApp.app, english);
}

/** What stands between a step's heading and the next one's. */
/** Which mark stands before the sum of it. */
function markOf(page: request.Response, sum: string): string | undefined {
  return new RegExp(`class="mark mark-(\\w+)">(?:(?!</li>)[^])*<span>${sum}</span>`).exec(page.text)?.[1];
}

function stepOf(page: request.Response, key: string): string {
  const start = page.text.indexOf(`id="step-${key}"`);
  const end = page.text.indexOf('class="setup-step"', start + 1);
  expect({ key, start: start > 0 }).toEqual({ key, start: true });
  return page.text.slice(start, end > 0 ? end : undefined);
}

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => {
  sandbox.reset();
  examinations = 0;
  ready = Promise.resolve();
  findings = [
    { check: 'client_id', mark: 'done', code: 'client_id_done', values: { clientId: 'isv_test' } },
    { check: 'redirect_uri', mark: 'done', code: 'redirect_uri_done', values: { redirectUri } },
    {
      check: 'registration',
      mark: 'wrong',
      code: 'registration_redirect_uri',
      values: { redirectUri, errorId: '<b>e1</b>' },
    },
    { check: 'credentials', mark: 'wrong', code: 'credentials_wrong', values: { clientId: 'isv_test' } },
    { check: 'proxy', mark: 'unknown', code: 'proxy_unseen', values: { baseUrl: 'http://localhost:3000' } },
  ];
});

describe('where it is not wanted', () => {
  test.each([...pages, '/setup/examination', '/setup/key', '/setup/nothing'])(
    '%s is answered like an unknown page',
    async (path) => {
      const { app } = createTestApp(sandbox, { doctor });
      const unknown = await request(app).get('/nowhere');
      const page = await request(app).get(path);
      expect(page.status).toBe(404);
      const strip = (html: string) => html.replace(/[0-9A-F]{10}|value="[^"]*"/g, '');
      expect(strip(page.text)).toBe(strip(unknown.text));
      expect((await request(app).post(path).type('form').send('text=x')).status).toBe(403);
      expect(examinations).toBe(0);
    },
  );
});

describe('the steps', () => {
  test('come in the portal’s order, each with a heading in both languages', async () => {
    const browser = open();
    const page = await browser.get('/setup');
    const keys = [...page.text.matchAll(/id="step-(\w+)"/g)].map(([, key]) => key);
    expect(keys).toEqual([
      ...['account', 'country', 'application', 'client_id', 'grant', 'offline', 'openid', 'redirect_uri', 'secret'],
      ...['integration', 'approval', 'start', 'connect', 'production'],
    ]);
    for (const words of ['Set the team’s country', 'Web application', 'never for Internal', 'up to a working day'])
      expect(textOf(page)).toContain(words);
    expect(textOf(await browser.get('/setup?lang=da'))).toContain('Sæt teamets land');
  });

  test('say what to enter, to the letter, as this app is configured', async () => {
    const page = await open().get('/setup');
    const copied = (key: string) =>
      [...stepOf(page, key).matchAll(/<code class="copy">([^<]*)<\/code>/g)].map(([, text]) => text);
    expect(copied('country')).toEqual(['Denmark']);
    expect(copied('client_id')).toEqual(['Fakturaflow', testClient.clientId]);
    expect(copied('offline')).toEqual(['On', 'Re-use', '180 days']);
    expect(copied('openid')).toEqual(['Off']);
    expect(copied('redirect_uri')).toEqual([redirectUri]);
    expect(copied('integration')).toEqual(['Dinero', 'Read', 'Write']);
    expect(copied('start')).toEqual([
      [
        'VISMA_CLIENT_ID=isv_test',
        'VISMA_CLIENT_SECRET=',
        `VISMA_ISSUER=${sandbox.origin}`,
        `DINERO_API_URL=${sandbox.origin}`,
        'BASE_URL=http://localhost:3000',
        'VISMA_SCOPES=dineropublicapi:read dineropublicapi:write offline_access',
        'REFRESH_TOKEN_USE=re-use',
        'REFRESH_TOKEN_LIFETIME=180d',
      ].join('\n'),
    ]);
    expect(stepOf(page, 'integration')).toContain('<code class="never">Internal</code>');
    expect(textOf(page)).toContain('Choose Re-use with 180 days: that is what Dinero’s newer guide recommends.');
  });

  test('follow another configuration', async () => {
    const page = await open({
      scopes: ['openid', 'dineropublicapi:read', 'offline_access'],
      refreshTokenPolicy: { use: 'one-time', lifetimeSeconds: 30 * 86_400, graceSeconds: 60 },
    }).get('/setup');
    for (const value of ['One-time', '30 days if not used', '60 seconds'])
      expect(stepOf(page, 'offline')).toContain(`<code class="copy">${value}</code>`);
    expect(stepOf(page, 'offline')).toContain('The newer one recommends Re-use with 180 days');
    expect(stepOf(page, 'openid')).toContain('<code class="copy">On</code>');
    expect(stepOf(page, 'integration')).not.toContain('Write</code>');
    expect(stepOf(page, 'start')).toContain('REFRESH_TOKEN_GRACE=60s');
  });

  test('lead to the sandbox’s portal while the sandbox runs, and nowhere else without it', async () => {
    const link = `href="${sandbox.origin}/portal"`;
    const page = await open({ builtIn: true }).get('/setup');
    expect(page.text).toContain(link);
    expect(stepOf(page, 'start')).toContain('<code class="copy">SANDBOX=true</code>');
    expect(stepOf(page, 'start')).not.toContain('VISMA_ISSUER');
    expect((await open().get('/setup')).text).not.toContain(link);
  });

  test.each([
    ['Kornblomst', 'isv_kornblomst'],
    ['Æblegård & Søn', 'isv_aeblegaardsoen'],
    ['Café Crème', 'isv_cafecreme'],
    ['Dinero Connect', 'isv_yourcompany'],
    ['日本', 'isv_yourcompany'],
  ])('suggest a client id for %s while the app runs on the sandbox’s own application', (name, clientId) => {
    const steps = listSteps(
      {
        baseUrl: 'http://localhost:3000',
        redirectUri,
        https: false,
        dineroApiUrl: sandbox.origin,
        refreshTokenPolicy: { use: 're-use', lifetimeSeconds: 180 * 86_400, graceSeconds: 0 },
        brand: { name },
        provider: { issuer: sandbox.origin, clientId: 'isv_sandbox', scopes: ['offline_access'] },
        sandbox: {},
      },
      null,
      false,
    );
    const entries = steps.find(({ key }) => key === 'client_id')?.entries;
    expect(entries?.map(({ value }) => value)).toEqual([name, clientId]);
  });

  test('the first connection is made when somebody has come all the way back', async () => {
    const browser = open();
    expect(stepOf(await browser.get('/setup'), 'connect')).toContain('Cannot be known from here');
    await browser.signIn('rikke', { consent: 'cancel' });
    expect(stepOf(await browser.get('/setup'), 'connect')).toContain('Cannot be known from here');
    await browser.signIn('rikke');
    expect(stepOf(await browser.get('/setup'), 'connect')).toContain('mark-done');
  });
});

describe('the marks', () => {
  test('are the doctor’s, with its sentence, and its remedy where something has to be done', async () => {
    const page = await open().get('/setup');
    expect(stepOf(page, 'client_id')).toContain('mark-done');
    expect(stepOf(page, 'client_id')).toContain('The client id isv_test has the right form');
    expect(stepOf(page, 'client_id')).not.toContain('class="remedy"');
    expect(stepOf(page, 'redirect_uri')).toContain('mark-wrong');
    expect(stepOf(page, 'redirect_uri')).toMatch(/is not registered \(error id &lt;b&gt;e1/);
    expect(stepOf(page, 'redirect_uri')).toContain('class="remedy">In the Developer Portal');
    expect(stepOf(page, 'secret')).toContain('mark-wrong');
    expect(stepOf(page, 'production')).toContain('mark-unknown');
    expect(stepOf(page, 'approval')).toContain('Cannot be known from here');
    expect(textOf(page)).toMatch(/2 wrong\s+1 done\s+11 cannot be known from here/);
  });

  test('what was found about scopes or client is told at their step', async () => {
    findings = [
      { check: 'registration', mark: 'wrong', code: 'registration_scopes', values: {} },
      { check: 'scopes', mark: 'wrong', code: 'scopes_offline_missing', values: {} },
    ];
    const page = await open().get('/setup');
    for (const key of ['integration', 'offline']) expect(stepOf(page, key)).toContain('mark-wrong');
    expect(stepOf(page, 'redirect_uri')).toContain('mark-unknown');
  });

  test('what is right on localhost is not yet ready for production', async () => {
    findings = [{ check: 'cookies', mark: 'done', code: 'cookies_localhost', values: {} }];
    const page = await open().get('/setup');
    expect(stepOf(page, 'production')).toContain('<span>Not yet</span>');
    expect(textOf(page)).toMatch(/0 wrong\s+1 not yet\s+13 cannot be known from here/);
    expect(markOf(page, '0 wrong')).toBe('done');
    expect(stepOf(await open({ https: true, trustProxy: 1 }).get('/setup'), 'production')).toContain('mark-done');
    findings = [{ check: 'cookies', mark: 'wrong', code: 'cookies_not_secure', values: {} }];
    const troubled = await open().get('/setup');
    expect(stepOf(troubled, 'production')).toContain('mark-wrong');
    expect(markOf(troubled, '1 wrong')).toBe('wrong');
  });

  test('without a doctor nothing can be known, and nothing be examined', async () => {
    testApp = createTestApp(sandbox, { setup: 'open' });
    const page = await openBrowser(testApp.app, english).get('/setup');
    expect(page.text).not.toMatch(/mark-done"|mark-wrong"|action="\/setup\/examination"/);
    expect(textOf(page)).toContain('Nothing has been examined yet.');
  });
});

describe('an examination', () => {
  test('is made for the first page, kept for the next ones, and made anew by the button alone', async () => {
    const browser = open();
    const first = await browser.get('/setup');
    findings = [];
    expect((await browser.get('/setup')).text).toContain('is not registered');
    await browser.get('/setup/attempts');
    expect(examinations).toBe(1);
    testApp.clock.advance(3600);
    const answer = await browser.submit(first, '/setup/examination');
    expect([answer.status, answer.headers.location]).toEqual([303, '/setup']);
    expect(examinations).toBe(2);
    const second = await browser.get('/setup');
    expect(second.text).not.toContain('is not registered');
    const timeOf = (page: request.Response) =>
      Date.parse(/Last examined <time datetime="([^"]+)"/.exec(page.text)?.[1] ?? '');
    expect(timeOf(second) - timeOf(first)).toBe(3_600_000);
  });

  test('is one for all who ask while it is made', async () => {
    let end = () => {};
    ready = new Promise((resolve) => {
      end = resolve;
    });
    const { last, renew } = createExaminations(doctor, createFixedClock());
    const asked = [last(), renew(), last()];
    end();
    const [first, ...others] = await Promise.all(asked);
    expect(first?.findings).toBe(findings);
    expect(others).toEqual([first, first]);
    expect(examinations).toBe(1);
  });

  test('needs the form’s token; without it the page is shown again and nothing is asked', async () => {
    const browser = open();
    await browser.get('/setup');
    const page = await browser.post('/setup/examination', { _csrf: 'x' });
    expect(page.status).toBe(403);
    expect(page.text).toContain('notice-warning');
    expect(examinations).toBe(1);
    expect((await browser.get('/setup/examination')).headers.location).toBe('/setup');
  });
});

describe('the attempts', () => {
  test('nobody has tried: the page says so and leads to the first page', async () => {
    expect(textOf(await open().get('/setup/attempts'))).toContain('Nobody has tried yet.');
  });

  test('say how long ago each left, what became of it, and why one has most likely not come back', async () => {
    const browser = open();
    await browser.start();
    testApp.clock.advance(180);
    await browser.get('/setup');
    const page = await browser.get('/setup/attempts');
    expect(textOf(page)).toContain('Has not come back yet Left 3 minutes ago');
    expect(textOf(page)).toContain('Most likely it stranded');
    expect(textOf(page)).toContain('The last examination found a reason for it:');
    expect(page.text).toContain(`The redirect URI ${redirectUri} is not registered`);
    expect(textOf(page)).not.toContain('refuses the client id');
    expect(page.text).toContain('href="/setup/debugger"');
    await browser.signIn('rikke', { consent: 'cancel' });
    const after = textOf(await browser.get('/setup/attempts'));
    expect(after).toContain('access_denied');
    expect(after).toContain('sent the person back with a no');
    expect(after).toContain('A later attempt came back.');
    expect(after).not.toContain('Most likely it stranded');
  });

  test.each([
    [0, '0 seconds ago'],
    [59, '59 seconds ago'],
    [60, '1 minute ago'],
    [7_199, '1 hour ago'],
    [172_800, '2 days ago'],
  ])('%i seconds are said as %s', (seconds, age) => {
    expect(describeAge(seconds, 'en')).toBe(age);
  });

  test('are not said to be signing in while the last examination tells why nobody can', async () => {
    const browser = open();
    await browser.start();
    expect(textOf(await browser.get('/setup/attempts'))).toContain('still signing in');
    await browser.get('/setup');
    const page = textOf(await browser.get('/setup/attempts'));
    expect(page).toContain('Most likely it stranded');
    expect(page).toContain('The last examination found a reason for it:');
  });

  test('what is known of an attempt’s address is what its address held', async () => {
    const browser = open();
    const address = new URL(await browser.start());
    const page = await browser.get('/setup/attempts');
    const table = page.text.slice(page.text.indexOf('class="entries pieces"'));
    const rows = [...table.matchAll(/<dt><code>(\w+)<\/code><\/dt>\s*<dd>([\s\S]*?)<\/dd>/g)];
    const shown = new Map(rows.map(([, name, cell]) => [name, /class="copy">([^<]*)</.exec(cell ?? '')?.[1] ?? null]));
    expect([...shown.keys()].sort()).toEqual([...address.searchParams.keys()].sort());
    for (const [name, value] of address.searchParams) {
      if (['state', 'nonce', 'code_challenge'].includes(name)) {
        expect({ name, shown: shown.get(name) }).toEqual({ name, shown: null });
        expect(page.text).not.toContain(value);
      } else {
        expect(shown.get(name)?.split(' / ')).toContain(name === 'ui_locales' ? 'en-GB' : value);
      }
    }
    expect(page.text).toContain(`<code class="copy">${address.origin}${address.pathname}</code>`);
  });

  test('name no user, no browser and no attempt', async () => {
    const browser = open();
    await browser.connect('rikke', '118244');
    const { text } = await browser.get('/setup/attempts');
    expect(testApp.connectedUsers().length).toBeGreaterThan(0);
    for (const user of testApp.connectedUsers()) expect(text).not.toContain(user);
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
  });
});

describe('the button', () => {
  test('is shown as a picture and as markup, each with what to copy', async () => {
    const { text } = await open().get('/setup/button');
    const plain = (html: string) => html.replace(/\s+/g, ' ');
    const escaped = (html: string) =>
      html.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&#34;');
    expect(buttonSnippets).toHaveLength(4);
    for (const { svgPath, html } of buttonSnippets) {
      expect(text).toContain(`<img src="${svgPath}"`);
      expect(text).toContain(escaped(html));
      expect(plain(text)).toContain(plain(html).replace('href="/connect-dinero"', 'href="/"'));
      await request(testApp.app).get(svgPath).expect(200);
    }
    await request(testApp.app).get('/connect-button.css').expect(200);
  });
});

describe('every page', () => {
  test.each(pages)('%s shows no secret, needs no session, and keeps the policy of our pages', async (path) => {
    const clientSecret = 'Xq7Zv2Kw9Jt4Mb6Rp8Yd3Hs5';
    const page = await open({ builtIn: true, clientSecret }).get(path);
    expect(page.status).toBe(200);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'; style-src 'self'; img-src 'self'");
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.text).not.toMatch(/<script|<style| style=|\son\w+=/i);
    expect(String(page.headers['set-cookie'] ?? '')).not.toContain('session');
    for (let start = 0; start + 5 <= clientSecret.length; start += 1)
      expect(page.text).not.toContain(clientSecret.slice(start, start + 5));
    expect(page.text).not.toContain('a session secret for tests');
  });

  test.each(['/setup', '/setup/attempts', '/setup/button', '/setup/postman.json'])('%s takes no form', async (path) => {
    const browser = open();
    const token = tokenOf(await browser.get('/setup/debugger'));
    expect((await browser.post(path, { _csrf: token })).status).toBe(405);
  });

  test('people’s pages do not load the assistant’s stylesheet', async () => {
    const browser = open();
    for (const path of ['/', '/nowhere']) expect((await browser.get(path)).text).not.toContain('setup.css');
  });
});
