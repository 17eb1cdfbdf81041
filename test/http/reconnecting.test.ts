// A reconnect that would change whose connection it is, or which company it works with, asks before it does.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Connection } from '../../src/core/types.ts';
import { people } from '../../src/sandbox/people.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../support/app.ts';
import { type Browser, openBrowser, textOf, tokenOf } from '../support/browser.ts';
import { createMemoryStores } from '../support/memory-stores.ts';

let sandbox: Sandbox;
let testApp: TestApp;
let browser: Browser;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => {
  sandbox.reset();
  openApp();
});

function openApp(options?: Parameters<typeof createTestApp>[1]): void {
  testApp = createTestApp(sandbox, options);
  browser = openBrowser(testApp.app);
}

const revocations = () => sandbox.count('POST', '/connect/revocation');

/** Signs in anew; answers where that led. */
async function reconnectAs(person: string): Promise<string> {
  const { headers } = await browser.signIn(person, { start: { prompt: 'login' } });
  return String(headers.location);
}

/** Rikke is connected with her company, and Mads has just signed in. */
async function askAboutMads(): Promise<{ question: string; before: Connection }> {
  await browser.connect('rikke', '118244');
  const before = await stored();
  return { question: await reconnectAs('mads'), before };
}

async function stored(): Promise<Connection> {
  const connection = await testApp.stores.connections.findByUser(testApp.connectedUsers()[0] ?? '');
  if (!connection) throw new Error('nobody is connected');
  return connection;
}

const eventsOf = async () => (await testApp.stores.events.listLatest((await stored()).id, 20)).map(({ type }) => type);

const answer = async (question: string, decision: string) =>
  browser.submit(await browser.get(question), question, { decision });

describe('the same person with the same company', () => {
  test('is not asked; the connection is the same one with a new grant, and past failures are forgotten', async () => {
    await browser.connect('rikke', '118244');
    sandbox.faults.set('token', { kind: 'status', status: 503 });
    testApp.clock.advance(3590);
    await browser.get('/organizations');
    const before = await stored();
    expect(before.refreshState.failures).toBe(1);
    sandbox.faults.clear();
    expect(await reconnectAs('rikke')).toBe('/connection');
    const after = await stored();
    expect(after).toMatchObject({ id: before.id, status: 'connected', organization: before.organization });
    expect(after.generation).toBe(before.generation + 1);
    expect(after.grant?.refreshToken).not.toBe(before.grant?.refreshToken);
    expect(after.refreshState).toMatchObject({ failures: 0, nextAttemptAt: null });
    expect((await eventsOf()).filter((type) => type === 'reauthorized')).toHaveLength(1);
  });

  test('is not asked while Dinero is down: access is renewed, and the company is chosen again', async () => {
    await browser.connect('rikke', '118244');
    const { generation } = await stored();
    sandbox.faults.set('organizations', { kind: 'status', status: 503 });
    expect(await reconnectAs('rikke')).toBe('/organizations');
    expect(await stored()).toMatchObject({ status: 'pending', generation: generation + 1 });
  });
});

describe('without a company to lose nobody is asked', () => {
  test('before one was chosen', async () => {
    await browser.signIn('rikke');
    expect(await reconnectAs('mads')).toBe('/organizations');
    expect(textOf(await browser.get('/organizations'))).toContain('Havnens Fisk');
  });

  test('after the connection was ended', async () => {
    await browser.connect('rikke', '118244');
    await browser.submit(await browser.get('/disconnect'), '/disconnect');
    expect(await reconnectAs('mads')).toBe('/organizations');
  });

  test('when Visma Connect tells who they are: another person has a connection of their own', async () => {
    openApp({ scopes: ['openid', 'dineropublicapi:read', 'offline_access'] });
    await browser.connect('rikke', '118244');
    const before = await stored();
    expect(await reconnectAs('mads')).toBe('/organizations');
    expect(await stored()).toEqual(before);
  });
});

describe('another person', () => {
  test('is asked: which company, what is different, and that nothing has been changed', async () => {
    const { question, before } = await askAboutMads();
    expect(question).toMatch(/^\/reconnect\/[\w-]{36}$/);
    const page = await browser.get(question);
    for (const words of [
      'Du loggede ind med et andet login',
      'Fakturaflow fik adgang til din virksomhed med et andet login end det, du lige har brugt.',
      'Der er ikke ændret noget endnu.',
      'RN CVR 12345678 · Dinero-id 118244',
      'Så behold forbindelsen, som den er.',
    ]) {
      expect(textOf(page)).toContain(words);
    }
    expect(page.text.match(/button-filled[^>]*>([^<]*)</g)).toEqual([expect.stringContaining('andet login')]);
    expect(await stored()).toEqual(before);
    expect(await eventsOf()).not.toContain('reauthorized');
    expect(revocations()).toBe(0);
  });

  test('who keeps the connection leaves it working, and what they gave is revoked', async () => {
    const { question, before } = await askAboutMads();
    const given = sandbox.issued.refreshTokens.at(-1);
    expect((await answer(question, 'keep')).headers.location).toBe('/connection');
    expect(textOf(await browser.get('/connection'))).toContain('Forbindelsen er, som den var.');
    expect(await stored()).toEqual(before);
    await testApp.core.housekeeping.run();
    expect(revocations()).toBe(1);
    expect(sandbox.requests.find(({ path }) => path === '/connect/revocation')?.form?.token).toBe(given);
    testApp.clock.advance(3600);
    expect(textOf(await browser.get('/organizations'))).toContain('RN');
  });

  test('who goes on takes the connection over, and chooses among their own companies', async () => {
    const { question, before } = await askAboutMads();
    const given = sandbox.issued.refreshTokens.at(-1);
    expect((await answer(question, 'replace')).headers.location).toBe('/organizations');
    const after = await stored();
    expect(after).toMatchObject({ id: before.id, status: 'pending', generation: before.generation + 1 });
    expect(after.grant?.refreshToken).toBe(given);
    await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId: '201001' });
    const page = textOf(await browser.get('/connection'));
    expect(page).toContain('Tredje & Søn');
    expect(page).toContain('Virksomhed skiftet');
  });

  test('may sign in as somebody else instead: the right one is not asked again', async () => {
    const { question } = await askAboutMads();
    const page = await browser.get(question);
    const left = await browser.submit(page, '/connect', { prompt: 'login' });
    expect(new URL(String(left.headers.location)).searchParams.get('prompt')).toBe('login');
    expect(await reconnectAs('rikke')).toBe('/connection');
    expect((await stored()).organization?.name).toBe('RN');
  });

  test('who has the company, too, keeps it without choosing', async () => {
    const stores = createMemoryStores();
    // Visma Connect's people have no company in common, so the one before was somebody else.
    const findByUser = async (userId: string) => {
      const connection = await stores.connections.findByUser(userId);
      return connection && { ...connection, subject: 'somebody else' };
    };
    openApp({ stores: { ...stores, connections: { ...stores.connections, findByUser } } });
    await browser.connect('rikke', '118244');
    const question = await reconnectAs('rikke');
    sandbox.faults.set('organizations', { kind: 'slow', ms: 200 });
    const page = await browser.get(question);
    // A double click: both clicks get the one answer.
    const clicks = await Promise.all([1, 2].map(() => browser.submit(page, question, { decision: 'replace' })));
    for (const { headers } of clicks) {
      expect(headers.location).toBe('/connection');
      expect(String(headers['set-cookie'])).toContain('notice=reconnected');
    }
    expect(textOf(await browser.get('/connection'))).toContain('Forbindelsen er fornyet.');
    expect((await eventsOf()).filter((type) => type === 'reauthorized')).toHaveLength(1);
  });

  test('who never answers changes nothing: after two hours the question is over, and their access is revoked', async () => {
    const { question, before } = await askAboutMads();
    testApp.clock.advance(3601);
    const late = await browser.get(question);
    expect(late.status).toBe(410);
    expect((await browser.submit(await browser.get('/disconnect'), question, { decision: 'replace' })).status).toBe(
      410,
    );
    await testApp.core.housekeeping.run();
    expect(revocations()).toBe(0);
    testApp.clock.advance(3600);
    await testApp.core.housekeeping.run();
    expect(revocations()).toBe(1);
    expect(await stored()).toEqual(before);
    expect((await browser.get(question)).headers.location).toBe('/connection');
  });
});

describe('a company that is not on this login any more', () => {
  beforeEach(async () => {
    await browser.connect('rikke', '118244');
    sandbox.changeOrganization(118244, null);
  });

  test('is asked about, and another one has to be chosen next', async () => {
    const before = await stored();
    const question = await reconnectAs('rikke');
    const page = textOf(await browser.get(question));
    expect(page).toContain('Dette login har ikke adgang til virksomheden');
    expect(page).toContain('Så mister Fakturaflow adgangen til virksomheden ovenfor, og du vælger en anden bagefter.');
    expect(page).toContain('RN');
    expect(await stored()).toEqual(before);
    expect((await answer(question, 'replace')).headers.location).toBe('/organizations');
    expect((await stored()).generation).toBe(before.generation + 1);
  });

  test('that is kept keeps what the same person gave before: nothing is revoked', async () => {
    const before = await stored();
    expect((await answer(await reconnectAs('rikke'), 'keep')).headers.location).toBe('/connection');
    expect(textOf(await browser.get('/connection'))).toContain('Der er ikke ændret noget.');
    await testApp.core.housekeeping.run();
    expect(revocations()).toBe(0);
    expect(await stored()).toEqual(before);
  });

  test('of a connection that has stopped: the page says that it stays so', async () => {
    testApp.clock.advance(3600);
    await sandbox.revokeAuthorizations('rikke');
    await browser.get('/organizations');
    const question = await reconnectAs('rikke');
    expect(textOf(await browser.get(question))).toContain('Den virker først igen, når den er fornyet');
    await answer(question, 'keep');
    expect(textOf(await browser.get('/connection'))).toContain('Forbindelsen virker ikke lige nu');
  });
});

test('a person whom Visma Connect names is asked in a new browser, too, and stays signed in there', async () => {
  openApp({ scopes: ['openid', 'dineropublicapi:read', 'offline_access'] });
  await browser.connect('rikke', '118244');
  sandbox.changeOrganization(118244, null);
  browser = openBrowser(testApp.app);
  const question = await reconnectAs('rikke');
  expect(textOf(await browser.get(question))).toContain('RN');
  await answer(question, 'keep');
  expect(textOf(await browser.get('/connection'))).toContain('Du er forbundet');
});

describe('the question', () => {
  test('is asked again by a reload and by the address that led to it', async () => {
    const { question } = await askAboutMads();
    const finish = question.replace('/reconnect/', '/oauth/finish/');
    for (const seconds of [0, 0, 600]) {
      testApp.clock.advance(seconds);
      expect((await browser.get(finish)).headers.location).toBe(question);
      expect((await browser.get(question)).status).toBe(200);
    }
  });

  test.each(['replace', 'keep'])('is over after %s: Back and other tabs lead to the connection', async (decision) => {
    const { question } = await askAboutMads();
    const otherTab = await browser.get(question);
    await answer(question, decision);
    const { generation } = await stored();
    expect((await browser.get(question)).headers.location).toBe('/connection');
    expect((await browser.get(question.replace('/reconnect/', '/oauth/finish/'))).headers.location).toBe('/connection');
    for (const second of ['replace', 'keep']) {
      const late = await browser.submit(otherTab, question, { decision: second });
      expect(late.headers.location).toBe('/connection');
      expect(String(late.headers['set-cookie']).includes('first_answer')).toBe(second !== decision);
    }
    expect((await stored()).generation).toBe(generation);
  });

  test('that was answered after another sign-in leads to the connection, not back to its own sign-in', async () => {
    const { question } = await askAboutMads();
    expect(await reconnectAs('rikke')).toBe('/connection');
    await answer(question, 'keep');
    expect((await browser.get(question.replace('/reconnect/', '/oauth/finish/'))).headers.location).toBe('/connection');
  });

  test('is over when the connection was ended meanwhile', async () => {
    const { question } = await askAboutMads();
    const page = await browser.get(question);
    testApp.clock.advance(1);
    await browser.submit(await browser.get('/disconnect'), '/disconnect');
    expect((await browser.get(question)).headers.location).toBe('/connection');
    expect((await browser.submit(page, question, { decision: 'replace' })).status).toBe(404);
    expect((await stored()).status).toBe('disconnected');
  });

  test('takes only one of its two answers', async () => {
    const { question, before } = await askAboutMads();
    const token = tokenOf(await browser.get(question));
    const wrong: Record<string, string>[] = [{}, { decision: '' }, { decision: 'REPLACE' }, { decision: '__proto__' }];
    for (const fields of wrong) {
      expect((await browser.post(question, { _csrf: token, ...fields })).status).toBe(400);
    }
    const twice = await browser.agent.post(question).type('form').send(`_csrf=${token}&decision=keep&decision=replace`);
    expect(twice.status).toBe(400);
    expect(await stored()).toEqual(before);
    expect((await browser.get(question)).status).toBe(200);
  });

  test('is shown again when its form is too old, and works then', async () => {
    const { question, before } = await askAboutMads();
    const stale = await browser.post(question, { _csrf: 'x', decision: 'replace' });
    expect(stale.status).toBe(403);
    expect(textOf(stale)).toContain('Tryk en gang til');
    expect(textOf(stale)).toContain('RN');
    expect(await stored()).toEqual(before);
    expect((await browser.submit(stale, question, { decision: 'keep' })).headers.location).toBe('/connection');
  });

  test('is for nobody but the browser that asked', async () => {
    const { question, before } = await askAboutMads();
    const stranger = openBrowser(testApp.app);
    const token = tokenOf(await stranger.get('/'));
    for (const response of [
      await stranger.get(question),
      await stranger.post(question, { _csrf: token, decision: 'replace' }),
      await stranger.post(question, { _csrf: 'x', decision: 'replace' }),
    ]) {
      expect(response.status).toBe(403);
      expect(textOf(response)).toContain('i en anden browser');
      expect(textOf(response)).not.toContain('RN');
    }
    expect(await stored()).toEqual(before);
    expect((await answer(question, 'keep')).headers.location).toBe('/connection');
  });

  test('of an attempt that nobody knows, or that is not back yet, is not asked', async () => {
    const home = await browser.get('/');
    for (const id of ['6f1f6f1e-0000-4000-8000-000000000000', 'x', '%00', 'x'.repeat(3000)]) {
      expect((await browser.get(`/reconnect/${id}`)).status).toBe(400);
      expect((await browser.submit(home, `/reconnect/${id}`, { decision: 'replace' })).status).toBe(400);
    }
    expect((await browser.get('/reconnect')).status).toBe(404);
  });

  test('comes with a new session: the one before it is dead', async () => {
    await browser.connect('rikke', '118244');
    const sessionOf = (response: { headers: Record<string, unknown> }) =>
      /dinero-connect-session=[^;]+/.exec(String(response.headers['set-cookie']))?.[0] ?? '';
    // The cookie is given anew once a day.
    testApp.clock.advance(86_401);
    const before = sessionOf(await browser.get('/'));
    expect(before).not.toBe('');
    const back = await browser.signIn('mads', { start: { prompt: 'login' } });
    expect(sessionOf(back)).not.toBe('');
    const thief = openBrowser(testApp.app, { cookie: before });
    expect((await thief.get('/connection')).headers.location).toBe('/');
    expect((await thief.get(String(back.headers.location))).status).toBe(403);
  });

  test('speaks English, and no answer on the way holds a secret', async () => {
    browser = openBrowser(testApp.app, { 'accept-language': 'en' });
    await browser.connect('rikke', '118244');
    const back = await browser.signIn('mads', { start: { prompt: 'login' } });
    const question = String(back.headers.location);
    const page = await browser.get(question);
    expect(textOf(page)).toContain('You signed in as someone else');
    expect(textOf(page)).toContain('Nothing has been changed yet.');
    const kept = await browser.submit(page, question, { decision: 'keep' });
    const answers = [back, page, kept, await browser.get('/connection'), await browser.get(question)];
    const { codes, accessTokens, refreshTokens } = sandbox.issued;
    const secrets = [...codes, ...accessTokens, ...refreshTokens, ...people.map(({ sub }) => sub)];
    expect(secrets.length).toBeGreaterThan(5);
    for (const { text, headers } of answers) {
      for (const secret of secrets) expect(text + JSON.stringify(headers)).not.toContain(secret);
    }
    for (const secret of secrets) expect(testApp.logText()).not.toContain(secret);
  });
});

test('what pages are given of a connection holds nothing of the refreshing, and nobody’s identity', async () => {
  await browser.connect('rikke', '118244');
  const summary = await testApp.core.connections.find(testApp.connectedUsers()[0] ?? '');
  expect(summary).toMatchObject({ status: 'connected', refreshDelayed: false, warnedDays: null });
  for (const name of ['grant', 'subject', 'refreshState', 'dueAt']) expect(summary).not.toHaveProperty(name);
});
