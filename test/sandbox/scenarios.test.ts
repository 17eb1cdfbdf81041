import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { frontPageTexts } from '../../src/sandbox/front-page-texts.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { SCENARIOS, type Scenario, type ScenarioId } from '../../src/sandbox/scenarios.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../support/app.ts';
import { type Backend, createBackend } from '../support/backend.ts';
import { type Browser, openBrowser, textOf } from '../support/browser.ts';
import { answerAuthorization, createCookieJar } from '../support/person.ts';
import { collectPages, postForm } from './support.ts';

// Each scenario against the app as it is shipped: what the front page promises of the page, the API and the webhook.

const words = frontPageTexts.en;
const titleOf = (id: ScenarioId) => SCENARIOS.find((one) => one.id === id)?.title.en ?? '';

let sandbox: Sandbox;
let app: TestApp;
let browser: Browser;
let backend: Backend;
let told: { type: string; data: Record<string, unknown> }[];
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  sandbox.reset();
  told = [];
  const send = async ({ content }: { content: string }) => {
    told.push(JSON.parse(content));
    return { kind: 'delivered' } as const;
  };
  app = createTestApp(sandbox, { webhookReceiver: { send } });
  browser = openBrowser(app.app, { 'accept-language': 'en' });
  backend = await createBackend(app);
});

const frontPage = async () => (await fetch(sandbox.origin)).text();
const start = (scenario: ScenarioId) => postForm(sandbox, '/switches/scenarios', { scenario });
const backToNormal = () => postForm(sandbox, '/switches/scenarios', { act: 'end' });
const path = (rest = '') => `${backend.connectionPath('customer-1')}${rest}`;
const askToken = (minTtlSeconds = 60) => backend.call('post', path('/token'), { minTtlSeconds });
const askCompanies = () => backend.call('get', path('/organizations'));
const link = async () => (await backend.call('post', '/users/customer-1/links', {})).body.url as string;

/** Ten minutes ago: a token that is new is not refreshed for being too short. */
async function connect(): Promise<void> {
  await browser.connectBy(await link(), 'rikke', '118244');
  app.clock.advance(600);
}

async function events(): Promise<string[]> {
  await app.core.webhooks.deliver(() => {});
  return told.map(({ type }) => type);
}

/** The authorize URL that the link's button leads to. */
async function leave(): Promise<string> {
  return String((await browser.follow(await link())).headers.location);
}

/** Signs in as whoever stands first and filled on the sign-in page. */
async function signInAsPreselected() {
  const url = await leave();
  const [page = ''] = await collectPages(() =>
    answerAuthorization(url, { person: 'nobody', consent: 'accept' }).catch(() => {}),
  );
  const person = /<button class="person primary"[^>]* value="(\w+)"/.exec(page)?.[1] ?? 'nobody was preselected';
  expect(/<button class="person[^"]*"[^>]* value="(\w+)"/.exec(page)?.[1]).toBe(person);
  return browser.signInBy(await link(), person);
}

const expectReconnect = async (answer: { status: number; body: Record<string, unknown> }) => {
  expect(answer).toMatchObject({
    status: 409,
    body: { code: 'needs_reconnect', reason: 'grant_rejected', reconnectUrl: expect.stringContaining('/link/') },
  });
  expect(await events()).toEqual(['connection.connected', 'connection.needs_reconnect']);
  const page = await browser.get('/connection');
  expect(textOf(page)).toContain('The connection must be renewed: Visma Connect no longer accepts it.');
  await connect();
  expect((await askToken()).status).toBe(200);
};

const runs: Record<ScenarioId, () => Promise<void>> = {
  async 'person-without-pro'() {
    await start('person-without-pro');
    await signInAsPreselected();
    expect(textOf(await browser.get('/organizations'))).toContain('None of your companies has Dinero Pro');
    expect((await backend.call('get', path())).body).toMatchObject({ status: 'pending' });
    expect(await askToken()).toMatchObject({
      status: 409,
      body: { code: 'organization_not_chosen', reconnectUrl: expect.any(String) },
    });
    expect(await events()).toEqual([]);
  },

  async 'person-with-300-companies'() {
    await start('person-with-300-companies');
    await signInAsPreselected();
    const picker = await browser.get('/organizations');
    expect(textOf(picker)).toContain('Search by name, CVR number or Dinero ID');
    expect((await askCompanies()).body.organizations).toHaveLength(300);
    await browser.submit(picker, '/organizations', { organizationId: '300001' });
    expect((await backend.call('get', path())).body).toMatchObject({ status: 'connected' });
    expect(await events()).toEqual(['connection.connected']);
  },

  async cancel() {
    await start('cancel');
    // Nothing is accepted, and nobody is even asked.
    const page = await browser.signInBy(await link(), 'rikke', 'accept');
    expect(textOf(page)).toContain('You did not give access');
    expect(sandbox.requests.filter((one) => one.path.endsWith('/sign-in'))).toEqual([]);
    expect(await askToken()).toMatchObject({ status: 404, body: { code: 'not_connected' } });
    expect(await events()).toEqual([]);
  },

  async 'expired-authorization'() {
    await connect();
    await start('expired-authorization');
    expect((await askToken()).status).toBe(200);
    await expectReconnect(await askCompanies());
  },

  async 'refresh-token-revoked'() {
    await connect();
    await start('refresh-token-revoked');
    expect((await askCompanies()).status).toBe(200);
    await expectReconnect(await askToken(3_600));
  },

  async 'provider-down'() {
    await connect();
    await start('provider-down');
    expect(await askToken(3_600)).toMatchObject({ status: 200, body: { refreshDelayed: true } });
    app.clock.advance(3_600);
    const answer = await askToken();
    expect(answer).toMatchObject({ status: 503, body: { code: 'provider_unavailable' } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    const page = await openBrowser(app.app, { 'accept-language': 'en' }).signIn('mads');
    expect([page.status, textOf(page)]).toEqual([503, expect.stringContaining('We cannot reach Visma Connect')]);
    expect(await events()).toEqual(['connection.connected']);
    await backToNormal();
    app.clock.advance(600);
    expect((await askToken()).status).toBe(200);
  },

  async 'rate-limit'() {
    await connect();
    await start('rate-limit');
    const answer = await askCompanies();
    expect(answer).toMatchObject({ status: 503, body: { code: 'dinero_rate_limited' } });
    const seconds = Number(answer.headers['retry-after']);
    expect(seconds).toBeGreaterThan(0);
    const page = await browser.get('/organizations');
    expect(textOf(page)).toMatch(/Wait a moment .*Try again in \d+ seconds\./);
    const proxied = await backend.callWith(`Bearer ${backend.text}`, 'get', path('/proxy/v1/118244/contacts'));
    expect([proxied.status, proxied.text]).toEqual([429, expect.stringContaining('API calls quota exceeded!')]);
    expect(await events()).toEqual(['connection.connected']);
    await backToNormal();
    expect(sandbox.settings.dineroCallsAMinute).toBe(100);
  },

  async 'wrong-secret'() {
    await connect();
    await start('wrong-secret');
    expect(await askToken(3_600)).toMatchObject({ status: 200, body: { refreshDelayed: true } });
    const page = await openBrowser(app.app, { 'accept-language': 'en' }).signIn('mads');
    expect([page.status, textOf(page)]).toEqual([500, expect.stringContaining('This is not your fault')]);
    app.clock.advance(3_600);
    expect(await askToken()).toMatchObject({ status: 500, body: { code: 'client_rejected' } });
    expect((await backend.call('get', path())).body).toMatchObject({ status: 'connected' });
    expect(await events()).toEqual(['connection.connected']);
  },

  async 'unregistered-redirect-uri'() {
    await start('unregistered-redirect-uri');
    const answer = await answerAuthorization(await leave(), { person: 'rikke', consent: 'accept' });
    const address = 'errorPage' in answer ? answer.errorPage : 'it came back';
    const explained = await (await fetch(address.replace('/error?', '/debugger?'))).text();
    expect(explained).toContain('<dt>Error</dt><dd>invalid_redirect_uri</dd>');
    expect(explained).toContain('a scenario of the sandbox refused it');
    expect(await askToken()).toMatchObject({ status: 404, body: { code: 'not_connected' } });
    expect(await events()).toEqual([]);
    await backToNormal();
    expect(await answerAuthorization(await leave(), { person: 'rikke', consent: 'accept' })).toHaveProperty('fields');
  },
};

describe('what a scenario promises is what the app does', () => {
  test.each(SCENARIOS.map(({ id }) => id))('%s', (id) => runs[id]());
});

describe('the front page', () => {
  /** Two of the scenarios revoke, and that is not undone. */
  const uncounted = (page: string) => page.replace(/\d+ authorizations?/g, '');

  test.each(SCENARIOS.map((scenario): [string, Scenario] => [scenario.id, scenario]))(
    'starts %s with one click, says what to see, shows that it is on, and goes back to normal',
    async (id, scenario) => {
      const before = await frontPage();
      expect(before).toContain(words.normal);
      expect(before).toContain(`value="${id}">${words.start(scenario.title.en)}</button>`);
      for (const said of [scenario.does, scenario.page, scenario.api]) expect(before).toContain(said.en);
      await postForm(sandbox, '/switches/scenarios', { scenario: id });
      const during = await frontPage();
      expect(during).toContain(words.active(scenario.title.en));
      expect(during).not.toContain(words.start(scenario.title.en));
      expect(during).not.toContain(words.normal);
      await backToNormal();
      expect(uncounted(await frontPage())).toBe(uncounted(before));
    },
  );

  test('leads to where it says which one is on', async () => {
    const form = { method: 'POST', body: new URLSearchParams({ scenario: 'rate-limit' }), redirect: 'manual' } as const;
    const { headers } = await fetch(`${sandbox.origin}/switches/scenarios`, form);
    expect(headers.get('location')).toBe('/');
    const [top = ''] = (await frontPage()).split('id="scenarios"');
    expect(top).toContain(words.active(titleOf('rate-limit')));
  });

  test('has one scenario on at a time', async () => {
    await start('rate-limit');
    await start('provider-down');
    expect(sandbox.settings.dineroCallsAMinute).toBe(100);
    expect(await frontPage()).toContain(words.active(titleOf('provider-down')));
    expect(await frontPage()).not.toContain(words.active(titleOf('rate-limit')));
    await start('cancel');
    expect(await frontPage()).toContain('None: everything works.');
  });

  test('forgets a scenario whose faults are cleared, and no other one', async () => {
    await start('wrong-secret');
    await postForm(sandbox, '/switches/faults', { act: 'clear' });
    expect(await frontPage()).toContain(words.normal);
    await start('cancel');
    await postForm(sandbox, '/switches/faults', { act: 'clear' });
    expect(await frontPage()).toContain(words.active(titleOf('cancel')));
  });

  test('says it in Danish too', async () => {
    await start('rate-limit');
    const page = await (await fetch(sandbox.origin, { headers: { 'accept-language': 'da' } })).text();
    expect(page).toContain(frontPageTexts.da.active('For mange kald til Dinero'));
    for (const { title, does, page: seen, api } of SCENARIOS) {
      for (const said of [title, does, seen, api]) expect(page).toContain(said.da);
    }
  });

  test('starts nothing that is no scenario, and nothing for another site', async () => {
    for (const scenario of ['', 'unknown', '__proto__', 'constructor']) {
      expect((await postForm(sandbox, '/switches/scenarios', { scenario })).status).toBe(200);
    }
    const headers = { 'sec-fetch-site': 'cross-site' };
    expect((await postForm(sandbox, '/switches/scenarios', { scenario: 'cancel' }, headers)).status).toBe(403);
    expect(await frontPage()).toContain(words.normal);
  });
});

test('somebody who is signed in as another person is asked again while a scenario picks one, and may still choose', async () => {
  const jar = createCookieJar();
  await answerAuthorization(await leave(), { person: 'rikke', consent: 'accept', jar });
  const signIns = () => sandbox.requests.filter((one) => one.path.endsWith('/sign-in')).length;
  expect(signIns()).toBe(1);
  await start('person-without-pro');
  for (const [person, total] of [['mads', 2] as const, ['kirsten', 3] as const, ['kirsten', 3] as const]) {
    const answer = await answerAuthorization(await leave(), { person, consent: 'accept', jar });
    expect(answer).toMatchObject({ fields: { code: expect.any(String) } });
    expect(signIns()).toBe(total);
  }
});

test.each(['da', 'en'] as const)('the words that a scenario quotes are on the app’s pages (%s)', (language) => {
  const sentences = readFileSync(`src/locales/${language}.json`, 'utf8');
  const quoted = SCENARIOS.flatMap(({ page }) => [...page[language].matchAll(/“([^”]+)”/g)].map(([, words]) => words));
  expect(quoted).toHaveLength(8);
  for (const one of quoted) expect(sentences).toContain(`: "${one}"`);
});

test('every scenario is in the table of docs/sandbox.md, with what it promises, and nothing else is', () => {
  const [, section = ''] = readFileSync('docs/sandbox.md', 'utf8').split('## Scenarios\n');
  const lines =
    section
      .split('\n## ')[0]
      ?.split('\n')
      .filter((line) => line.startsWith('|')) ?? [];
  const rows = lines.slice(2).map((line) => line.slice(2, -2).split(' | '));
  expect(rows).toEqual(
    SCENARIOS.map(({ title, does, page, api, webhook }) => [
      title.en,
      does.en,
      page.en,
      api.en,
      webhook === null ? 'none' : `\`${webhook}\``,
    ]),
  );
});
