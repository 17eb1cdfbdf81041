import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
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
const revocations = () => sandbox.requests.filter(({ path }) => path === '/connect/revocation');

describe('the connection page', () => {
  test('says which company, since when, with what access and until when', async () => {
    const page = textOf(await openBrowser(testApp.app).connect('rikke', '118244'));
    for (const words of ['Du er forbundet', 'RN', 'CVR 12345678', 'Dinero-id 118244', 'Forbundet siden']) {
      expect(page).toContain(words);
    }
    expect(page).toContain('Læse dine kontakter, fakturaer, bilag og din bogføring');
    const until = new Date(testApp.clock.now().getTime() + 180 * 86_400_000);
    expect(page).toContain(
      new Intl.DateTimeFormat('da-DK', { dateStyle: 'long', timeZone: 'Europe/Copenhagen' }).format(until),
    );
    expect(page).toContain('Virksomhed valgt');
  });

  test('speaks English to who reads English', async () => {
    const browser = openBrowser(testApp.app, { 'accept-language': 'en-GB,en;q=0.9' });
    expect(textOf(await browser.connect('rikke', '118244'))).toContain('You are connected');
  });

  test('says what was asked for and not given', async () => {
    const browser = openBrowser(testApp.app);
    sandbox.faults.set('token', {
      kind: 'transform',
      transform: (body) => ({ ...body, scope: 'offline_access dineropublicapi:read' }),
    });
    const page = textOf(await browser.connect('rikke', '118244'));
    expect(page).toContain('Du har givet mindre adgang, end Fakturaflow bad om.');
    const { userId } = onlyUser();
    expect((await testApp.core.connections.find(userId))?.events.map(({ type }) => type)).toContain('scope_reduced');
  });

  test('the same scopes in another order are all of them', async () => {
    const page = textOf(await openBrowser(testApp.app).connect('rikke', '118244'));
    expect(page).not.toContain('mindre adgang');
  });

  test('of nobody leads to the first page, before the choice to the picker', async () => {
    const browser = openBrowser(testApp.app);
    expect((await browser.get('/connection')).headers.location).toBe('/');
    await browser.signIn('rikke');
    expect((await browser.get('/connection')).headers.location).toBe('/organizations');
  });
});

/** The user whose connection was written last. */
function onlyUser(): { userId: string } {
  const userId = testApp.connectedUsers().at(-1);
  if (!userId) throw new Error('nobody connected');
  return { userId };
}

describe('disconnecting', () => {
  test('asks once, then revokes at Visma Connect and forgets', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    const question = await browser.get('/disconnect');
    expect(textOf(question)).toContain('Fakturaflow mister straks adgangen til RN. Dit regnskab ændres ikke.');
    expect(revocations()).toHaveLength(0);
    expect((await browser.submit(question, '/disconnect')).headers.location).toBe('/connection');
    expect(textOf(await browser.get('/connection'))).toContain('Forbindelsen er afbrudt');
    await testApp.core.work.settled();
    const [call] = revocations();
    expect(call?.form).toMatchObject({ token: sandbox.issued.refreshTokens.at(-1), token_type_hint: 'refresh_token' });
    const { userId } = onlyUser();
    expect(await testApp.stores.connections.findByUser(userId)).toMatchObject({ grant: null, status: 'disconnected' });
  });

  test('takes only a form with its token', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    const stale = await browser.post('/disconnect', { _csrf: 'x' });
    expect(stale.status).toBe(403);
    expect(textOf(await browser.get('/connection'))).toContain('Du er forbundet');
    await browser.submit(stale, '/disconnect');
    expect(textOf(await browser.get('/connection'))).toContain('Forbindelsen er afbrudt');
  });

  test.each([
    ['answers 503', { kind: 'status', status: 503 }],
    ['answers HTML', { kind: 'status', status: 400, body: '<html>', contentType: 'text/html' }],
    ['resets', { kind: 'reset' }],
    [
      'answers 400',
      { kind: 'status', status: 400, body: '{"error":"invalid_request"}', contentType: 'application/json' },
    ],
  ] as const)('a provider that %s is told again later; access here has ended at once', async (_name, fault) => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    sandbox.faults.set('revocation', fault, 1);
    await browser.submit(await browser.get('/disconnect'), '/disconnect');
    expect(textOf(await browser.get('/connection'))).toContain('Forbindelsen er afbrudt');
    await testApp.core.work.settled();
    expect((await testApp.core.housekeeping.run()).failedRevocations).toBe(1);
    expect(revocations()).toHaveLength(1);
    testApp.clock.advance(61);
    expect((await testApp.core.housekeeping.run()).failedRevocations).toBe(0);
    expect(revocations()).toHaveLength(2);
    testApp.clock.advance(86_400);
    await testApp.core.housekeeping.run();
    expect(revocations()).toHaveLength(2);
  });

  test('a provider that hangs holds up nobody: the page is there, and the end of the process waits', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    sandbox.faults.set('revocation', { kind: 'slow', ms: 1500 });
    const started = Date.now();
    await browser.submit(await browser.get('/disconnect'), '/disconnect');
    expect(textOf(await browser.get('/connection'))).toContain('Forbindelsen er afbrudt');
    const answered = Date.now();
    await testApp.core.work.settled();
    expect(answered - started).toBeLessThan(Date.now() - started);
    expect(await testApp.stores.revocations.listDue(testApp.clock.now(), 10)).toEqual([]);
  });

  test('a provider that never confirms is given up after twelve tries, and that is said', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    sandbox.faults.set('revocation', { kind: 'status', status: 500 });
    await browser.submit(await browser.get('/disconnect'), '/disconnect');
    let abandoned = 0;
    for (let round = 0; round < 20; round += 1) {
      testApp.clock.advance(13 * 3600);
      abandoned += (await testApp.core.housekeeping.run()).abandonedRevocations;
    }
    expect(abandoned).toBe(1);
    expect(revocations()).toHaveLength(12);
  });

  test('is not undone by a slower choice that was under way', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    const picker = await browser.get('/organizations');
    sandbox.faults.set('accountingyears', { kind: 'slow', ms: 300 });
    const slow = browser.submit(picker, '/organizations', { organizationId: '118244' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await browser.submit(await browser.get('/disconnect'), '/disconnect');
    expect((await slow).status).toBe(404);
    expect(textOf(await browser.get('/connection'))).toContain('Forbindelsen er afbrudt');
  });

  test('of what is not connected leads on quietly', async () => {
    const browser = openBrowser(testApp.app);
    expect((await browser.get('/disconnect')).headers.location).toBe('/connection');
    const home = await browser.get('/');
    expect((await browser.submit(home, '/disconnect')).headers.location).toBe('/connection');
  });
});

describe('reconnecting', () => {
  test('keeps the company that is still there', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    expect((await browser.signIn('rikke')).headers.location).toBe('/connection');
    const page = textOf(await browser.get('/connection'));
    expect(page).toContain('Forbindelsen er fornyet.');
    expect(page).toContain('RN');
    expect(page).toContain('Adgang givet igen');
  });

  test('asks before another person’s access takes the place of the one there is', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    const back = await browser.signIn('mads', { start: { prompt: 'login' } });
    expect(back.headers.location).toMatch(/^\/reconnect\/[\w-]{36}$/);
    expect(textOf(await browser.get('/connection'))).toContain('Du er forbundet');
  });

  test('that is cancelled leaves the connection as it was', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    await browser.signIn('rikke', { consent: 'cancel' });
    expect(textOf(await browser.get('/connection'))).toContain('Du er forbundet');
  });

  test('after the end nothing is chosen silently', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    await browser.submit(await browser.get('/disconnect'), '/disconnect');
    expect((await browser.signIn('rikke')).headers.location).toBe('/organizations');
  });
});

describe('staying connected', () => {
  async function connectedAndExpired() {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    testApp.clock.advance(3600 - 59);
    sandbox.requests.length = 0;
    return browser;
  }

  test('an access token with less than a minute left is refreshed before it is used', async () => {
    const browser = await connectedAndExpired();
    expect((await browser.get('/organizations')).status).toBe(200);
    expect(tokenCalls()).toBe(1);
    await browser.get('/organizations');
    expect(tokenCalls()).toBe(1);
  });

  test('500 pages at once refresh once', async () => {
    await connectedAndExpired();
    const { userId } = onlyUser();
    sandbox.faults.set('token', { kind: 'slow', ms: 200 });
    const tokens = await Promise.all(Array.from({ length: 500 }, () => testApp.core.accessTokens.get(userId)));
    expect(new Set(tokens.map(({ grant }) => grant.accessToken)).size).toBe(1);
    expect(tokenCalls()).toBe(1);
  });

  test('an authorization that was withdrawn at Visma Connect needs a reconnect, and says why', async () => {
    const browser = await connectedAndExpired();
    await sandbox.revokeAuthorizations('rikke');
    const page = await browser.get('/organizations');
    expect(page.status).toBe(409);
    const connection = textOf(await browser.get('/connection'));
    expect(connection).toContain('Visma Connect godtager den ikke længere');
    await browser.get('/organizations');
    expect(tokenCalls()).toBe(1);
    expect((await browser.signIn('rikke')).headers.location).toBe('/connection');
    expect(textOf(await browser.get('/connection'))).toContain('Du er forbundet');
  });

  test('a refresh token past its end is tried once, and the connection needs a reconnect that says so', async () => {
    const browser = await connectedAndExpired();
    testApp.clock.advance(181 * 86_400);
    await sandbox.revokeAuthorizations('rikke');
    // The browser's own session has ended by then, too; the integrator's backend still asks.
    const { userId } = onlyUser();
    for (const _ of [1, 2]) {
      await expect(testApp.core.accessTokens.get(userId)).rejects.toMatchObject({ code: 'needs_reconnect' });
    }
    expect(tokenCalls()).toBe(1);
    expect((await testApp.stores.connections.findByUser(userId))?.reason).toBe('refresh_expired');
    expect((await browser.get('/connection')).headers.location).toBe('/');
  });

  test('a provider that is down costs nothing while the token lives, and recovers unaided', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    sandbox.faults.set('token', { kind: 'status', status: 503 });
    expect((await browser.get('/organizations')).status).toBe(200);
    testApp.clock.advance(3590);
    expect((await browser.get('/organizations')).status).toBe(200);
    testApp.clock.advance(10);
    expect((await browser.get('/organizations')).status).toBe(503);
    expect(textOf(await browser.get('/connection'))).toContain('Du er forbundet');
    sandbox.faults.clear();
    testApp.clock.advance(10);
    expect((await browser.get('/organizations')).status).toBe(200);
  });

  test('a delayed refresh is said calmly, until it has worked', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    sandbox.faults.set('token', { kind: 'status', status: 503 });
    testApp.clock.advance(3590);
    await browser.get('/organizations');
    const delayed = await browser.get('/connection');
    expect(textOf(delayed)).toContain('Vi prøver igen af os selv, og du skal ikke gøre noget.');
    expect(textOf(delayed)).toContain('Adgangen kunne ikke fornyes med det samme');
    expect(delayed.text).not.toContain('button-filled');
    sandbox.faults.clear();
    testApp.clock.advance(10);
    await browser.get('/organizations');
    expect(textOf(await browser.get('/connection'))).not.toContain('Vi prøver igen af os selv');
  });

  test('near its end the page says for how long it works, and renewing is the one thing to do', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    expect((await browser.get('/connection')).text).not.toContain('button-filled');
    let day = 0;
    for (const [after, words, line] of [
      [150, 'Forbindelsen virker i 30 dage endnu, til', 'Der var 30 dage tilbage af forbindelsen'],
      [172.5, 'Forbindelsen virker i 8 dage endnu, til', 'Der var 30 dage tilbage af forbindelsen'],
      [173, 'Forbindelsen virker i 7 dage endnu, til', 'Der var 7 dage tilbage af forbindelsen'],
      [179, 'Forbindelsen virker i højst et døgn endnu, til', 'Der var 1 dag tilbage af forbindelsen'],
    ] as const) {
      testApp.clock.advance((after - day) * 86_400);
      day = after;
      await testApp.core.keepAlive.sweep();
      const page = await browser.get('/connection');
      expect(textOf(page)).toContain(words);
      expect(textOf(page)).toContain(line);
      expect(page.text.match(/button-filled[^>]*>([^<]*)</g)).toEqual([expect.stringContaining('>Forbind igen<')]);
      expect(page.text.match(/>Forbind igen</g)).toHaveLength(1);
    }
    await browser.signIn('rikke');
    const renewed = await browser.get('/connection');
    expect(textOf(renewed)).not.toMatch(/Forbindelsen virker i (højst|\d)/);
    expect(renewed.text).not.toContain('button-filled');
  });

  test('past an end that Visma Connect does not keep to, the page says that it may stop at any time', async () => {
    testApp = createTestApp(sandbox, {
      refreshTokenPolicy: { use: 're-use', lifetimeSeconds: 20 * 86_400, graceSeconds: 0 },
    });
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    for (const days of [19.5, 1]) {
      testApp.clock.advance(days * 86_400);
      await testApp.core.keepAlive.sweep();
    }
    const page = textOf(await browser.get('/connection'));
    expect(page).toContain('Du er forbundet');
    expect(page).toContain('Forbindelsen kan holde op med at virke når som helst.');
  });

  test('our client refused is our alarm, not the person’s reconnect', async () => {
    const browser = await connectedAndExpired();
    testApp.clock.advance(60);
    sandbox.faults.set('token', {
      kind: 'status',
      status: 400,
      body: '{"error":"invalid_client"}',
      contentType: 'application/json',
    });
    const page = await browser.get('/organizations');
    expect(page.status).toBe(500);
    expect(textOf(page)).toContain('Der er en fejl hos os.');
    expect(testApp.logs().find(({ errorCode }) => errorCode === 'client_rejected')).toMatchObject({
      level: 50,
      msg: expect.stringContaining('VISMA_CLIENT_SECRET'),
    });
    const connection = textOf(await browser.get('/connection'));
    expect(connection).toContain('Du er forbundet');
    expect(connection).toContain('En fejl hos os forsinkede fornyelsen');
  });

  test('a token that Dinero refuses is refreshed once and tried once more, then it stops', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    sandbox.requests.length = 0;
    sandbox.faults.set(
      'organizations',
      { kind: 'status', status: 401, body: '{"code":41}', contentType: 'application/json' },
      1,
    );
    expect((await browser.get('/organizations')).status).toBe(200);
    expect(tokenCalls()).toBe(1);
    sandbox.requests.length = 0;
    sandbox.faults.set('organizations', { kind: 'status', status: 401 });
    expect((await browser.get('/organizations')).status).toBe(502);
    expect(sandbox.count('GET', '/v1/organizations')).toBe(2);
    expect(tokenCalls()).toBe(1);
  });

  test('without offline access there is no refresh token, and the page says until when', async () => {
    testApp = createTestApp(sandbox, { scopes: ['dineropublicapi:read'] });
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    testApp.clock.advance(3600);
    await browser.get('/organizations');
    expect(textOf(await browser.get('/connection'))).toContain('du gav ikke lov til at forblive forbundet');
  });

  test('one-time tokens: the new one replaces the old one, and none is spent twice', async () => {
    const oneTime = await startTestSandbox({ refreshTokenUse: 'one-time' });
    try {
      const app = createTestApp(oneTime, {
        refreshTokenPolicy: { use: 'one-time', lifetimeSeconds: 30 * 86_400, graceSeconds: 0 },
      });
      const browser = openBrowser(app.app);
      await browser.connect('rikke', '118244');
      for (let hour = 0; hour < 3; hour += 1) {
        app.clock.advance(3600);
        expect((await browser.get('/organizations')).status).toBe(200);
      }
      expect(new Set(oneTime.issued.refreshTokens).size).toBe(4);
      expect(oneTime.replaysOfSpentTokens()).toBe(0);
    } finally {
      await oneTime.close();
    }
  });

  test('an answer without a scope means the same scope as before', async () => {
    const browser = await connectedAndExpired();
    sandbox.faults.set('token', { kind: 'transform', transform: ({ scope: _gone, ...body }) => body }, 1);
    await browser.get('/organizations');
    expect(tokenCalls()).toBe(1);
    expect(textOf(await browser.get('/connection'))).not.toContain('mindre adgang');
  });

  test('an answer without a refresh token keeps the one there is', async () => {
    const browser = await connectedAndExpired();
    sandbox.faults.set('token', { kind: 'transform', transform: ({ refresh_token: _gone, ...body }) => body }, 1);
    await browser.get('/organizations');
    testApp.clock.advance(3600);
    expect((await browser.get('/organizations')).status).toBe(200);
    expect(tokenCalls()).toBe(2);
  });
});

test('a slow page in one tab does not spoil the session that another tab has renewed', async () => {
  const browser = openBrowser(testApp.app);
  await browser.connect('rikke', '118244');
  sandbox.faults.set('organizations', { kind: 'slow', ms: 400 }, 1);
  const slow = browser.get('/organizations');
  await new Promise((resolve) => setTimeout(resolve, 50));
  await browser.signIn('rikke');
  await slow;
  expect(textOf(await browser.get('/connection'))).toContain('Du er forbundet');
});

test('a session that cannot be saved is an error, not a cheerful page', async () => {
  const browser = openBrowser(testApp.app);
  const home = await browser.get('/');
  testApp.failSessions(true);
  const failed = await browser.submit(home, '/connect');
  expect(failed.status).toBe(503);
  testApp.failSessions(false);
  const answer = await answerAuthorization(await browser.start(), { person: 'rikke', consent: 'accept' });
  if ('errorPage' in answer) throw new Error(answer.errorPage);
  const location = await browser.comeBack(answer.fields);
  testApp.failSessions(true);
  expect((await browser.get(location)).status).toBe(503);
  testApp.failSessions(false);
  // The old session was not given up for one that does not exist.
  expect((await browser.get(location)).headers.location).toBe('/organizations');
});

test('an old finish address does not sign anybody in', async () => {
  testApp = createTestApp(sandbox, { scopes: ['openid', 'dineropublicapi:read', 'offline_access'] });
  const browser = openBrowser(testApp.app);
  const answer = await answerAuthorization(await browser.start(), { person: 'rikke', consent: 'accept' });
  if ('errorPage' in answer) throw new Error(answer.errorPage);
  const location = await browser.comeBack(answer.fields);
  await browser.get(location);
  await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId: '118244' });
  await browser.signIn('mads', { start: { prompt: 'login' } });
  testApp.clock.advance(121);
  expect((await browser.get(location)).headers.location).toBe('/connection');
  expect(textOf(await browser.get('/organizations'))).toContain('Havnens Fisk');
});

test('the cookie is given for 90 days, and anew once a day', async () => {
  const browser = openBrowser(testApp.app);
  const started = await browser.submit(await browser.get('/'), '/connect');
  const expires = Date.parse(/session=[^;]+;.*?Expires=([^;]+)/.exec(String(started.headers['set-cookie']))?.[1] ?? '');
  expect(Math.round((expires - Date.now()) / 86_400_000)).toBe(90);
  const sessionCookie = async () => String((await browser.get('/')).headers['set-cookie']).includes('session=');
  expect(await sessionCookie()).toBe(false);
  testApp.clock.advance(86_401);
  expect(await sessionCookie()).toBe(true);
  expect(await sessionCookie()).toBe(false);
});

test('a browser that was signed in ends 180 days later at the latest', async () => {
  const browser = openBrowser(testApp.app);
  await browser.connect('rikke', '118244');
  testApp.clock.advance(179 * 86_400);
  expect((await browser.get('/connection')).status).toBe(200);
  testApp.clock.advance(2 * 86_400);
  expect((await browser.get('/connection')).headers.location).toBe('/');
});

test('a successful sign-in renews the session, and the old one is dead', async () => {
  const browser = openBrowser(testApp.app);
  const started = await browser.submit(await browser.get('/'), '/connect');
  const before = String(started.headers['set-cookie']).match(/dinero-connect-session=[^;]+/)?.[0] ?? '';
  const answer = await answerAuthorization(String(started.headers.location), { person: 'rikke', consent: 'accept' });
  if ('errorPage' in answer) throw new Error(answer.errorPage);
  const back = await browser.get(await browser.comeBack(answer.fields));
  const after = String(back.headers['set-cookie']).match(/dinero-connect-session=[^;]+/)?.[0];
  expect(after).toBeDefined();
  expect(after).not.toBe(before);
  const thief = openBrowser(testApp.app, { cookie: before });
  expect((await thief.get('/organizations')).headers.location).toBe('/');
});
