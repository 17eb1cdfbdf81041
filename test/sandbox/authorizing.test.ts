import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { answerAuthorization, createCookieJar } from '../support/person.ts';
import {
  authorize,
  authorizeUrl,
  createChallenge,
  REDIRECT_URI,
  redeem,
  refresh,
  SCOPE,
  startTestSandbox,
} from './support.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const accept = { person: 'rikke', consent: 'accept' } as const;

describe('the answer to an authorize request', () => {
  test('without openid is a form of code, scope, state and iss for the redirect URI', async () => {
    const answer = await answerAuthorization(authorizeUrl(sandbox), accept);
    expect(answer).toEqual({
      action: REDIRECT_URI,
      fields: {
        code: expect.stringMatching(/^[0-9A-F]{64}-1$/),
        scope: 'dineropublicapi:write dineropublicapi:read offline_access',
        state: 'the-state',
        iss: sandbox.origin,
      },
    });
  });

  test('with openid also carries session_state', async () => {
    const fields = await authorize(sandbox, { scope: `openid ${SCOPE}` });
    expect(Object.keys(fields)).toEqual(['code', 'scope', 'state', 'iss', 'session_state']);
  });

  test('keeps any state as it was, and none when none was sent', async () => {
    const odd = '<b>"\' &amp; 🌷 + %20 æøå';
    expect((await authorize(sandbox, { state: odd })).state).toBe(odd);
    expect(await authorize(sandbox, { state: null })).not.toHaveProperty('state');
  });

  test('goes into the query or the fragment when the request asks for that', async () => {
    for (const mode of ['query', 'fragment']) {
      const answer = await answerAuthorization(authorizeUrl(sandbox, { response_mode: mode }), accept);
      expect(answer).toMatchObject({ action: REDIRECT_URI, fields: { state: 'the-state', iss: sandbox.origin } });
    }
  });

  test('is readable by the test that asks what was issued', async () => {
    const { code = '' } = await authorize(sandbox);
    expect(sandbox.issued.codes).toContain(code);
  });
});

describe('an error that comes back', () => {
  test('is access_denied with state, without iss and scope, for somebody who cancels at the consent', async () => {
    const answer = await answerAuthorization(authorizeUrl(sandbox), { person: 'rikke', consent: 'cancel' });
    const fields = { error: 'access_denied', error_description: expect.any(String), state: 'the-state' };
    expect(answer).toEqual({ action: REDIRECT_URI, fields });
  });

  test('is one of the six also for prompt=none without a session', async () => {
    const answer = await answerAuthorization(authorizeUrl(sandbox, { prompt: 'none' }), accept);
    expect(answer).toEqual({
      action: REDIRECT_URI,
      fields: { error: 'login_required', error_description: expect.any(String), state: 'the-state' },
    });
  });
});

describe('any other error strands the person on the error page, and the debugger explains it', () => {
  const cases: [string, Record<string, string | null>, string, string][] = [
    ['an unknown client', { client_id: 'isv_nobody' }, 'invalid_client', 'client_id=isv_sandbox'],
    ['an unregistered redirect URI', { redirect_uri: `${REDIRECT_URI}/x` }, 'invalid_redirect_uri', REDIRECT_URI],
    ['a redirect URI with a slash more', { redirect_uri: `${REDIRECT_URI}/` }, 'invalid_redirect_uri', REDIRECT_URI],
    ['a missing redirect URI', { redirect_uri: null }, 'invalid_request', 'redirect_uri'],
    ['an unknown scope', { scope: 'dineropublicapi:everything' }, 'invalid_scope', 'dineropublicapi:read'],
    ['a missing scope', { scope: null }, 'invalid_request', 'dineropublicapi:read'],
    ['another response type', { response_type: 'token' }, 'unsupported_response_type', 'response_type=code'],
    ['another response mode', { response_mode: 'carrier_pigeon' }, 'unsupported_response_mode', 'form_post'],
    ['a nonce of 301 characters', { nonce: 'n'.repeat(301), scope: 'openid' }, 'invalid_request', 'nonce'],
    ['PKCE with plain', { code_challenge: 'c'.repeat(43), code_challenge_method: 'plain' }, 'invalid_request', 'S256'],
  ];
  test.each(cases)('%s', async (_name, changes, error, advice) => {
    const answer = await answerAuthorization(authorizeUrl(sandbox, changes), accept);
    expect(answer).toEqual({ errorPage: expect.stringMatching(/\/error\?errorId=[0-9a-f]{32}$/) });
    const { errorPage } = answer as { errorPage: string };
    const page = await fetch(errorPage);
    expect(await page.text()).toContain(error);
    const explanation = await (await fetch(errorPage.replace('/error?', '/debugger?'))).text();
    expect(explanation).toContain('What to change');
    expect(explanation).toContain(advice);
  });

  test('a missing code challenge, when PKCE is required', async () => {
    sandbox.settings.pkceRequired = true;
    const answer = await answerAuthorization(authorizeUrl(sandbox), accept);
    expect(answer).toHaveProperty('errorPage');
    const { challenge, verifier } = createChallenge();
    const { code = '' } = await authorize(sandbox, { code_challenge: challenge, code_challenge_method: 'S256' });
    expect((await redeem(sandbox, code, { code_verifier: verifier })).status).toBe(200);
  });

  test('what the request carried is shown as text, never as HTML', async () => {
    const changes = { client_id: '<script>alert(1)</script>' };
    const { errorPage } = (await answerAuthorization(authorizeUrl(sandbox, changes), accept)) as { errorPage: string };
    const explanation = await (await fetch(errorPage.replace('/error?', '/debugger?'))).text();
    expect(explanation).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(explanation).not.toContain('<script>');
  });

  test('an id that nobody knows is said to be unknown', async () => {
    expect(await (await fetch(`${sandbox.origin}/debugger?errorId=abc`)).text()).toContain('No error of this id');
  });
});

describe('the pages', () => {
  async function seePages(changes: Record<string, string>) {
    const jar = createCookieJar();
    const texts: string[] = [];
    const original = globalThis.fetch;
    globalThis.fetch = async (input, init) => {
      const response = await original(input, init);
      if (response.status === 200) texts.push(await response.clone().text());
      return response;
    };
    try {
      await answerAuthorization(authorizeUrl(sandbox, changes), { ...accept, jar });
    } finally {
      globalThis.fetch = original;
    }
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
    const signIns = () => sandbox.requests.filter(({ path }) => path.endsWith('/sign-in')).length;
    expect(signIns()).toBe(1);
    await answerAuthorization(authorizeUrl(sandbox, { prompt: 'login' }), { ...accept, jar });
    expect(signIns()).toBe(2);
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

test('the metadata says what Visma Connect says', async () => {
  const response = await fetch(`${sandbox.origin}/.well-known/openid-configuration`);
  expect(await response.json()).toMatchObject({
    issuer: sandbox.origin,
    authorization_endpoint: `${sandbox.origin}/connect/authorize`,
    token_endpoint: `${sandbox.origin}/connect/token`,
    revocation_endpoint: `${sandbox.origin}/connect/revocation`,
    userinfo_endpoint: `${sandbox.origin}/connect/userinfo`,
    end_session_endpoint: `${sandbox.origin}/connect/endsession`,
    jwks_uri: `${sandbox.origin}/.well-known/openid-configuration/jwks`,
    authorization_response_iss_parameter_supported: true,
    response_modes_supported: expect.arrayContaining(['form_post']),
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    id_token_signing_alg_values_supported: ['RS256'],
  });
});

describe('signing out', () => {
  async function signOut(jar = createCookieJar()) {
    const home = new URL('/', REDIRECT_URI).href;
    const query = new URLSearchParams({ client_id: 'isv_sandbox', post_logout_redirect_uri: home, state: 's' });
    const url = new URL(`/connect/endsession?${query}`, sandbox.origin);
    const asked = await fetch(url, { headers: { cookie: jar.cookiesFor(url) } });
    jar.take(url, asked.headers.getSetCookie());
    const xsrf = (await asked.text()).match(/name="xsrf" value="([^"]+)"/)?.[1] ?? '';
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
