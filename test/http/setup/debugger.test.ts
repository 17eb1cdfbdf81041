import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import request, { type Response } from 'supertest';
import { createReferences } from '../../../src/http/setup/references.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../../support/app.ts';
import { type Browser, openBrowser, textOf } from '../../support/browser.ts';
import { createFixedClock } from '../../support/clock.ts';
import { answerAuthorization } from '../../support/person.ts';

let sandbox: Sandbox;
let testApp: TestApp;
let browser: Browser;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => {
  testApp = createTestApp(sandbox, { setup: 'open' });
  browser = openBrowser(testApp.app, { 'accept-language': 'en' });
});

async function paste(text: string): Promise<Response> {
  return browser.submit(await browser.get('/setup/debugger'), '/setup/debugger', { text });
}

const referenceOf = (page: Response) => /Reference: (\w+)/.exec(textOf(page))?.[1] ?? 'none';

describe('an error code', () => {
  test('is answered on the same page: what happened, the causes in order, what to change and where', async () => {
    const page = await paste('invalid_client');
    expect(page.status).toBe(200);
    expect(page.text).toContain('What happened: <code>invalid_client</code>');
    expect(textOf(page)).toMatch(
      /Likely causes.*VISMA_CLIENT_SECRET is wrong.*VISMA_CLIENT_ID is misspelt: isv_test.*What to change, and where.*Generate secret/,
    );
  });

  test('is explained with this app’s own settings', async () => {
    const page = await paste('https://x.example/?error=invalid_request&error_description=Invalid%20redirect_uri');
    expect(textOf(page)).toContain('Register exactly http://localhost:3000/oauth/callback in the portal');
  });

  test('is explained in Danish, too', async () => {
    browser = openBrowser(testApp.app);
    expect(textOf(await paste('{"code":90,"message":"x"}'))).toContain('Virksomheden har ikke Dinero Pro');
  });

  test('that nobody knows is said to be unknown, with what to do then', async () => {
    expect(textOf(await paste('no idea'))).toContain('This is not known here');
  });
});

describe('an error id', () => {
  test('of the sandbox leads to what the sandbox recorded, and nobody asks there', async () => {
    const url = new URL(await browser.start());
    url.searchParams.set('redirect_uri', 'http://localhost:3000/other');
    const answer = await answerAuthorization(url.href, { person: 'rikke', consent: 'accept' });
    const address = 'errorPage' in answer ? answer.errorPage : '';
    const id = new URL(address).searchParams.get('errorId') ?? '';
    const before = sandbox.requests.length;
    for (const text of [address, id]) {
      const page = await paste(text);
      expect(page.text).toContain(`<a href="${sandbox.origin}/debugger?errorId=${id}"`);
      expect(textOf(page)).not.toContain('My Applications → More → Debugger');
    }
    expect(sandbox.requests).toHaveLength(before);
    const explained = await fetch(`${sandbox.origin}/debugger?errorId=${id}`);
    expect(await explained.text()).toContain('http://localhost:3000/other');
  });

  test('of the real Visma Connect leads to the portal’s Debugger', async () => {
    const page = await paste(`https://connect.visma.com/error?errorId=CfDJ8${'x'.repeat(60)}`);
    expect(textOf(page)).toContain('My Applications → More → Debugger');
    expect(page.text).not.toContain(`${sandbox.origin}/debugger`);
  });

  test('alone leads nowhere else than to the portal where the provider is no sandbox', async () => {
    testApp = createTestApp({ origin: 'https://connect.visma.com' }, { setup: 'open' });
    browser = openBrowser(testApp.app, { 'accept-language': 'en' });
    for (const text of ['a'.repeat(32), `https://connect.visma.com/error?errorId=${'a'.repeat(32)}`]) {
      const page = await paste(text);
      expect(textOf(page)).toContain('My Applications → More → Debugger');
      expect(page.text).not.toContain('/debugger?errorId');
    }
  });

  test('that is no id of the sandbox stays out of every address', async () => {
    const page = await paste('errorId="><b>x</b>');
    expect(page.text).toContain(`<a href="${sandbox.origin}/debugger"`);
    expect(page.text).not.toContain('<b>x');
  });
});

describe('a reference of an error page', () => {
  test('says which error it was, where, and what it means', async () => {
    const failed = await browser.get('/oauth/finish/6f1f6f1e-0000-4000-8000-000000000000?continue=1');
    expect(failed.status).toBe(400);
    const page = await paste(` ${referenceOf(failed).toLowerCase()} `);
    expect(page.text).toContain('What happened: <code>attempt_unknown</code>');
    expect(textOf(page)).toContain('GET /oauth/finish/6f1f6f1e-0000-4000-8000-000000000000');
    expect(textOf(page)).toContain('there is no attempt that fits');
  });

  test('names a path only as it may be logged, and as it is', async () => {
    const link = await browser.get('/link/a-secret-token');
    expect(textOf(await paste(referenceOf(link)))).toContain('GET /link/:token');
    const odd = await browser.get('/nowhere-$t(site.skip)');
    expect(textOf(await paste(referenceOf(odd)))).toContain('GET /nowhere-$t(site.skip),');
  });

  test('that is not remembered says where else to look', async () => {
    expect(textOf(await paste('A1B2C3D4E5'))).toContain('Only the last 500 are remembered');
  });

  test('is forgotten after five hundred others', () => {
    const references = createReferences(createFixedClock());
    const about = { code: 'not_found', method: 'GET', path: `/${'x'.repeat(5_000)}` } as const;
    for (let number = 0; number <= 500; number += 1) references.remember(`R${number}`, about);
    expect(references.find('R0')).toBeNull();
    expect(references.find('R1')?.path).toHaveLength(200);
    expect(references.find('R500')).toMatchObject({ code: 'not_found', method: 'GET' });
  });
});

describe('what is pasted', () => {
  const canary = 'kanariefugl-4711';

  test('is text: shown again as it was, escaped', async () => {
    const page = await paste(`<script>alert(1)</script>\r\n"'&<%= x %> {{brand}} $t(site.skip)`);
    expect(page.text).not.toContain('<script');
    expect(page.text).toContain(
      '&lt;script&gt;alert(1)&lt;/script&gt;\n&#34;&#39;&amp;&lt;%= x %&gt; {{brand}} $t(site.skip)',
    );
  });

  test('is kept nowhere: not in the log, not in a cookie, not in an address, not on the next page', async () => {
    const page = await paste(`invalid_grant ${canary}`);
    expect(page.text).toContain(canary);
    expect(page.text.split(canary)).toHaveLength(2);
    expect(page.headers['cache-control']).toBe('no-store');
    expect(JSON.stringify(page.headers)).not.toContain(canary);
    expect(testApp.logText()).not.toContain(canary);
    expect((await browser.get('/setup/debugger')).text).not.toContain(canary);
  });

  test.each(['', '  \n '])('%j is asked for again', async (text) => {
    const page = await paste(text);
    expect(page.status).toBe(422);
    expect(textOf(page)).toContain('There was nothing');
  });

  test('may have four thousand characters of any kind, and no more', async () => {
    const line = 'invalid_grant 🌷';
    const whole = `${line}\r\n`.repeat(10) + '🌷'.repeat((4_000 - 10 * (line.length + 1)) / 2);
    expect((await paste(whole)).text).toContain('<code>invalid_grant</code>');
    const more = await paste(`${whole}x`);
    expect(more.status).toBe(422);
    expect(textOf(more)).toContain('Paste 4000 characters at most');
  });

  test('is not explained without the form’s token, and not lost either', async () => {
    await browser.get('/setup/debugger');
    const page = await browser.post('/setup/debugger', { _csrf: 'x', text: 'invalid_grant' });
    expect(page.status).toBe(403);
    expect(page.text).toMatch(/<textarea[^>]*>\ninvalid_grant<\/textarea>/);
    expect(textOf(page)).not.toContain('What happened');
  });

  test('twice, or as something else than a form, is refused', async () => {
    const page = await browser.get('/setup/debugger');
    const token = /name="_csrf" value="([^"]+)"/.exec(page.text)?.[1];
    expect((await browser.agent.post('/setup/debugger').type('form').send(`_csrf=${token}&text=a&text=b`)).status).toBe(
      400,
    );
    expect((await request(testApp.app).post('/setup/debugger').send({ text: 'x' })).status).toBe(415);
  });
});
