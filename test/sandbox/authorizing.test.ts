import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { answerAuthorization } from '../support/person.ts';
import { authorize, authorizeUrl, createChallenge, REDIRECT_URI, redeem, SCOPE, startTestSandbox } from './support.ts';

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
