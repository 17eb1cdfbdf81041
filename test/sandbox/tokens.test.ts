import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import * as support from './support.ts';

const { authorize, callDinero, CLIENT, connect, createChallenge, postForm, redeem, REDIRECT_URI, refresh } = support;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await support.startTestSandbox();
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

async function expectBareError(response: Response, error: string): Promise<void> {
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error });
  expect(response.headers.get('www-authenticate')).toBeNull();
}

describe('the token answer', () => {
  test('without openid has a JWT, 64 hex characters to refresh with, and no id_token', async () => {
    expect(await connect(sandbox)).toEqual({
      access_token: expect.stringMatching(/^eyJ/),
      expires_in: 3600,
      token_type: 'Bearer',
      refresh_token: expect.stringMatching(/^[0-9a-f]{64}$/),
      scope: 'dineropublicapi:write dineropublicapi:read offline_access',
    });
  });

  test('has an access token as it was captured', async () => {
    const { access_token } = await connect(sandbox);
    const claims = decodeJwt(access_token);
    expect(decodeProtectedHeader(access_token)).toMatchObject({ alg: 'RS256', typ: 'at+JWT' });
    expect(claims).toMatchObject({
      iss: sandbox.origin,
      aud: 'https://api.dinero.dk',
      client_id: CLIENT.clientId,
      sub: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      sid: expect.stringMatching(/^[0-9A-F]{32}$/),
      acr: expect.any(String),
      scope: ['dineropublicapi:write', 'dineropublicapi:read', 'offline_access'],
    });
    expect(claims.nbf).toBe(claims.iat);
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(3600);
  });

  test('with openid has an id_token that its own keys verify', async () => {
    const { id_token = '' } = await connect(sandbox, 'rikke', { scope: `openid ${support.SCOPE}` });
    const keys = createRemoteJWKSet(new URL('/.well-known/openid-configuration/jwks', sandbox.origin));
    const expected = { issuer: sandbox.origin, audience: CLIENT.clientId, algorithms: ['RS256'] };
    const { payload } = await jwtVerify(id_token, keys, expected);
    expect(payload.nonce).toBe('the-nonce');
    expect(payload.sub).toBe(decodeJwt((await connect(sandbox)).access_token).sub);
  });

  test('without offline_access has no refresh token', async () => {
    const tokens = await connect(sandbox, 'rikke', { scope: 'dineropublicapi:read' });
    expect(tokens).not.toHaveProperty('refresh_token');
    expect(tokens.scope).toBe('dineropublicapi:read');
  });

  test('lives as long as the portal says', async () => {
    sandbox.settings.accessTokenLifetimeSeconds = 120;
    expect((await connect(sandbox)).expires_in).toBe(120);
  });

  test('is readable by the test that asks what was issued', async () => {
    const tokens = await connect(sandbox, 'rikke', { scope: `openid ${support.SCOPE}` });
    expect(sandbox.issued.accessTokens).toContain(tokens.access_token);
    expect(sandbox.issued.refreshTokens).toContain(tokens.refresh_token);
    expect(sandbox.issued.idTokens).toContain(tokens.id_token);
  });
});

describe('a code', () => {
  test('works once', async () => {
    const { code = '' } = await authorize(sandbox);
    expect((await redeem(sandbox, code)).status).toBe(200);
    await expectBareError(await redeem(sandbox, code), 'invalid_grant');
  });

  test('is burned by a wrong redirect URI', async () => {
    const { code = '' } = await authorize(sandbox);
    await expectBareError(await redeem(sandbox, code, { redirect_uri: `${REDIRECT_URI}/x` }), 'invalid_grant');
    await expectBareError(await redeem(sandbox, code), 'invalid_grant');
  });

  test('is burned by a wrong or missing PKCE verifier', async () => {
    const { challenge, verifier } = createChallenge();
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256' };
    for (const wrong of [{ code_verifier: createChallenge().verifier }, {} as Record<string, string>]) {
      const { code = '' } = await authorize(sandbox, pkce);
      await expectBareError(await redeem(sandbox, code, wrong), 'invalid_grant');
      await expectBareError(await redeem(sandbox, code, { code_verifier: verifier }), 'invalid_grant');
    }
  });

  test('with the right verifier works, and a verifier nobody announced does not', async () => {
    const { challenge, verifier } = createChallenge();
    const { code = '' } = await authorize(sandbox, { code_challenge: challenge, code_challenge_method: 'S256' });
    expect((await redeem(sandbox, code, { code_verifier: verifier })).status).toBe(200);
    const plain = await authorize(sandbox);
    await expectBareError(await redeem(sandbox, plain.code ?? '', { code_verifier: verifier }), 'invalid_grant');
  });
});

describe('the client', () => {
  test('authenticates by Basic as well as by body', async () => {
    const { code = '' } = await authorize(sandbox);
    const basic = Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64');
    const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI };
    const response = await postForm(sandbox, '/connect/token', form, { authorization: `Basic ${basic}` });
    expect(response.status).toBe(200);
  });

  test('with a wrong secret, a wrong id or none gets a bare 400 invalid_client', async () => {
    const form = { grant_type: 'refresh_token', refresh_token: 'x' };
    await expectBareError(await support.callToken(sandbox, { ...form, client_secret: 'wrong' }), 'invalid_client');
    await expectBareError(await support.callToken(sandbox, { ...form, client_id: 'isv_nobody' }), 'invalid_client');
    await expectBareError(await postForm(sandbox, '/connect/token', form), 'invalid_client');
    const basic = { authorization: `Basic ${Buffer.from('isv_sandbox:wrong').toString('base64')}` };
    await expectBareError(await postForm(sandbox, '/connect/token', form, basic), 'invalid_client');
  });

  test('that sends JSON fails', async () => {
    const { code = '' } = await authorize(sandbox);
    const body = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, client_id: CLIENT.clientId };
    const response = await fetch(`${sandbox.origin}/connect/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, client_secret: CLIENT.clientSecret }),
    });
    await expectBareError(response, 'invalid_request');
  });

  test('that asks for another grant type, or accepts HTML, gets the same bare errors', async () => {
    const response = await support.callToken(sandbox, { grant_type: 'password', username: 'x', password: 'y' });
    await expectBareError(response, 'unsupported_grant_type');
    const form = { client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret, grant_type: 'refresh_token' };
    const browser = await postForm(sandbox, '/connect/token', { ...form, refresh_token: 'x' }, { accept: 'text/html' });
    await expectBareError(browser, 'invalid_grant');
  });
});

describe('revocation', () => {
  const credentials = { client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret };

  test('ends the refresh token, while the access token lives out its hour', async () => {
    const { access_token, refresh_token } = await connect(sandbox);
    const form = { token: refresh_token, token_type_hint: 'refresh_token', ...credentials };
    expect((await postForm(sandbox, '/connect/revocation', form)).status).toBe(200);
    await expectBareError(await refresh(sandbox, refresh_token), 'invalid_grant');
    expect((await callDinero(sandbox, '/v1/organizations', access_token)).status).toBe(200);
  });

  test('ends one authorization and not the others of the same person', async () => {
    const [first, second] = [await connect(sandbox), await connect(sandbox)];
    await postForm(sandbox, '/connect/revocation', { token: first.refresh_token, ...credentials });
    expect((await refresh(sandbox, second.refresh_token)).status).toBe(200);
  });

  test('of an unknown token, or of an access token, is 200', async () => {
    const { access_token } = await connect(sandbox);
    for (const token of ['unknown', access_token]) {
      expect((await postForm(sandbox, '/connect/revocation', { token, ...credentials })).status).toBe(200);
    }
  });

  test('by a wrong client is 400 and ends nothing', async () => {
    const { refresh_token } = await connect(sandbox);
    const form = { token: refresh_token, client_id: CLIENT.clientId, client_secret: 'wrong' };
    await expectBareError(await postForm(sandbox, '/connect/revocation', form), 'invalid_client');
    expect((await refresh(sandbox, refresh_token)).status).toBe(200);
  });
});

test('userinfo names the person to a token with openid and to no other', async () => {
  const ask = (token: string) => callDinero(sandbox, '/connect/userinfo', token);
  const { access_token } = await connect(sandbox, 'mads', { scope: `openid ${support.SCOPE}` });
  expect(await (await ask(access_token)).json()).toEqual({ sub: decodeJwt(access_token).sub });
  expect((await ask((await connect(sandbox)).access_token)).status).toBe(403);
  expect((await ask('nonsense')).status).toBe(401);
});

test('a test can make odd id_tokens with the real key, with none, and with the client secret', async () => {
  const keys = createRemoteJWKSet(new URL('/.well-known/openid-configuration/jwks', sandbox.origin));
  const signed = await sandbox.signIdToken({ iss: 'https://evil.example', sub: 'x' });
  expect((await jwtVerify(signed, keys)).payload.iss).toBe('https://evil.example');
  expect(await sandbox.signIdToken({ sub: 'x' }, { alg: 'none' })).toMatch(/^[^.]+\.[^.]+\.$/);
  expect(decodeProtectedHeader(await sandbox.signIdToken({ sub: 'x' }, { alg: 'HS256' })).alg).toBe('HS256');
});

test('token calls are counted, with what they carried', async () => {
  const { refresh_token } = await connect(sandbox);
  await refresh(sandbox, refresh_token);
  expect(sandbox.count('POST', '/connect/token')).toBe(2);
  const last = sandbox.requests.findLast(({ path }) => path === '/connect/token');
  expect(last?.form).toMatchObject({ grant_type: 'refresh_token', refresh_token });
  expect(last?.headers['content-type']).toContain('application/x-www-form-urlencoded');
});
