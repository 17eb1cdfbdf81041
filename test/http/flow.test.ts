import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../support/app.ts';
import { type Browser, openBrowser, textOf } from '../support/browser.ts';

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

describe('the steps that operators count', () => {
  const finished = (outcome: string, code: string | null = null) => ({ step: 'finished', outcome, code });

  const connected = { step: 'connected' };
  const counted = () => testApp.steps.filter(({ step }) => step === 'connected').length;
  const choose = async (browser: Browser, organizationId: string) =>
    browser.submit(await browser.get('/organizations'), '/organizations', { organizationId });
  const signInAgain = async (browser: Browser, person: string) =>
    String((await browser.signIn(person, { start: { prompt: 'login' } })).headers.location);
  const answer = async (browser: Browser, question: string, decision: string) =>
    browser.submit(await browser.get(question), question, { decision });

  test('are start, finish and the first company; a later company is none', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    expect(testApp.steps).toEqual([{ step: 'started' }, finished('authorized'), connected]);
    await choose(browser, '118244');
    expect(testApp.steps).toHaveLength(3);
  });

  test('are not taken again by whoever changes company', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('mads', '201001');
    await choose(browser, '201002');
    expect(textOf(await browser.get('/connection'))).toContain('Virksomhed skiftet');
    expect(counted()).toBe(1);
  });

  test('of a double click on a company are those of one click, and so is its timeline', async () => {
    const browser = openBrowser(testApp.app);
    await browser.signIn('rikke');
    const picker = await browser.get('/organizations');
    const clicks = [1, 2].map(() => browser.submit(picker, '/organizations', { organizationId: '118244' }));
    for (const { headers } of await Promise.all(clicks)) expect(headers.location).toBe('/connection');
    expect(counted()).toBe(1);
    const { id } = (await testApp.stores.connections.findByUser(testApp.connectedUsers()[0] ?? '')) ?? { id: '' };
    const lines = await testApp.stores.events.listLatest(id, 10);
    expect(lines.filter(({ type }) => type === 'organization_chosen')).toHaveLength(1);
  });

  test('of a reconnect end with the company it had, once', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    testApp.steps.length = 0;
    expect(await signInAgain(browser, 'rikke')).toBe('/connection');
    expect(testApp.steps).toEqual([{ step: 'started' }, connected, finished('connected')]);
    await choose(browser, '118244');
    expect(counted()).toBe(1);
  });

  test.each([
    ['the same', '201001'],
    ['another', '201002'],
  ])('of a reconnect while Dinero is down end with %s company, chosen a minute later', async (_which, company) => {
    const browser = openBrowser(testApp.app);
    await browser.connect('mads', '201001');
    testApp.steps.length = 0;
    sandbox.faults.set('organizations', { kind: 'status', status: 503 });
    expect(await signInAgain(browser, 'mads')).toBe('/organizations');
    sandbox.faults.clear();
    testApp.clock.advance(60);
    await choose(browser, company);
    expect(testApp.steps).toEqual([{ step: 'started' }, finished('authorized'), connected]);
  });

  describe('of somebody who is asked', () => {
    let browser: Browser;
    let question: string;
    beforeEach(async () => {
      browser = openBrowser(testApp.app);
      await browser.connect('rikke', '118244');
      sandbox.changeOrganization(118244, null);
      await ask();
    });

    async function ask(): Promise<void> {
      testApp.steps.length = 0;
      question = await signInAgain(browser, 'rikke');
      expect(testApp.steps).toEqual([{ step: 'started' }, finished('undecided')]);
    }

    test.each(['keep', 'replace'])(
      'end with the company from before after %s, once for two clicks',
      async (decision) => {
        const page = await browser.get(question);
        sandbox.reset();
        const clicks = [1, 2].map(() => browser.submit(page, question, { decision }));
        for (const { headers } of await Promise.all(clicks)) expect(headers.location).toBe('/connection');
        expect(testApp.steps.slice(2)).toEqual([connected]);
        await choose(browser, '118244');
        expect(counted()).toBe(1);
      },
    );

    test('and loses the company end with the one that is chosen next', async () => {
      question = await signInAgain(browser, 'mads');
      testApp.steps.length = 0;
      expect((await answer(browser, question, 'replace')).headers.location).toBe('/organizations');
      expect(testApp.steps).toEqual([]);
      await choose(browser, '201001');
      expect(testApp.steps).toEqual([connected]);
    });

    test('and keeps a connection that has stopped end there', async () => {
      testApp.clock.advance(3600);
      await sandbox.revokeAuthorizations('rikke');
      await browser.get('/organizations');
      await ask();
      expect((await answer(browser, question, 'keep')).headers.location).toBe('/connection');
      expect(testApp.steps).toHaveLength(2);
    });

    test('and never answers end there', async () => {
      testApp.clock.advance(7201);
      await testApp.core.housekeeping.run();
      expect((await browser.get(question)).headers.location).toBe('/connection');
      expect(testApp.steps).toHaveLength(2);
    });

    test('and answers after another sign-in are those of the other one', async () => {
      sandbox.reset();
      testApp.clock.advance(1);
      await signInAgain(browser, 'rikke');
      expect(counted()).toBe(1);
      await answer(browser, question, 'keep');
      expect(counted()).toBe(1);
    });
  });

  test('tell why an attempt failed, once however often its end is looked at', async () => {
    const browser = openBrowser(testApp.app);
    const cancelled = await browser.signIn('rikke', { consent: 'cancel' });
    expect(cancelled.status).toBe(200);
    await browser.get(new URL(String((cancelled as unknown as { request: { url: string } }).request.url)).pathname);
    expect(testApp.steps).toEqual([{ step: 'started' }, finished('failed', 'access_denied')]);
  });
});

describe('the whole way', () => {
  test('from the first page to a connected company', async () => {
    const browser = openBrowser(testApp.app);
    expect(textOf(await browser.get('/'))).toContain('Forbind Fakturaflow til Dinero');
    const back = await browser.signIn('rikke');
    expect(back.status).toBe(303);
    expect(back.headers.location).toBe('/organizations');
    const picker = await browser.get('/organizations');
    expect(textOf(picker)).toContain('RN');
    expect(picker.text).not.toMatch(/checked/);
    const chosen = await browser.submit(picker, '/organizations', { organizationId: '118244' });
    expect(chosen.headers.location).toBe('/connection');
    const connection = textOf(await browser.get('/connection'));
    expect(connection).toContain('Du er forbundet');
    expect(connection).toContain('CVR 12345678');
    expect(textOf(await browser.get('/'))).toContain('Du er allerede forbundet');
  });
});
