import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { answerAuthorization, createCookieJar } from '../support/person.ts';
import { authorizeUrl, collectPages, REDIRECT_URI, redeem, refresh, SCOPE, startTestSandbox } from './support.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const accept = { person: 'rikke', consent: 'accept' } as const;

describe('the pages', () => {
  async function seePages(changes: Record<string, string>) {
    const jar = createCookieJar();
    const texts = await collectPages(() => answerAuthorization(authorizeUrl(sandbox, changes), { ...accept, jar }));
    return { jar, texts };
  }

  test('speak Danish for ui_locales=da-DK and say that this is a sandbox', async () => {
    const { texts } = await seePages({ ui_locales: 'da-DK en-GB' });
    expect(texts).toHaveLength(3);
    for (const text of texts) expect(text).toContain('<html lang="da">');
    for (const text of texts) expect(text).toContain('Testmiljø: ingen rigtige data');
    expect(texts[1]).toContain('Acceptér');
    expect(texts[1]).toContain('Annullér');
  });

  test('speak English otherwise', async () => {
    const { texts } = await seePages({});
    for (const text of texts) expect(text).toContain('<html lang="en">');
    for (const text of texts) expect(text).toContain('Sandbox: no real data');
  });

  test('ask for consent but not for a sign-in when one is signed in, unless prompt=login', async () => {
    const { jar } = await seePages({});
    await answerAuthorization(authorizeUrl(sandbox), { ...accept, jar });
    const answered = (page: string) => sandbox.requests.filter(({ path }) => path.endsWith(page)).length;
    expect([answered('/sign-in'), answered('/consent')]).toEqual([1, 2]);
    await answerAuthorization(authorizeUrl(sandbox, { prompt: 'login' }), { ...accept, jar });
    expect([answered('/sign-in'), answered('/consent')]).toEqual([2, 3]);
  });

  test('do not show at all with prompt=none for somebody who consented before', async () => {
    const { jar } = await seePages({});
    const answer = await answerAuthorization(authorizeUrl(sandbox, { prompt: 'none' }), { ...accept, jar });
    expect(answer).toMatchObject({ fields: { code: expect.any(String) } });
    expect(sandbox.requests.filter(({ path }) => path.endsWith('/consent'))).toHaveLength(1);
  });

  test('let another person sign in in the same browser', async () => {
    const { jar } = await seePages({});
    const again = authorizeUrl(sandbox, { prompt: 'login', scope: `openid ${SCOPE}` });
    const answer = await answerAuthorization(again, { person: 'mads', consent: 'accept', jar });
    const { code = '' } = (answer as { fields: Record<string, string> }).fields;
    const { id_token } = (await (await redeem(sandbox, code)).json()) as { id_token: string };
    expect(Buffer.from(id_token.split('.')[1] ?? '', 'base64url').toString()).toContain('0a02');
  });

  test('hand over with no referrer, by a script of their own origin or a visible button', async () => {
    const url = authorizeUrl(sandbox, { prompt: 'none' });
    const response = await fetch(url);
    const text = await response.text();
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(text).toContain('<script src="/assets/hand-over.js" defer></script>');
    expect(text).toContain('<button class="primary" type="submit">Continue</button>');
    expect(text).not.toContain('<noscript>');
    expect((await fetch(`${sandbox.origin}/assets/hand-over.js`)).status).toBe(200);
  });

  test('of a sign-in that is over tell so on the error page', async () => {
    const response = await fetch(`${sandbox.origin}/interaction/unknown`, { redirect: 'manual' });
    expect(response.headers.get('location')).toMatch(/^\/error\?errorId=/);
  });
});

describe('signing out', () => {
  async function signOut(jar = createCookieJar()) {
    const home = new URL('/', REDIRECT_URI).href;
    const query = new URLSearchParams({ client_id: 'isv_sandbox', post_logout_redirect_uri: home, state: 's' });
    const url = new URL(`/connect/endsession?${query}`, sandbox.origin);
    const asked = await fetch(url, { headers: { cookie: jar.cookiesFor(url) } });
    jar.take(url, asked.headers.getSetCookie());
    const page = await asked.text();
    expect(page).toContain('/assets/sandbox.css');
    const xsrf = page.match(/name="xsrf" value="([^"]+)"/)?.[1] ?? '';
    const confirmUrl = new URL('/connect/endsession/confirm', sandbox.origin);
    const done = await fetch(confirmUrl, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: jar.cookiesFor(confirmUrl) },
      body: new URLSearchParams({ xsrf, logout: 'yes' }),
    });
    jar.take(confirmUrl, done.headers.getSetCookie());
    return done.headers.get('location');
  }

  test('sends back to the app and asks who one is the next time', async () => {
    const jar = createCookieJar();
    await answerAuthorization(authorizeUrl(sandbox), { ...accept, jar });
    expect(await signOut(jar)).toBe('http://localhost:3000/?state=s');
    await answerAuthorization(authorizeUrl(sandbox), { ...accept, jar });
    expect(sandbox.requests.filter(({ path }) => path.endsWith('/sign-in'))).toHaveLength(2);
  });

  test('works for somebody who is not signed in', async () => {
    expect(await signOut()).toBe('http://localhost:3000/?state=s');
  });

  test('does not end what was authorized', async () => {
    const jar = createCookieJar();
    const answer = await answerAuthorization(authorizeUrl(sandbox), { ...accept, jar });
    const { code = '' } = (answer as { fields: Record<string, string> }).fields;
    const { refresh_token } = (await (await redeem(sandbox, code)).json()) as { refresh_token: string };
    await signOut(jar);
    expect((await refresh(sandbox, refresh_token)).status).toBe(200);
  });
});
