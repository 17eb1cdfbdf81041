import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { generateKeyPair, SignJWT } from 'jose';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestApp, defaultScopes, startTestSandbox, testClient } from '../support/app.ts';
import { openBrowser, textOf } from '../support/browser.ts';
import { answerAuthorization } from '../support/person.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => sandbox.reset());

const openidScopes = ['openid', ...defaultScopes];
type Claims = Record<string, unknown>;

const seconds = () => Math.floor(Date.now() / 1000);

/** The claims of a right id_token for the attempt that is under way. */
function rightClaims(): Claims {
  const nonce = nonces.at(-1);
  return {
    iss: sandbox.origin,
    aud: testClient.clientId,
    sub: 'somebody',
    nonce,
    iat: seconds(),
    exp: seconds() + 300,
  };
}

const nonces: string[] = [];

async function signInWith(scopes: string[], idToken: (claims: Claims) => Promise<unknown> | unknown) {
  const testApp = createTestApp(sandbox, { scopes });
  const browser = openBrowser(testApp.app);
  // The nonce is in the authorization URL, as every user agent sees it.
  const url = new URL(await browser.start());
  nonces.push(url.searchParams.get('nonce') ?? '');
  const wrong = await idToken(rightClaims());
  sandbox.faults.set('token', { kind: 'transform', transform: (body) => ({ ...body, id_token: wrong }) });
  const answer = await answerAuthorization(url.href, { person: 'rikke', consent: 'accept' });
  if ('errorPage' in answer) throw new Error(answer.errorPage);
  const page = await browser.get(await browser.comeBack(answer.fields));
  return { testApp, browser, page };
}

const foreign = await generateKeyPair('RS256');
const sign = (claims: Claims, header?: Claims) => sandbox.signIdToken(claims, header);
const unsigned = (claims: Claims) =>
  `${[{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;

const wrongTokens: [string, (claims: Claims) => Promise<unknown> | unknown][] = [
  ['of another nonce', (claims) => sign({ ...claims, nonce: 'another' })],
  ['without a nonce', ({ nonce: _nonce, ...claims }) => sign(claims)],
  ['of another issuer', (claims) => sign({ ...claims, iss: 'https://evil.example' })],
  ['for another client', (claims) => sign({ ...claims, aud: 'isv_other' })],
  ['for two clients without azp', (claims) => sign({ ...claims, aud: [testClient.clientId, 'isv_other'] })],
  ['of another authorized party', (claims) => sign({ ...claims, azp: 'isv_other' })],
  ['that ended an hour ago', (claims) => sign({ ...claims, exp: seconds() - 3600 })],
  ['without an end', ({ exp: _exp, ...claims }) => sign(claims)],
  ['without a time of issue', ({ iat: _iat, ...claims }) => sign(claims)],
  ['from an hour ahead', (claims) => sign({ ...claims, iat: seconds() + 3600, exp: seconds() + 7200 })],
  ['without a subject', ({ sub: _sub, ...claims }) => sign(claims)],
  ['that nobody signed', unsigned],
  [
    'signed with the client secret',
    (claims) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new TextEncoder().encode(testClient.clientSecret.padEnd(32, '0'))),
  ],
  [
    'signed with a foreign key',
    (claims) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(foreign.privateKey),
  ],
  ['that is no token', () => 'x.y.z'],
  ['that is no text', () => 42],
];

describe.each([
  ['with openid', openidScopes],
  ['without openid', defaultScopes],
])('%s', (_mode, scopes) => {
  test.each(wrongTokens)('an id_token %s stops everything, and nothing is stored', async (_name, idToken) => {
    const { testApp, browser, page } = await signInWith(scopes, idToken);
    expect(page.status).toBe(502);
    expect(textOf(page)).toContain('Vi kunne ikke være sikre på, hvem der loggede ind.');
    expect((await browser.get('/connection')).headers.location).toBe('/');
    expect(testApp.logs().filter(({ errorCode }) => errorCode === 'id_token_invalid')).toMatchObject([{ level: 50 }]);
  });

  test('a right id_token is accepted', async () => {
    const { page } = await signInWith(scopes, (claims) => sign(claims));
    expect(page.headers.location).toBe('/organizations');
  });
});

test('with openid a missing id_token stops everything', async () => {
  const { page } = await signInWith(openidScopes, () => undefined);
  expect(page.status).toBe(502);
});

test('without openid none is expected', async () => {
  const { page } = await signInWith(defaultScopes, () => undefined);
  expect(page.headers.location).toBe('/organizations');
});

test('keys that cannot be fetched are the provider’s trouble, not a forgery', async () => {
  sandbox.faults.set('jwks', { kind: 'status', status: 500 });
  const { page } = await signInWith(openidScopes, (claims) => sign(claims));
  expect(page.status).toBe(503);
});

test('null is no id_token', async () => {
  const { page } = await signInWith(defaultScopes, () => null);
  expect(page.headers.location).toBe('/organizations');
});

describe('who a user is', () => {
  test('is not told by an id_token that nobody asked for', async () => {
    const first = await signInWith(defaultScopes, (claims) => sign(claims));
    const second = openBrowser(first.testApp.app);
    expect((await second.signIn('rikke')).status).not.toBe(200);
    expect((await second.get('/connection')).headers.location).not.toBeUndefined();
    expect(new Set(first.testApp.connectedUsers()).size).toBe(first.testApp.connectedUsers().length);
  });

  test('with openid the same person in another browser finds the same connection', async () => {
    const testApp = createTestApp(sandbox, { scopes: openidScopes });
    const office = openBrowser(testApp.app);
    await office.connect('rikke', '118244');
    const phone = openBrowser(testApp.app);
    const back = await phone.signIn('rikke');
    expect(back.headers.location).toBe('/connection');
    expect(textOf(await phone.get('/connection'))).toContain('RN');
  });

  test('with openid another person in the same browser gets a connection of their own', async () => {
    const testApp = createTestApp(sandbox, { scopes: openidScopes });
    const browser = openBrowser(testApp.app);
    await browser.connect('rikke', '118244');
    const back = await browser.signIn('mads', { start: { prompt: 'login' } });
    expect(back.headers.location).toBe('/organizations');
    const again = openBrowser(testApp.app);
    expect((await again.signIn('rikke')).headers.location).toBe('/connection');
  });

  test('without openid the browser is the user: another browser starts anew', async () => {
    const testApp = createTestApp(sandbox);
    await openBrowser(testApp.app).connect('rikke', '118244');
    const phone = openBrowser(testApp.app);
    expect((await phone.get('/connection')).headers.location).toBe('/');
    expect((await phone.signIn('rikke')).headers.location).toBe('/organizations');
  });
});
