import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Response } from 'supertest';
import { ConnectError } from '../../../src/core/errors.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { startTestSandbox, type TestApp, testOrigin } from '../../support/app.ts';
import { type Browser, openBrowser, textOf } from '../../support/browser.ts';
import { acts, addUser, openOperator, signIn } from './support.ts';

let sandbox: Sandbox;
let testApp: TestApp;
let browser: Browser;
let keyId: string;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  ({ testApp, browser } = openOperator(sandbox, { webhookReceiver: { send: async () => ({ kind: 'delivered' }) } }));
  keyId = await signIn(testApp, browser);
});

/** The rows of every table of a page, as texts. */
function rowsOf(page: Response): string[][] {
  return [...page.text.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row]) =>
    [...(row ?? '').matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell]) =>
      (cell ?? '').replace(/<[^>]+>/g, '').trim(),
    ),
  );
}

const pictureOf = (page: Response, id: string) =>
  new RegExp(`<svg class="picture" role="img"[^>]*aria-labelledby="${id}-name[\\s\\S]*?</svg>`).exec(page.text)?.[0] ??
  '';

/** Tries to refresh this user's grant that often, each time a minute later, and gets nothing. */
async function failRefreshing(userId: string, failures: number): Promise<void> {
  const { connections } = testApp.stores;
  for (let count = 1; count <= failures; count += 1) {
    const connection = await connections.findByUser(userId);
    if (!connection) throw new Error('no such user');
    const now = testApp.clock.now();
    const later = new Date(now.getTime() + 60_000);
    await connections.takeLease(connection, { owner: `o${count}`, until: later }, now);
    const state = { sentAt: null, failures: count, nextAttemptAt: later };
    const event = count === 1 ? ({ type: 'refresh_delayed' } as const) : null;
    await connections.releaseLease(connection, `o${count}`, { state, dueAt: later, now }, event);
  }
}

describe('the overview', () => {
  test('counts people on their way, from the first click to the company, and where they stopped', async () => {
    const people = () => openBrowser(testApp.app, { 'accept-language': 'en' });
    await people().start();
    await people().signIn('rikke', { consent: 'cancel' });
    await people().signIn('rikke');
    await people().connect('rikke', '118244');
    await testApp.core.work.settled();
    const page = await browser.get('/operator');
    expect(page.status).toBe(200);
    const rows = rowsOf(page);
    expect(rows).toContainEqual(['Started', '4', '100%']);
    expect(rows).toContainEqual(['Came back', '3', '75%']);
    expect(rows).toContainEqual(['Gave access', '2', '50%']);
    expect(rows).toContainEqual(['Connected', '1', '25%']);
    expect(rows).toContainEqual(['You did not give access (access_denied)', '1']);
    const today = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
    expect(rows).toContainEqual([today.format(testApp.clock.now()), '1', '1', '0', '0', '0', '1']);
    expect(pictureOf(page, 'funnel-picture')).toContain('4 started, 3 came back, 2 gave access, 1 connected');
    expect(pictureOf(page, 'funnel-picture')).toMatch(/<rect class="stage-returned"[^>]*width="75.00%"/);
    expect(pictureOf(page, 'drop-offs-picture')).toMatch(/<rect class="column drop-cancelled"/);
  });

  test('counts as connected whoever reconnects, however they end up with a company', async () => {
    const reconnect = async (person: Browser) =>
      String((await person.signIn('rikke', { start: { prompt: 'login' } })).headers.location);
    const people = await Promise.all(
      ['down', 'keep', 'replace'].map(async (way) => {
        const person = openBrowser(testApp.app);
        await person.connect('rikke', '118244');
        return { way, person };
      }),
    );
    for (const { way, person } of people) {
      if (way === 'down') sandbox.faults.set('organizations', { kind: 'status', status: 503 });
      else sandbox.changeOrganization(118244, null);
      const next = await reconnect(person);
      sandbox.faults.clear();
      const asked = await person.get(next);
      sandbox.reset();
      await person.submit(asked, next, way === 'down' ? { organizationId: '118244' } : { decision: way });
      expect(textOf(await person.get('/connection'))).toContain('Du er forbundet');
    }
    await testApp.core.work.settled();
    const page = await browser.get('/operator');
    const rows = rowsOf(page);
    expect(rows).toContainEqual(['Gave access', '6', '100%']);
    expect(rows).toContainEqual(['Connected', '6', '100%']);
    expect(textOf(page)).toContain('Nobody stopped on the way in this period.');
  });

  test('covers the span that is asked for; three weeks later a week shows nothing of it', async () => {
    await openBrowser(testApp.app).start();
    await testApp.core.work.settled();
    testApp.clock.advance(21 * 86_400);
    await signIn(testApp, browser);
    const started = async (query: string) =>
      rowsOf(await browser.get(`/operator${query}`)).some(([name]) => name === 'Started');
    expect(await started('?days=7')).toBe(false);
    expect(await started('?days=30')).toBe(true);
    expect(await started('?days=90')).toBe(true);
    expect(await started('?days=31')).toBe(true);
    expect((await browser.get('/operator?days=90')).text).toContain('Each column is a week');
    expect((await browser.get('/operator?days=7')).text).toMatch(/days=7" aria-current="true"/);
  });

  test('forgets what is older than 400 days', async () => {
    await openBrowser(testApp.app).start();
    await testApp.core.work.settled();
    testApp.clock.advance(400 * 86_400);
    expect((await testApp.core.housekeeping.run()).deletedCounts).toBe(0);
    testApp.clock.advance(86_400);
    expect((await testApp.core.housekeeping.run()).deletedCounts).toBe(1);
  });

  test('loses no number while the database is away: housekeeping stores what could not be stored', async () => {
    const { onboarding } = testApp.stores;
    const { add } = onboarding;
    onboarding.add = async () => {
      throw new ConnectError('database_unavailable', 'database: SQLITE_BUSY');
    };
    expect(await openBrowser(testApp.app).start()).toContain('/connect/authorize');
    await testApp.core.work.settled();
    onboarding.add = add;
    await testApp.core.housekeeping.run();
    expect(rowsOf(await browser.get('/operator'))).toContainEqual(['Started', '1', '100%']);
  });

  test('shows how connections are, which end, and what waits', async () => {
    await addUser(testApp, 'u1');
    await addUser(testApp, 'u2');
    await testApp.stores.connections.disconnect('u2', testApp.clock.now());
    const page = await browser.get('/operator');
    const rows = rowsOf(page);
    expect(rows).toContainEqual(['Connected', '1', '50%']);
    expect(rows).toContainEqual(['Disconnected', '1', '50%']);
    expect(rows).toContainEqual(['Waiting for the first try', '3']);
    expect(pictureOf(page, 'ends-picture')).toContain('1 connections end in all');
    expect(pictureOf(page, 'ends-picture').match(/class="column ending"/g)).toHaveLength(1);
    expect(textOf(page)).toContain('Every refresh works');
  });

  test('names the worst of the refreshes that fail, with a way to each', async () => {
    const connectionId = await addUser(testApp, 'rikke@rn.example');
    await failRefreshing('rikke@rn.example', 3);
    const page = await browser.get('/operator');
    expect(page.text).toContain(`<a href="/operator/users/${connectionId}"><bdi>rikke@rn.example</bdi></a>`);
    expect(rowsOf(page)).toContainEqual([
      ...['rikke@rn.example', '3', expect.any(String), expect.any(String), 'Visma Connect did not answer as it should'],
    ]);
    expect(rowsOf(page)).toContainEqual(['Access still works', '1']);
    testApp.clock.advance(3_600);
    await signIn(testApp, browser);
    expect(rowsOf(await browser.get('/operator'))).toContainEqual(['Access is over', '1']);
  });

  test('is counted again after ten seconds, not with every look', async () => {
    const connected = async () => rowsOf(await browser.get('/operator')).find(([name]) => name === 'Connected')?.[1];
    await addUser(testApp, 'u1');
    expect(await connected()).toBe('1');
    await addUser(testApp, 'u2');
    expect(await connected()).toBe('1');
    testApp.clock.advance(10);
    expect(await connected()).toBe('2');
  });

  test('speaks Danish and keeps its span when the language changes', async () => {
    const page = await browser.get('/operator?days=90&lang=da');
    expect(textOf(page)).toContain('Sådan går det');
    expect(page.text).toContain('href="?days=90&amp;lang=en"');
  });

  test('is kept by nobody, found by no search engine, and brings neither script nor style of its own', async () => {
    await addUser(testApp, 'u1');
    const page = await browser.get('/operator');
    expect(page.headers).toMatchObject({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex, nofollow' });
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'self'; img-src 'self';/);
    expect(page.text).not.toMatch(/\sstyle=|<style|<script|\son\w+=|javascript:|https?:\/\/(?!localhost)/);
  });
});

describe('a search', () => {
  beforeEach(async () => {
    await addUser(testApp, 'customer-1', 'Blomster og Blade', '118301');
    await addUser(testApp, 'customer-2', 'RN');
  });

  const search = (query: Record<string, string>) => browser.get(`/operator/search?${new URLSearchParams(query)}`);
  const found = (page: Response) =>
    [...page.text.matchAll(/<a href="\/operator\/users\/[^"]+"><bdi>([^<]*)/g)].map(([, id]) => id);

  test.each<[Record<string, string>, string[]]>([
    [{ q: 'customer-1' }, ['customer-1']],
    [{ q: ' customer ' }, ['customer-1', 'customer-2']],
    [{ q: '118301' }, ['customer-1']],
    [{ q: 'blomster' }, ['customer-1']],
    [{ q: '', status: 'connected' }, ['customer-1', 'customer-2']],
    [{ q: 'customer', status: 'pending' }, []],
    [{ q: 'nobody' }, []],
    [{}, []],
  ])('by %j finds %j', async (query, expected) => {
    const page = await search(query);
    expect(page.status).toBe(200);
    expect(found(page)).toEqual(expected);
    const asked = Object.values(query).some((value) => value !== '');
    expect(textOf(page).includes('Nobody fits')).toBe(asked && expected.length === 0);
  });

  test.each(['q=%00', 'q=%ff', `q=${'x'.repeat(300)}`, 'q=a&q=b', 'q[]=a', 'status=all', 'after=%00', '__proto__=x'])(
    'by ?%s finds nobody, and breaks nothing',
    async (query) => {
      const page = await browser.get(`/operator/search?${query}`);
      expect([page.status, found(page)]).toEqual([200, []]);
    },
  );

  test.each([
    ['twenty-five', ''],
    ['as many with ids of 255 characters beyond 16 bits', '🌷'.repeat(247)],
    ['as many with ids that hold a replacement character', '\ufffd'],
  ])('shows %s at a time, each once, in either language', async (_what, ending) => {
    const ids = Array.from({ length: 50 }, (_, index) => `many ${index + 100}${ending}`);
    for (const id of ids) await addUser(testApp, id);
    const first = await search({ q: 'many' });
    expect(found(first)).toEqual(ids.slice(0, 25));
    const follow = (page: Response, link: RegExp) =>
      browser.get(`/operator/search${link.exec(page.text)?.[1]?.replaceAll('&amp;', '&')}`);
    const second = await follow(first, /href="\/operator\/search(\?[^"]+)"/);
    expect(found(second)).toEqual(ids.slice(25));
    expect(second.text).not.toContain('Show more');
    expect(found(await follow(second, /href="(\?[^"]*lang=da)"/))).toEqual(ids.slice(25));
  });

  test('is in the log without what was typed', async () => {
    await search({ q: 'customer-1' });
    expect(acts(testApp).at(-1)).toMatchObject({ act: 'search', apiKeyId: keyId, found: 1, status: null });
    expect(acts(testApp).at(-1)?.reference).toMatch(/^[0-9A-F]{10}$/);
    expect(testApp.logText()).not.toContain('customer-1');
  });
});

describe('a user', () => {
  const strangeId = '"><script>alert(1)</script>/../\u202e';
  const strangeName = '<img src=x onerror=alert(1)>\u202e';

  test('is shown with company, dates, what has happened and what the integrator was told', async () => {
    const path = `/operator/users/${await addUser(testApp, 'customer-1')}`;
    await failRefreshing('customer-1', 2);
    const page = await browser.get(path);
    const text = textOf(page);
    for (const words of ['User customer-1', 'Connected', 'RN', '12345678', 'Access given', 'Company chosen'])
      expect(text).toContain(words);
    expect(text).toMatch(/Failed refreshes in a row 2 /);
    expect(text).toMatch(/Generation 1 /);
    expect(rowsOf(page)).toContainEqual([
      ...['connection.connected', 'Waiting', '0', expect.any(String), expect.any(String), '–'],
    ]);
    expect(page.text).not.toMatch(/access-1|refresh-1/);
    expect(acts(testApp).at(-1)).toMatchObject({ act: 'look_at_user', apiKeyId: keyId, connectionId: path.slice(16) });
    expect(testApp.logText()).not.toContain('customer-1');
  });

  test('is told to need a reconnect, and why', async () => {
    const id = await addUser(testApp, 'customer-1');
    const connection = await testApp.stores.connections.findByUser('customer-1');
    if (!connection) throw new Error('no connection');
    await testApp.stores.connections.markNeedsReconnect(connection, 'refresh_expired', testApp.clock.now());
    expect(textOf(await browser.get(`/operator/users/${id}`))).toContain('Needs to reconnect: ');
  });

  test('has a timeline that goes on, page by page', async () => {
    const id = await addUser(testApp, 'customer-1');
    for (let count = 0; count < 15; count += 1) {
      const connection = await testApp.stores.connections.findByUser('customer-1');
      if (!connection) throw new Error('no connection');
      const company = { id: String(count), name: 'RN', vatNumber: null };
      await testApp.stores.connections.chooseOrganization(connection, company, testApp.clock.now(), {
        type: 'organization_changed',
      });
      await failRefreshing('customer-1', 1);
    }
    const lines = (page: Response) =>
      (/<ul class="events"[\s\S]*?<\/ul>/.exec(page.text)?.[0] ?? '').match(/<li>/g)?.length;
    const first = await browser.get(`/operator/users/${id}`);
    expect(lines(first)).toBe(20);
    const older = /href="(\/operator\/users\/[^"]+\?before=\d+)"/.exec(first.text)?.[1] ?? '';
    const second = await browser.get(older);
    expect(lines(second)).toBe(12);
    expect(textOf(second)).toContain('Newest');
    expect(lines(await browser.get(`/operator/users/${id}?before=x`))).toBe(20);
  });

  test('with a name that is meant to annoy is shown as it is, on every page', async () => {
    const id = await addUser(testApp, strangeId, strangeName);
    await failRefreshing(strangeId, 1);
    for (const path of ['/operator', '/operator/search?q=%22', `/operator/users/${id}`]) {
      const page = await browser.get(path);
      expect(page.status).toBe(200);
      expect(page.text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
      expect(page.text).not.toMatch(/<script|<img/);
    }
  });

  test.each(['6f1f6f1e-0000-4000-8000-000000000000', 'customer-1', '%00', '..%2f..', `${'x'.repeat(70)}`, '__proto__'])(
    'named %s is nobody, which is said calmly',
    async (id) => {
      await addUser(testApp, 'customer-1');
      const page = await browser.get(`/operator/users/${id}`);
      expect(page.status).toBe(404);
      expect(textOf(page)).toContain('There is no such user');
      expect(acts(testApp).at(-1)).toMatchObject({ act: 'sign_in' });
    },
  );

  test('never stands in the log with what was typed in place of an id', async () => {
    await browser.get('/operator/users/rikke@rn.example');
    expect(testApp.logText()).not.toContain('rikke');
    expect(testApp.logs().some(({ path }) => path === '/operator/users/:connectionId')).toBe(true);
  });
});

describe('a link', () => {
  const linkOf = (page: Response) => /value="(http[^"]+\/link\/[^"]+)" readonly/.exec(page.text)?.[1] ?? null;

  test('is made with one click, shown once, and leads its user to the connection', async () => {
    const id = await addUser(testApp, 'customer-1');
    const user = await browser.get(`/operator/users/${id}`);
    expect(linkOf(user)).toBeNull();
    const made = await browser.submit(user, `/operator/users/${id}/link`);
    expect(made.status).toBe(200);
    const url = linkOf(made) ?? '';
    expect(url.startsWith(`${testOrigin}/link/`)).toBe(true);
    expect(linkOf(await browser.get(`/operator/users/${id}`))).toBeNull();
    const person = openBrowser(testApp.app, { 'accept-language': 'en' });
    expect((await person.follow(url)).headers.location).toBe('/connection');
    expect(textOf(await person.get('/connection'))).toContain('RN');
    expect(acts(testApp).filter(({ act }) => act === 'make_link')).toMatchObject([
      { apiKeyId: keyId, connectionId: id },
    ]);
    expect(testApp.logText()).not.toContain(url.slice(-43));
  });

  test('is the same while nobody has opened it, and another one afterwards', async () => {
    const id = await addUser(testApp, 'customer-1');
    const page = await browser.get(`/operator/users/${id}`);
    const press = async () => linkOf(await browser.submit(page, `/operator/users/${id}/link`)) ?? '';
    const first = await press();
    expect(await press()).toBe(first);
    await openBrowser(testApp.app).follow(first);
    expect(await press()).not.toBe(first);
  });

  test('is made for nobody whom nobody knows', async () => {
    const page = await browser.get(`/operator/users/${await addUser(testApp, 'customer-1')}`);
    const answer = await browser.submit(page, '/operator/users/6f1f6f1e-0000-4000-8000-000000000000/link');
    expect(answer.status).toBe(404);
    expect(acts(testApp).some(({ act }) => act === 'make_link')).toBe(false);
  });
});

test.each([
  ['post', '/operator', 'GET, HEAD'],
  ['post', '/operator/search', 'GET, HEAD'],
  ['put', '/operator/users/1', 'GET, HEAD, POST'],
] as const)('%s %s is not allowed', async (method, path, allow) => {
  const token = /name="_csrf" value="([^"]+)"/.exec((await browser.get('/operator/search')).text)?.[1] ?? '';
  const answer = await browser.agent[method](path).type('form').send({ _csrf: token });
  expect([answer.status, answer.headers.allow]).toEqual([405, allow]);
});

test.each(['/operator/sign-in', '/operator/sign-out', '/operator/users'])(
  '%s in the address bar leads home',
  async (path) => {
    expect((await browser.get(path)).headers.location).toBe('/operator');
  },
);

test('a database that is gone is said to be, with a way back to the overview', async () => {
  const { oversight } = testApp.stores;
  oversight.countStatuses = async () => {
    throw new ConnectError('database_unavailable', 'database: SQLITE_BUSY');
  };
  const page = await browser.get('/operator');
  expect(page.status).toBe(503);
  expect(page.text).toContain('<a class="button button-filled" href="/operator">');
});
