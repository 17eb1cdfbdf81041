import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { holdDatabase, querySql } from '../support/journey-database.ts';
import { startOtherProvider } from '../support/other-provider.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';
import { openRemoteBrowser } from '../support/remote-browser.ts';

// Everything is real here: the process, its database file, two sites, HTTP.

const clientSecret = `client-secret-${randomBytes(16).toString('hex')}`;
const sessionSecret = randomBytes(32).toString('base64');
const keyBytes = randomBytes(32).toString('base64');

let place: ReturnType<typeof makeFolder>;
let port: number;
let sandbox: Sandbox;
let app: AppProcess | null = null;

beforeAll(async () => {
  port = await takeFreePort();
  const client = { clientId: 'isv_journey', clientSecret, redirectUris: [`http://localhost:${port}/oauth/callback`] };
  sandbox = await startSandbox({ port: 0, client });
});
afterAll(() => sandbox.close());
beforeEach(() => {
  place = makeFolder();
  sandbox.reset();
});
afterEach(async () => {
  await app?.stop();
  app = null;
  place.remove();
});

async function start(env: Record<string, string> = {}): Promise<AppProcess> {
  app = await startApp(place.folder, {
    PORT: String(port),
    VISMA_ISSUER: sandbox.origin,
    DINERO_API_URL: sandbox.origin,
    VISMA_CLIENT_ID: 'isv_journey',
    VISMA_CLIENT_SECRET: clientSecret,
    SESSION_SECRETS: sessionSecret,
    TOKEN_KEYS: `k1:${keyBytes}`,
    DATABASE_URL: 'sqlite:data/journey.db',
    LOG_LEVEL: 'trace',
    ...env,
  });
  return app;
}

const openBrowser = () => openRemoteBrowser(`http://localhost:${port}`);

async function connect(person = 'rikke', organizationId = '118244') {
  const browser = openBrowser();
  await browser.signIn(person);
  await browser.submit(await browser.get('/organizations'), '/organizations', { organizationId });
  return browser;
}

const query = <T>(sql: string): T[] => querySql(place.folder, 'data/journey.db', sql);

test('from nothing to a connected company, over a restart, to the end', async () => {
  await start();
  const browser = await connect();
  expect((await browser.get('/connection')).text).toContain('Du er forbundet');
  expect(await app?.stop()).toBe(0);
  expect(app?.output()).toContain('"event":"organization_chosen"');
  expect(app?.output()).toContain('"path":"/connection"');
  await start();
  expect((await browser.get('/connection')).text).toContain('Du er forbundet');
  await browser.submit(await browser.get('/disconnect'), '/disconnect');
  expect((await browser.get('/connection')).text).toContain('Forbindelsen er afbrudt');
  await app?.stop();
  expect(sandbox.count('POST', '/connect/revocation')).toBe(1);
  expect(app?.output()).toContain('"event":"disconnected"');
}, 60_000);

test('with openid the same person finds the connection in another browser, over a restart', async () => {
  const scopes = 'openid dineropublicapi:read dineropublicapi:write offline_access';
  await start({ VISMA_SCOPES: scopes });
  await connect();
  await app?.stop();
  await start({ VISMA_SCOPES: scopes });
  const phone = openBrowser();
  expect((await phone.signIn('rikke')).location).toBe('/connection');
  expect((await phone.get('/connection')).text).toContain('RN');
}, 60_000);

test('with any other standards-conforming provider and API the same flow works', async () => {
  const other = await startOtherProvider({ id: 'isv_journey', secret: clientSecret });
  try {
    await start({ VISMA_ISSUER: other.origin, DINERO_API_URL: other.origin });
    const browser = openBrowser();
    const left = await browser.submit(await browser.get('/'), '/connect');
    const returned = await browser.send('/oauth/callback', other.consent(left.location ?? ''), false);
    expect((await browser.get(returned.location ?? '')).location).toBe('/organizations');
    const picker = await browser.get('/organizations');
    expect(picker.text).toContain('Anden ApS');
    await browser.submit(picker, '/organizations', { organizationId: '7' });
    expect((await browser.get('/connection')).text).toContain('Du er forbundet');
    await browser.submit(await browser.get('/disconnect'), '/disconnect');
    expect((await browser.get('/connection')).text).toContain('Forbindelsen er afbrudt');
    await app?.stop();
    expect(query('select * from revocations')).toEqual([]);
  } finally {
    await other.close();
  }
}, 60_000);

describe('secrets', () => {
  test('no secret that the sandbox issued or the app made is in any answer, any output or any file', async () => {
    await start({ VISMA_SCOPES: 'openid dineropublicapi:read dineropublicapi:write offline_access' });
    const browser = await connect('mads', '201001');
    await browser.get('/connection');
    // Ends of every kind: refused, cut, odd, cancelled, withdrawn, revoked.
    for (const fault of [{ kind: 'cut' }, { kind: 'html' }, { kind: 'answerThenReset' }] as const) {
      sandbox.faults.set('token', fault);
      await openBrowser().signIn('rikke');
    }
    const oddAnswers = [
      { expires_in: 'soon' },
      { token_type: 7 },
      { scope: [1] },
      { id_token: 'x.y.z' },
      { access_token: 5 },
    ];
    for (const odd of oddAnswers) {
      sandbox.faults.set('token', { kind: 'transform', transform: (body) => ({ ...body, ...odd }) });
      await openBrowser().signIn('rikke');
    }
    sandbox.faults.clear();
    await openBrowser().signIn('rikke', 'cancel');
    sandbox.faults.set('organizations', { kind: 'status', status: 401 });
    await browser.get('/organizations');
    sandbox.faults.clear();
    sandbox.faults.set('revocation', { kind: 'status', status: 503 });
    await browser.submit(await browser.get('/disconnect'), '/disconnect');
    const stillOpen = await connect('rikke', '118244');
    await stillOpen.get('/connection');
    const refreshed = openBrowser();
    await refreshed.signIn('bodil');
    await stillOpen.get('/nowhere?code=x');
    await app?.stop();

    const verifiers = sandbox.requests.flatMap(({ form }) => form?.code_verifier ?? []);
    const sessions = [browser, stillOpen, refreshed].map(
      ({ jar }) => /session=s%3A([^.;]+)/.exec(jar.cookiesFor(new URL(`http://localhost:${port}`)))?.[1] ?? '',
    );
    const starts = [browser, stillOpen, refreshed]
      .flatMap(({ visits }) => visits)
      .flatMap(({ location }) => (location?.includes('/connect/authorize') ? [new URL(location)] : []));
    const inUrls = starts.flatMap((url) => [url.searchParams.get('state') ?? '', url.searchParams.get('nonce') ?? '']);
    const { codes, accessTokens, refreshTokens, idTokens } = sandbox.issued;
    const secrets = [
      clientSecret,
      sessionSecret,
      keyBytes,
      ...codes,
      ...accessTokens,
      ...refreshTokens,
      ...idTokens,
      ...verifiers,
    ];
    expect(
      Math.min(
        codes.length,
        accessTokens.length,
        refreshTokens.length,
        idTokens.length,
        verifiers.length,
        starts.length,
      ),
    ).toBeGreaterThan(2);
    for (const secret of [...secrets, ...sessions, ...inUrls]) expect(secret.length).toBeGreaterThan(10);

    // The way to the provider is the one place where state and nonce belong.
    const answers = [browser, stillOpen, refreshed]
      .flatMap(({ visits }) => visits)
      .filter(({ location }) => !location?.includes('/connect/authorize'));
    for (const { text, headers, url } of answers) {
      for (const secret of [...secrets, ...inUrls]) expect(text.includes(secret)).toBe(false);
      for (const secret of secrets) expect(headers.includes(secret) || url.includes(secret)).toBe(false);
    }
    const written = [{ file: 'output', content: Buffer.from(app?.output() ?? '') }, ...place.readAll()];
    expect(written.map(({ file }) => file)).toEqual(expect.arrayContaining(['output', 'journey.db']));
    for (const { file, content } of written) {
      for (const secret of [...secrets, ...sessions, ...inUrls]) {
        expect({ file, holds: content.includes(secret) && secret }).toEqual({ file, holds: false });
      }
    }
  }, 120_000);

  test('100 page views leave no session, and one connected browser leaves one', async () => {
    await start();
    const stranger = openBrowser();
    for (let count = 0; count < 100; count += 1) await stranger.send('/', undefined, false);
    expect(query('select * from sessions')).toHaveLength(0);
    await connect();
    expect(query('select * from sessions where destroyed_at is null')).toHaveLength(1);
  }, 60_000);
});

test('a database that is locked gives a page that says so, pages that only read go on, and it heals', async () => {
  await start();
  const browser = await connect();
  const held = await holdDatabase(place.folder, 'data/journey.db');
  const page = await browser.submit(await browser.get('/disconnect'), '/disconnect');
  expect(page.status).toBe(503);
  expect(page.text).toContain('Vi kan ikke gemme lige nu');
  expect(page.text).not.toMatch(/SQLITE|55P03|at .*\.ts/);
  held.letGo();
  expect((await browser.get('/connection')).text).toContain('Du er forbundet');
  await browser.submit(await browser.get('/disconnect'), '/disconnect');
  expect((await browser.get('/connection')).text).toContain('Forbindelsen er afbrudt');
}, 60_000);

describe('the start', () => {
  test('with nothing set runs the sandbox, keeps its own secrets, and is the same after a restart', async () => {
    const env = { PORT: String(port), SANDBOX_PORT: String(await takeFreePort()) };
    app = await startApp(place.folder, env);
    expect(app.output()).toContain(`open http://localhost:${port}`);
    const browser = await connect();
    expect((await browser.get('/connection')).text).toContain('ingen rigtige data');
    await app.stop();
    app = await startApp(place.folder, env);
    expect((await browser.get('/connection')).text).toContain('Du er forbundet');
    expect((await browser.get('/organizations')).status).toBe(200);
    for (const { file, content } of place.readAll())
      expect({ file, empty: content.length === 0 && file.endsWith('.json') }).toEqual({ file, empty: false });
  }, 60_000);

  test('with wrong values ends with 78, names all of them, and prints no stack and no secret', async () => {
    app = await startApp(place.folder, { PORT: 'x', BASE_URL: 'http://example.com', TOKEN_KEYS: 'wrong-key-material' });
    expect(await app.ended).toBe(78);
    for (const name of ['PORT', 'BASE_URL', 'TOKEN_KEYS']) expect(app.output()).toContain(`${name} must be`);
    expect(app.output()).not.toMatch(/ at |wrong-key-material/);
  }, 30_000);

  test('with damaged secrets of its own says what to do, without a stack', async () => {
    mkdirSync(`${place.folder}/data`);
    writeFileSync(`${place.folder}/data/development-secrets.json`, '{"sessionSecrets":"half-a-sec');
    app = await startApp(place.folder, { PORT: String(port), SANDBOX_PORT: String(await takeFreePort()) });
    expect(await app.ended).toBe(78);
    expect(app.output()).toContain('development-secrets.json is damaged: delete it');
    expect(app.output()).not.toMatch(/\n\s+at |half-a-sec/);
  }, 30_000);

  test('that meets a bug nobody caught logs it without its cause, and ends with 1', async () => {
    // The stack quotes this text, so the cause is put together.
    const bug = "setTimeout(() => Promise.reject(new Error('boom', { cause: 'a-secret-' + 'cause' })), 2000)";
    await start({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(bug)}` });
    expect(await app?.ended).toBe(1);
    expect(app?.output()).toContain('"msg":"a bug: nobody caught this"');
    expect(app?.output()).toContain('boom');
    expect(app?.output()).not.toContain('a-secret-cause');
  }, 30_000);

  test('with a key missing that grants are sealed with ends with 78, says so, and changes nothing', async () => {
    await start();
    await connect();
    await app?.stop();
    const before = query('select * from connections');
    await start({ TOKEN_KEYS: `k2:${randomBytes(32).toString('base64')}` });
    expect(await app?.ended).toBe(78);
    expect(app?.output()).toContain('TOKEN_KEYS: the database holds grants sealed with key "k1"');
    expect(app?.output()).not.toMatch(/ at /);
    expect(query('select * from connections')).toEqual(before);
    await start({ TOKEN_KEYS: `k2:${randomBytes(32).toString('base64')},k1:${keyBytes}` });
    expect(app?.output()).toContain('is ready');
  }, 60_000);

  test('on a port that is taken says which', async () => {
    await start();
    const first = app;
    const second = await startApp(place.folder, { PORT: String(port), SANDBOX_PORT: String(await takeFreePort()) });
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain('PORT');
    expect(second.output()).not.toMatch(/\n\s+at /);
    app = first;
  }, 60_000);

  test('while Visma Connect is down works, /readyz says so, and it heals', async () => {
    sandbox.faults.set('discovery', { kind: 'status', status: 503 });
    await start();
    const browser = openBrowser();
    expect((await browser.get('/')).status).toBe(200);
    expect((await browser.get('/healthz')).status).toBe(200);
    const sick = await browser.get('/readyz');
    expect(sick.status).toBe(503);
    expect(JSON.parse(sick.text)).toMatchObject({
      checks: { database: 'ok', visma_connect: expect.stringContaining('discovery') },
    });
    sandbox.faults.clear();
    expect((await browser.get('/readyz')).status).toBe(200);
    expect((await browser.signIn('rikke')).location).toBe('/organizations');
  }, 60_000);

  test('does the housekeeping: what has ended is gone', async () => {
    await start();
    await app?.stop();
    query("insert into sessions (id_hash, content, expires_at) values ('old', '{}', '2020-01-01T00:00:00.000Z')");
    query(
      "insert into attempts (id, state_hash, browser_id, user_id, started_at, expires_at) values ('old', 'h', 'b', 'u', '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.000Z')",
    );
    await start();
    await app?.stop();
    expect(query('select * from sessions')).toEqual([]);
    expect(query('select * from attempts')).toEqual([]);
  }, 60_000);

  test('asked to stop while the person has hung up still finishes what was begun', async () => {
    await start();
    const browser = openBrowser();
    const hungUp = new AbortController();
    sandbox.faults.set('token', { kind: 'slow', ms: 1000 });
    const signingIn = browser.signIn('rikke', 'accept', hungUp.signal).catch(() => null);
    for (let tries = 0; tries < 200 && sandbox.count('POST', '/connect/token') === 0; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    hungUp.abort();
    await signingIn;
    expect(await app?.stop()).toBe(0);
    expect(query('select status from connections')).toEqual([{ status: 'pending' }]);
    expect(app?.output()).not.toMatch(/\n\s+at /);
  }, 60_000);

  test('asked to stop while a code is being exchanged finishes that first', async () => {
    await start();
    sandbox.faults.set('token', { kind: 'slow', ms: 1000 });
    const browser = openBrowser();
    const signingIn = browser.signIn('rikke');
    for (let tries = 0; tries < 200 && sandbox.count('POST', '/connect/token') === 0; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const stopping = app?.stop();
    expect((await signingIn).location).toBe('/organizations');
    expect(await stopping).toBe(0);
    expect(query('select status from connections')).toEqual([{ status: 'pending' }]);
  }, 60_000);
});
