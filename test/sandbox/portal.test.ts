import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { MOST_APPLICATIONS, MOST_SECRETS } from '../../src/sandbox/applications.ts';
import { portalTexts } from '../../src/sandbox/portal-texts.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { answerAuthorization } from '../support/person.ts';
import {
  authorize,
  authorizeUrl,
  collectPages,
  connect,
  createChallenge,
  postForm,
  redeem,
  refresh,
  SCOPE,
  startTestSandbox,
  type Tokens,
} from './support.ts';

const words = portalTexts.en;
const ownUri = 'https://app.fakturaflow.example/oauth/callback';
const filled = {
  name: 'Fakturaflow',
  clientId: 'isv_fakturaflow',
  redirectUris: ownUri,
  read: 'yes',
  write: 'yes',
  grant: 'code',
  offline: 're-use',
  lifetimeDays: '180',
  graceSeconds: '0',
};
const path = '/portal/applications/isv_fakturaflow';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
beforeEach(async () => {
  sandbox.reset();
  await post(`${path}/remove`);
});
afterAll(() => sandbox.close());

const get = async (address: string, headers = {}) =>
  (await fetch(new URL(address, sandbox.origin), { headers })).text();
const post = (address: string, form: Record<string, string> = {}, headers = {}) =>
  postForm(sandbox, address, form, headers);
const without = (...names: string[]) =>
  Object.fromEntries(Object.entries(filled).filter(([name]) => !names.includes(name)));

async function generateSecret(): Promise<string> {
  const page = await (await post(`${path}/secrets`)).text();
  return /<code id="secret">([^<]+)</.exec(page)?.[1] ?? '';
}

/** Registered, with one secret; answers what its token calls need. */
async function register(changes: Record<string, string> = {}) {
  expect((await post('/portal/new', { ...filled, ...changes })).url).toBe(`${sandbox.origin}${path}`);
  const client_secret = await generateSecret();
  return { client_id: filled.clientId, client_secret };
}

const asked = { client_id: filled.clientId, redirect_uri: ownUri };

async function strandedOn(changes: Record<string, string>): Promise<{ error: string; advice: string }> {
  const answer = await answerAuthorization(authorizeUrl(sandbox, { ...asked, ...changes }), {
    person: 'rikke',
    consent: 'accept',
  });
  if (!('errorPage' in answer)) throw new Error('it was not stranded');
  const page = await get(answer.errorPage.replace('/error?', '/debugger?'));
  return {
    error: /<dt>Error<\/dt><dd>([^<]*)</.exec(page)?.[1] ?? '',
    advice: /What to change<\/h2>\n<p>([^<]*)</.exec(page)?.[1] ?? '',
  };
}

async function connectOwn(credentials: Record<string, string>, changes: Record<string, string> = {}): Promise<Tokens> {
  const { code = '' } = await authorize(sandbox, { ...asked, ...changes });
  const response = await redeem(sandbox, code, { ...credentials, redirect_uri: ownUri });
  return (await response.json()) as Tokens;
}

const errorOf = async (response: Response) => [response.status, ((await response.json()) as { error: string }).error];

describe('the portal', () => {
  test('is led to from the front page, and lists what is registered', async () => {
    expect(await get('/')).toContain('<a href="/portal">');
    expect(await get('/portal')).toContain(words.none);
    await register();
    const page = await get('/portal');
    expect(page).toContain(`<a href="${path}">Fakturaflow</a> <code>isv_fakturaflow</code>`);
    expect(page).toContain(words.builtIn('isv_sandbox'));
    expect(await get('/')).toMatch(/<dt>Registered applications<\/dt><dd>1</);
  });

  test('says what to register as redirect URI, to the letter', async () => {
    expect(await get('/portal/new')).toContain(words.fields.redirectUrisHint('http://localhost:3000/oauth/callback'));
  });

  test('shows a secret once, with what to start the app with', async () => {
    await post('/portal/new', filled);
    const shown = await (await post(`${path}/secrets`)).text();
    const secret = /<code id="secret">([^<]+)</.exec(shown)?.[1] ?? '';
    expect(secret).toHaveLength(43);
    expect(shown).toContain(`SANDBOX=true\nVISMA_CLIENT_ID=isv_fakturaflow\nVISMA_CLIENT_SECRET=${secret}`);
    for (const address of ['/portal', path, `${path}/secrets`, `${path}/remove`, '/']) {
      expect(await get(address)).not.toContain(secret);
    }
  });

  test('shows what was entered as text', async () => {
    await register({ name: '<b>&"' });
    expect(await get(path)).toContain('value="&lt;b&gt;&amp;&quot;"');
    const refused = await post('/portal/new', {
      ...filled,
      clientId: '"><script>',
      redirectUris: '</textarea><script>',
    });
    expect(await refused.text()).not.toContain('<script>');
  });

  test('speaks the language of the browser, and the one that is picked', async () => {
    const danish = { 'accept-language': 'da-DK,da;q=0.9,en;q=0.8' };
    expect(await get('/portal', danish)).toContain(portalTexts.da.lead);
    expect(await get('/portal')).toContain(words.lead);
    const picked = await fetch(`${sandbox.origin}/portal/new?language=da`, { redirect: 'manual' });
    expect([picked.status, picked.headers.get('location')]).toEqual([303, '/portal/new']);
    const cookie = picked.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect(await get('/portal', { cookie })).toContain(portalTexts.da.lead);
    expect(await get('/', { cookie })).toContain('<html lang="da">');
  });

  test('does nothing for another site', async () => {
    expect((await post('/portal/new', filled, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await fetch(`${sandbox.origin}${path}`)).status).toBe(404);
  });

  test('holds so many applications and secrets, and no more', async () => {
    await register();
    for (let count = 1; count < MOST_SECRETS; count += 1) await post(`${path}/secrets`);
    expect(await generateSecret()).toBe('');
    expect(await get(path)).toContain(words.secretMost(MOST_SECRETS));
    const others = Array.from({ length: MOST_APPLICATIONS - 1 }, (_, at) => `isv_company_a${at}`);
    for (const clientId of others) await post('/portal/new', { ...filled, clientId });
    await post('/portal/new', { ...filled, clientId: 'isv_onetoomany' });
    const list = await get('/portal');
    expect(list).toContain(words.most(MOST_APPLICATIONS));
    expect(list).not.toContain('isv_onetoomany');
    for (const clientId of others) await post(`/portal/applications/${clientId}/remove`);
  });
});

describe('an application is refused', () => {
  const refusals: [string, Record<string, string>, string][] = [
    ['with a client id that is not isv_', { clientId: 'fakturaflow' }, words.problems.clientIdForm('')],
    ['with a client id of odd characters', { clientId: 'isv_fakturaflow æ' }, words.problems.clientIdForm('')],
    ['with a client id too long', { clientId: `isv_${'x'.repeat(97)}` }, words.problems.clientIdForm('')],
    [
      'as isv_test-application',
      { clientId: 'isv_test-application' },
      words.problems.clientIdGeneric('isv_test-application'),
    ],
    [
      'with the example of the hint',
      { clientId: 'isv_dinvirksomhed_produkt' },
      words.problems.clientIdGeneric('isv_dinvirksomhed_produkt'),
    ],
    ['with a client id of words alone', { clientId: 'isv_my_app_2' }, words.problems.clientIdGeneric('isv_my_app_2')],
    ['with the example of the page', { clientId: 'isv_yourcompany_product' }, 'would be rejected'],
    ['without a name', { name: ' ' }, words.problems.nameMissing('')],
    ['with a name too long', { name: 'x'.repeat(81) }, words.problems.nameMissing('')],
    ['without a redirect URI', { redirectUris: ' \n ' }, words.problems.redirectMissing('')],
    ['with a relative redirect URI', { redirectUris: '/oauth/callback' }, 'is no whole web address'],
    ['with a space in a redirect URI', { redirectUris: 'https://a.example/x y' }, 'is no whole web address'],
    ['with a script as redirect URI', { redirectUris: 'javascript:alert(1)' }, 'is no whole web address'],
    ['with http off localhost', { redirectUris: 'http://app.example/cb' }, 'http is allowed on localhost alone'],
    ['with http on a host like localhost', { redirectUris: 'http://localhost.example/cb' }, 'on localhost alone'],
    ['with a fragment', { redirectUris: 'https://app.example/cb#x' }, 'has a part behind #'],
    ['with a wildcard', { redirectUris: 'https://*.app.example/cb' }, 'has a *'],
    ['with a password in it', { redirectUris: 'https://a:b@app.example/cb' }, 'holds a name or a password'],
    ['with a redirect URI twice', { redirectUris: `${ownUri}\n${ownUri}` }, 'is there twice'],
    ['with a redirect URI too long', { redirectUris: `https://app.example/${'x'.repeat(400)}` }, '400 characters'],
    [
      'with eleven redirect URIs',
      { redirectUris: Array.from({ length: 11 }, (_, at) => `https://app.example/${at}`).join('\n') },
      'Ten redirect URIs at most',
    ],
    ['without a scope', { read: '', write: '' }, words.problems.scopesMissing('')],
    ['with Internal, and the reason is said', { internal: 'yes' }, words.problems.scopesInternal('')],
    ['with a refresh token without end', { lifetimeDays: '0' }, words.problems.lifetime('')],
    ['with a refresh token of two years', { lifetimeDays: '730' }, words.problems.lifetime('')],
    ['with a grace period too short', { offline: 'one-time', graceSeconds: '4' }, words.problems.grace('')],
    ['with a grace period too long', { offline: 'one-time', graceSeconds: '61' }, words.problems.grace('')],
  ];

  test.each(refusals)('%s', async (_name, changes, sentence) => {
    const response = await post('/portal/new', { ...filled, ...changes });
    expect(response.status).toBe(422);
    const page = await response.text();
    expect(page).toContain('role="alert"');
    expect(page).toContain(sentence);
    expect(await get('/portal')).toContain(words.none);
  });

  test('with the client id of another one, or of the built-in one', async () => {
    await register();
    const page = await (await post('/portal/new', filled)).text();
    expect(page).toContain(words.problems.clientIdTaken('isv_fakturaflow'));
    const client = { clientId: 'isv_kornblomst', clientSecret: 'secret', redirectUris: [ownUri] };
    const other = await startTestSandbox({}, { client });
    const taken = await (await postForm(other, '/portal/new', { ...filled, clientId: client.clientId })).text();
    await other.close();
    expect(taken).toContain(words.problems.clientIdTaken(client.clientId));
  });

  test('in Danish too, with everything that was entered still there', async () => {
    const form = { ...filled, clientId: 'isv_test', redirectUris: 'http://a.example', internal: 'yes' };
    const page = await (await post('/portal/new', form, { 'accept-language': 'da' })).text();
    expect(page).toContain(portalTexts.da.problems.clientIdGeneric('isv_test'));
    expect(page).toContain(portalTexts.da.problems.redirectHttp('http://a.example'));
    expect(page).toContain(portalTexts.da.problems.scopesInternal(''));
    expect(page).toContain('name="name" value="Fakturaflow"');
    expect(page).toMatch(/name="internal"[^>]* checked/);
    expect(page).toContain('\nhttp://a.example</textarea>');
  });

  test('on localhost it is allowed', async () => {
    const redirectUris = 'http://localhost:3000/oauth/callback\nhttp://127.0.0.1:8080/\nhttp://[::1]:3000/x';
    await register({ redirectUris });
    expect(await get(path)).toContain(`\n${redirectUris}</textarea>`);
  });
});

describe('a registered application', () => {
  test('gets tokens, refreshes and revokes them, beside the built-in one', async () => {
    const credentials = await register();
    const tokens = await connectOwn(credentials);
    expect(tokens).toMatchObject({
      token_type: 'Bearer',
      scope: 'dineropublicapi:write dineropublicapi:read offline_access',
    });
    const refreshed = await refresh(sandbox, tokens.refresh_token, credentials);
    expect(refreshed.status).toBe(200);
    const claims = JSON.parse(Buffer.from(tokens.access_token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims.client_id).toBe('isv_fakturaflow');
    expect((await post('/connect/revocation', { ...credentials, token: tokens.refresh_token })).status).toBe(200);
    expect(await errorOf(await refresh(sandbox, tokens.refresh_token, credentials))).toEqual([400, 'invalid_grant']);
    expect((await connect(sandbox)).refresh_token).toHaveLength(64);
  });

  test('has the name that people see when they give access', async () => {
    await register();
    const [, consent] = await collectPages(() => authorize(sandbox, asked));
    expect(consent).toContain('Fakturaflow asks for access to your Dinero account');
  });

  test('has several secrets, each good until it is removed', async () => {
    const first = await register();
    const second = { ...first, client_secret: await generateSecret() };
    const { refresh_token } = await connectOwn(first);
    for (const credentials of [first, second]) {
      expect((await refresh(sandbox, refresh_token, credentials)).status).toBe(200);
    }
    for (const client_secret of ['wrong', 'sandbox-secret', '']) {
      const response = await refresh(sandbox, refresh_token, { ...first, client_secret });
      expect(await errorOf(response)).toEqual([400, 'invalid_client']);
    }
    const [oldest = ''] = [...(await get(path)).matchAll(/name="secret" value="(\w+)"/g)].map(([, id]) => id);
    await post(`${path}/secrets/remove`, { secret: oldest });
    expect(await errorOf(await refresh(sandbox, refresh_token, first))).toEqual([400, 'invalid_client']);
    expect((await refresh(sandbox, refresh_token, second)).status).toBe(200);
  });

  test('opens nothing while it has no secret', async () => {
    await post('/portal/new', filled);
    const response = await refresh(sandbox, 'x', { client_id: filled.clientId, client_secret: 'undefined' });
    expect(await errorOf(response)).toEqual([400, 'invalid_client']);
  });

  test('may come back to its redirect URIs alone, to the letter, and the debugger names them', async () => {
    await register();
    for (const redirect_uri of [
      `${ownUri}/`,
      `${ownUri}?a=b`,
      ownUri.toUpperCase(),
      'http://localhost:3000/oauth/callback',
    ]) {
      const { error, advice } = await strandedOn({ redirect_uri });
      expect(error).toBe('invalid_redirect_uri');
      expect(advice).toContain(ownUri);
    }
  });

  test('may ask for its own scopes alone', async () => {
    const credentials = await register({ write: '' });
    const { error, advice } = await strandedOn({});
    expect(error).toBe('invalid_scope');
    expect(advice).toContain(': dineropublicapi:read offline_access.');
    const tokens = await connectOwn(credentials, { scope: 'dineropublicapi:read offline_access' });
    expect(tokens.scope).toBe('dineropublicapi:read offline_access');
  });

  test('may use OpenID Connect only when it is on', async () => {
    await register();
    expect((await strandedOn({ scope: `openid ${SCOPE}` })).error).toBe('invalid_scope');
    await post(`${path}/remove`);
    const credentials = await register({ openid: 'yes' });
    expect((await connectOwn(credentials, { scope: `openid ${SCOPE}` })).id_token).toMatch(/^eyJ/);
  });

  test('gets no refresh token without offline access', async () => {
    const credentials = await register({ offline: 'none' });
    expect((await strandedOn({})).error).toBe('invalid_scope');
    const tokens = await connectOwn(credentials, { scope: 'dineropublicapi:read' });
    expect(tokens).not.toHaveProperty('refresh_token');
  });

  test('has to send a challenge when its grant says so, whatever the settings say', async () => {
    const credentials = await register({ grant: 'code-pkce' });
    expect((await strandedOn({})).advice).toContain('This client requires PKCE.');
    const { verifier, challenge } = createChallenge();
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256' };
    const tokens = await connectOwn({ ...credentials, code_verifier: verifier }, pkce);
    expect(tokens.token_type).toBe('Bearer');
    await post(`${path}/remove`);
    sandbox.settings.pkceRequired = true;
    expect(await connectOwn(await register())).toMatchObject({ token_type: 'Bearer' });
  });

  test('has refresh tokens of its own kind, with its own grace period, whatever the settings say', async () => {
    const oneTime = await register({ offline: 'one-time', graceSeconds: '60', lifetimeDays: '30' });
    const { refresh_token } = await connectOwn(oneTime);
    const again = (await (await refresh(sandbox, refresh_token, oneTime)).json()) as Tokens;
    expect(again.refresh_token).not.toBe(refresh_token);
    expect((await refresh(sandbox, refresh_token, oneTime)).status).toBe(200);
    await post(`${path}/remove`);
    sandbox.settings.refreshTokenUse = 'one-time';
    const reuse = await register();
    const tokens = await connectOwn(reuse);
    const refreshed = (await (await refresh(sandbox, tokens.refresh_token, reuse)).json()) as Tokens;
    expect(refreshed.refresh_token).toBe(tokens.refresh_token);
  });

  test('can be changed, all but its client id, and keeps its secrets', async () => {
    const credentials = await register();
    const other = 'https://other.fakturaflow.example/cb';
    const changed = await post(path, { ...without('write'), clientId: 'isv_other', redirectUris: other, name: 'Flow' });
    const page = await changed.text();
    expect(page).toContain(words.saved);
    expect(page).toContain('name="clientId" value="isv_fakturaflow"');
    expect((await strandedOn({})).error).toBe('invalid_redirect_uri');
    const { code = '' } = await authorize(sandbox, { ...asked, redirect_uri: other, scope: 'dineropublicapi:read' });
    expect((await redeem(sandbox, code, { ...credentials, redirect_uri: other })).status).toBe(200);
    const refused = await post(path, { ...filled, internal: 'yes' });
    expect(refused.status).toBe(422);
    expect(await get(path)).toContain(other);
  });

  test('is gone when it is removed: nobody signs in to it, and nothing is refreshed', async () => {
    const credentials = await register();
    const { refresh_token } = await connectOwn(credentials);
    expect(await get(`${path}/remove`)).toContain(words.removeTitle('Fakturaflow'));
    await post(`${path}/remove`);
    expect(await errorOf(await refresh(sandbox, refresh_token, credentials))).toEqual([400, 'invalid_client']);
    const { error, advice } = await strandedOn({});
    expect(error).toBe('invalid_client');
    expect(advice).toContain('registered on the portal’s page');
  });
});

test('what is registered, and given to it, outlives a restart', async () => {
  const stateFile = join(tmpdir(), `sandbox-portal-${randomUUID()}.json`);
  const before = sandbox;
  try {
    sandbox = await startTestSandbox({}, { stateFile });
    const credentials = await register({ offline: 'one-time', graceSeconds: '10' });
    const { refresh_token } = await connectOwn(credentials);
    await sandbox.close();
    sandbox = await startTestSandbox({}, { stateFile });
    expect(await get(path)).toContain('Fakturaflow');
    // By itself: nothing else is written here, and a process that is killed sees no end.
    await post('/portal/new', { ...filled, clientId: 'isv_kornblomst' });
    const limit = Date.now() + 10_000;
    while (!(await readFile(stateFile, 'utf8')).includes('isv_kornblomst') && Date.now() < limit) await sleep(20);
    expect(await readFile(stateFile, 'utf8')).toContain('isv_kornblomst');
    expect((await refresh(sandbox, refresh_token, credentials)).status).toBe(200);
    await sandbox.close();
  } finally {
    sandbox = before;
    await rm(stateFile, { force: true });
  }
});

describe('nonsense', () => {
  const garbage: [string, string, string][] = [
    ['nothing', 'application/x-www-form-urlencoded', ''],
    ['names of prototypes', 'application/x-www-form-urlencoded', '__proto__=1&constructor=2&clientId=__proto__'],
    ['fields sent twice', 'application/x-www-form-urlencoded', 'clientId=isv_a&clientId=isv_b&name=a&name=b'],
    ['NUL and broken escapes', 'application/x-www-form-urlencoded', 'clientId=isv_%00&name=%E0%A4%A&redirectUris=%00'],
    ['a body too large', 'application/x-www-form-urlencoded', `name=${'x'.repeat(200_000)}`],
    ['JSON', 'application/json', JSON.stringify(filled)],
    ['no type', '', 'clientId=isv_x'],
  ];

  test.each(garbage)('registers nothing and breaks nothing: %s', async (_name, type, body) => {
    await register();
    for (const address of ['/portal/new', path, `${path}/secrets/remove`]) {
      const options = { method: 'POST', headers: { 'content-type': type }, body, redirect: 'manual' } as const;
      expect((await fetch(new URL(address, sandbox.origin), options)).status).toBeLessThan(500);
    }
    expect(await get('/portal')).not.toContain('isv_a');
    expect(await get(path)).toContain(`\n${ownUri}</textarea>`);
  });

  test.each(['__proto__', 'constructor', 'isv_nobody', '%00', '..%2f..', '%E0%A4%A'])(
    'there is no application %s',
    async (name) => {
      const { status } = await fetch(`${sandbox.origin}/portal/applications/${name}`);
      expect([400, 404]).toContain(status);
    },
  );
});
