import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../support/app.ts';
import { openBrowser, textOf } from '../support/browser.ts';

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

  test('are start, finish and the first company; a later company is none', async () => {
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    expect(testApp.steps).toEqual([{ step: 'started' }, finished('authorized'), { step: 'connected' }]);
    await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId: '118244' });
    expect(testApp.steps).toHaveLength(3);
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
