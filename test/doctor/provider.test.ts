import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { isSameSite } from '../../src/adapters/authorize-page.ts';
import { createProviderProbe } from '../../src/adapters/provider-probe.ts';
import { createAccountingProbe, createAddressProbe } from '../../src/adapters/reach-probe.ts';
import type { Finding } from '../../src/core/findings.ts';
import { checkProvider } from '../../src/doctor/provider.ts';
import { checkDinero } from '../../src/doctor/surroundings.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createFixedClock } from '../support/clock.ts';
import { client, configure, find, redirectUri, startRegisteredSandbox, tell } from './support.ts';

// Each mistake of deliverable 2, made against the sandbox, or against a server that answers as no sandbox does.

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startRegisteredSandbox();
});
afterAll(() => sandbox.close());
afterEach(() => sandbox.reset());

/** `expectSandbox`: the configuration runs the built-in one. */
async function examine(
  issuer: { origin: string },
  env: Record<string, string> = {},
  { clockSeconds = 0, expectSandbox = false } = {},
): Promise<Finding[]> {
  const config = configure(issuer, env);
  const clock = createFixedClock(new Date(Date.now() + clockSeconds * 1000));
  const probe = createProviderProbe({ ...config.provider, redirectUri: config.redirectUri }, clock);
  return checkProvider(probe, { ...config.provider, redirectUri: config.redirectUri, sandbox: expectSandbox });
}

const inOrder = [
  'done discovery_done',
  'done clock_done',
  'done credentials_done',
  'done registration_done',
  'done pkce_done',
];
const untold = (clock: string) => [
  clock,
  'unknown needs_discovery',
  'unknown needs_discovery',
  'unknown needs_discovery',
];

describe('against the sandbox', () => {
  test('an application that is registered as it is configured is in order', async () => {
    expect(tell(await examine(sandbox))).toEqual(inOrder);
  });

  test('so it is where PKCE is required', async () => {
    sandbox.settings.pkceRequired = true;
    expect(tell(await examine(sandbox))).toEqual(inOrder);
  });

  test('one request of each kind is made, and the secret is in one of them', async () => {
    await examine(sandbox);
    expect(
      sandbox.requests.map(({ method, path }) => `${method} ${path.replace(/^(\/interaction\/).*/, '$1')}`).sort(),
    ).toEqual([
      'GET /.well-known/openid-configuration',
      'GET /connect/authorize',
      'GET /interaction/',
      'POST /connect/token',
    ]);
    const holding = sandbox.requests.filter((one) => JSON.stringify(one).includes(client.clientSecret));
    expect(holding.map(({ path }) => path)).toEqual(['/connect/token']);
  });

  test('a wrong secret is told from a wrong client id', async () => {
    const found = await examine(sandbox, { VISMA_CLIENT_SECRET: 'another-secret' });
    expect(tell(found)).toEqual(inOrder.with(2, 'wrong credentials_secret'));
    expect(JSON.stringify(found)).not.toContain('another-secret');
  });

  test('a client id that nobody registered', async () => {
    const found = await examine(sandbox, { VISMA_CLIENT_ID: 'isv_somebodyelse' });
    expect(tell(found)).toEqual([
      'done discovery_done',
      'done clock_done',
      'wrong credentials_wrong',
      'wrong registration_client',
      'unknown pkce_unclear',
    ]);
  });

  test.each([
    ['another scheme', 'https://localhost:3000/oauth/callback'],
    ['another host', 'http://127.0.0.1:3000/oauth/callback'],
    ['another port', 'http://localhost:3001/oauth/callback'],
    ['another path', 'http://localhost:3000/callback'],
    ['a trailing slash', 'http://localhost:3000/oauth/callback/'],
    ['a query', 'http://localhost:3000/oauth/callback?from=visma'],
  ])('a redirect URI that was registered with %s', async (_what, registered) => {
    const other = await startRegisteredSandbox([registered]);
    try {
      const found = await examine(other);
      expect(tell(found)).toEqual([...inOrder.slice(0, 3), 'wrong registration_redirect_uri', 'unknown pkce_unclear']);
      expect(find(found, 'registration_redirect_uri')?.values).toEqual({
        redirectUri,
        errorId: expect.stringMatching(/^[\da-f]{32}$/),
      });
    } finally {
      await other.close();
    }
  });

  test('a scope that is not registered', async () => {
    const found = await examine(sandbox, { VISMA_SCOPES: 'dineropublicapi:read dineropublicapi:internal' });
    expect(tell(found)).toEqual([...inOrder.slice(0, 3), 'wrong registration_scopes', 'unknown pkce_unclear']);
    expect(find(found, 'registration_scopes')?.values.scopes).toBe('dineropublicapi:read dineropublicapi:internal');
  });

  test('another issuer than the one that was asked is not trusted with anything', async () => {
    sandbox.faults.set('discovery', { kind: 'odd', field: 'issuer', value: 'https://elsewhere.example' });
    const found = await examine(sandbox);
    expect(tell(found)).toEqual(['wrong discovery_issuer', ...untold('done clock_done')]);
    expect(find(found, 'discovery_issuer')?.values).toEqual({
      issuer: sandbox.origin,
      found: 'https://elsewhere.example',
    });
    expect(sandbox.requests).toHaveLength(1);
  });

  test.each(['token_endpoint', 'jwks_uri', 'revocation_endpoint'])('a %s on plain http elsewhere', async (field) => {
    const value = 'http://elsewhere.example/there';
    sandbox.faults.set('discovery', { kind: 'odd', field, value });
    const found = await examine(sandbox);
    expect(tell(found)).toEqual(['wrong discovery_insecure', ...untold('done clock_done')]);
    expect(find(found, 'discovery_insecure')?.values).toEqual({ name: field, url: value });
    expect(sandbox.requests).toHaveLength(1);
  });

  test.each([
    ['HTML', { kind: 'html' }],
    ['503', { kind: 'status', status: 503 }],
    ['a redirect', { kind: 'redirect', location: 'https://elsewhere.example/' }],
    ['no endpoint for tokens', { kind: 'odd', field: 'token_endpoint', value: 7 }],
    ['a list', { kind: 'transform', transform: () => [] }],
  ] as const)('%s in place of a discovery document', async (_what, fault) => {
    sandbox.faults.set('discovery', fault);
    const found = await examine(sandbox);
    expect(tell(found)).toEqual(['wrong discovery_unusable', ...untold('unknown needs_discovery')]);
    expect(sandbox.requests).toHaveLength(1);
  });

  test('a connection that is cut', async () => {
    sandbox.faults.set('discovery', { kind: 'reset' });
    expect(tell(await examine(sandbox))).toEqual(['wrong discovery_unreachable', ...untold('unknown needs_discovery')]);
  });

  test.each([
    [3_600, 'wrong clock_ahead'],
    [-3_600, 'wrong clock_behind'],
    [30, 'done clock_done'],
  ])('a clock of ours that is %i seconds ahead', async (clockSeconds, expected) => {
    const found = await examine(sandbox, {}, { clockSeconds });
    expect(tell(found)).toEqual(inOrder.with(1, expected));
    const told = Number(found.find(({ check }) => check === 'clock')?.values.seconds);
    expect(Math.abs(told - Math.abs(clockSeconds))).toBeLessThan(10);
  });

  test('PKCE without S256', async () => {
    sandbox.faults.set('discovery', { kind: 'odd', field: 'code_challenge_methods_supported', value: ['plain'] });
    expect(tell(await examine(sandbox))).toEqual(inOrder.with(4, 'wrong pkce_not_offered'));
  });

  test.each([
    ['a bad day', { kind: 'status', status: 503 }, '503'],
    ['no error', { kind: 'status', status: 400, body: '<p>No</p>' }, '400'],
    ['a limit', { kind: 'status', status: 429, body: '{"error":"slow_down"}' }, '429 slow_down'],
  ] as const)('%s of the token endpoint says nothing of the secret', async (_what, fault, answer) => {
    sandbox.faults.set('token', fault);
    const found = await examine(sandbox);
    expect(tell(found)).toEqual(inOrder.with(2, 'unknown credentials_unclear'));
    expect(find(found, 'credentials_unclear')?.values).toEqual({ answer });
  });

  test('a token endpoint that gives no answer says nothing either, and that is said', async () => {
    sandbox.faults.set('token', { kind: 'reset' });
    expect(tell(await examine(sandbox))).toEqual(inOrder.with(2, 'unknown no_answer'));
  });

  test('a bare 401 refuses the credentials', async () => {
    sandbox.faults.set('token', { kind: 'status', status: 401 });
    expect(tell(await examine(sandbox))).toEqual(inOrder.with(2, 'wrong credentials_secret'));
  });

  test('a client that may not use authorization codes', async () => {
    sandbox.faults.set('token', { kind: 'status', status: 400, body: '{"error":"unauthorized_client"}' });
    expect(tell(await examine(sandbox))).toEqual(inOrder.with(2, 'wrong credentials_grant'));
  });
});

test('where nothing listens, the sandbox is said not to run, and another provider is wrong', async () => {
  const gone = await startRegisteredSandbox();
  await gone.close();
  const unexamined = untold('unknown needs_discovery');
  expect(tell(await examine(gone))).toEqual(['wrong discovery_unreachable', ...unexamined]);
  const found = await examine(gone, {}, { expectSandbox: true });
  expect(tell(found)).toEqual(['unknown sandbox_not_running', ...unexamined]);
  const dinero = createAccountingProbe({ baseUrl: gone.origin });
  const asked = { url: gone.origin, sandbox: false };
  expect(tell(await checkDinero(dinero, asked))).toEqual(['wrong dinero_unreachable']);
  expect(tell(await checkDinero(dinero, { ...asked, sandbox: true }))).toEqual(['unknown sandbox_not_running']);
});

describe('Dinero', () => {
  const check = () =>
    checkDinero(createAccountingProbe({ baseUrl: sandbox.origin }), { url: sandbox.origin, sandbox: false });

  test('answers a request without a token, and gets one without any credentials', async () => {
    expect(tell(await check())).toEqual(['done dinero_done']);
    expect(sandbox.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /v1/organizations']);
    expect(Object.keys(sandbox.requests[0]?.headers ?? {})).not.toContain('authorization');
  });

  test.each([
    [503, 'unknown dinero_busy'],
    [429, 'unknown dinero_busy'],
    [404, 'wrong dinero_unexpected'],
    [200, 'wrong dinero_unexpected'],
  ])('that answers %i: %s', async (status, expected) => {
    sandbox.faults.set('organizations', { kind: 'status', status });
    expect(tell(await check())).toEqual([expected]);
  });
});

describe('another provider', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function listen(answer: RequestListener): Promise<{ origin: string; paths: string[] }> {
    const paths: string[] = [];
    const server = createServer((request, response) => {
      paths.push(String(request.url).replace(/\?.*/, ''));
      answer(request, response);
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, paths };
  }

  /** What is not in `answers` is 404. */
  function provide(
    answers: Record<string, (...ends: Parameters<RequestListener>) => unknown>,
    document: Record<string, unknown> = {},
  ) {
    return listen((request, response) => {
      const origin = `http://${request.headers.host}`;
      const path = String(request.url).replace(/\?.*/, '');
      if (path === '/.well-known/openid-configuration') {
        response.setHeader('content-type', 'application/json');
        const endpoints = { authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` };
        response.end(JSON.stringify({ issuer: origin, jwks_uri: `${origin}/jwks`, ...endpoints, ...document }));
      } else if (answers[path]) answers[path](request, response);
      else response.writeHead(404).end();
    });
  }

  const page = (text: string) => (_request: IncomingMessage, response: Parameters<RequestListener>[1]) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html><title>Visma</title>${text}`);
  const redirect = (location: string) => (_request: IncomingMessage, response: Parameters<RequestListener>[1]) =>
    response.writeHead(302, { location }).end();
  const registrationOf = async (origin: string) =>
    tell(await examine({ origin })).find((line) => line.includes('registration'));

  test('that takes credentials in a header alone gets them there', async () => {
    let sent = '';
    const provider = await provide({
      '/token': (request, response) => {
        sent = String(request.headers.authorization);
        response.writeHead(401).end('{"error":"invalid_client"}');
      },
    });
    const found = await examine(provider, { VISMA_CLIENT_SECRET: 'a secret: with signs' });
    expect(tell(found)).toContain('wrong credentials_wrong');
    const [id, secret] = Buffer.from(sent.replace('Basic ', ''), 'base64').toString().split(':');
    expect([id, decodeURIComponent(String(secret).replaceAll('+', ' '))]).toEqual([
      client.clientId,
      'a secret: with signs',
    ]);
  });

  test.each<[string, string[] | undefined, boolean]>([
    ['in the body alone', ['client_secret_post'], false],
    ['in a header alone', ['client_secret_basic'], true],
    ['either way', ['client_secret_basic', 'client_secret_post'], false],
    ['in a way that it does not name', undefined, true],
  ])('that takes credentials %s gets them once', async (_how, methods, inHeader) => {
    let sent: [boolean, boolean] = [false, false];
    const provider = await provide(
      {
        '/token': async (request, response) => {
          const body = String(await request.toArray());
          sent = [request.headers.authorization !== undefined, body.includes(client.clientSecret)];
          response.writeHead(400).end('{"error":"invalid_grant"}');
        },
      },
      { token_endpoint_auth_methods_supported: methods },
    );
    expect(tell(await examine(provider))).toContain('done credentials_done');
    expect(sent).toEqual([inHeader, !inHeader]);
  });

  test('is not taken at its word when it sends the secret back as an error', async () => {
    const provider = await provide({
      '/token': (_request, response) => response.writeHead(400).end(`{"error":"No: ${client.clientSecret}"}`),
    });
    const found = await examine(provider);
    expect(find(found, 'credentials_unclear')?.values).toEqual({ answer: '400' });
  });

  test('whose document comes with an error, or without keys, is not trusted with anything', async () => {
    const answer = (status: number, more: object) =>
      listen((request, response) => {
        const origin = `http://${request.headers.host}`;
        const at = { authorization_endpoint: origin, token_endpoint: origin, jwks_uri: origin };
        response.writeHead(status).end(JSON.stringify({ issuer: origin, ...at, ...more }));
      });
    for (const provider of [await answer(500, {}), await answer(200, { jwks_uri: undefined })]) {
      expect(tell(await examine(provider))[0]).toBe('wrong discovery_unusable');
      expect(provider.paths).toHaveLength(1);
    }
  });

  test('on https has no endpoint on plain http, not even on this machine', async () => {
    const [issuer, url] = ['https://connect.visma.com', 'http://127.0.0.1:4000/token'];
    const none = async () => ({ kind: 'none' as const });
    const document = {
      kind: 'document' as const,
      issuer,
      authorizationEndpoint: url,
      tokenEndpoint: url,
      endpoints: { token_endpoint: url },
      challengeMethods: [],
      secretInBody: true,
      secondsAhead: 0,
    };
    const probe = { discover: async () => document, redeemMadeUpCode: none, authorize: none };
    const asked = { issuer, clientId: client.clientId, scopes: [], redirectUri, sandbox: false };
    expect(tell(await checkProvider(probe, asked))[0]).toBe('wrong discovery_insecure');
  });

  test('whose error page has a form and no error id is not taken for its sign-in page', async () => {
    const provider = await provide({
      '/authorize': redirect('/home/error'),
      '/home/error': page('<form action="/contact"><button>Write to us</button></form>'),
    });
    expect(await registrationOf(provider.origin)).toBe('wrong registration_refused');
  });

  test('whose answer has no date leaves the clock open; what a cache kept is as old as it says', async () => {
    const withHeaders = (headers: Record<string, string>, sendDate: boolean) =>
      listen((request, response) => {
        const origin = `http://${request.headers.host}`;
        response.sendDate = sendDate;
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
        const at = { authorization_endpoint: origin, token_endpoint: origin, jwks_uri: origin };
        response.end(JSON.stringify({ issuer: origin, ...at }));
      });
    expect(tell(await examine(await withHeaders({}, false)))).toContain('unknown clock_unknown');
    const date = new Date(Date.now() - 3_600_000).toUTCString();
    expect(tell(await examine(await withHeaders({ date }, true)))).toContain('wrong clock_ahead');
    expect(tell(await examine(await withHeaders({ date, age: '3600' }, true)))).toContain('done clock_done');
  });

  test.each([
    ['Invalid redirect_uri', 'wrong registration_redirect_uri'],
    ['<b>invalid_scope</b>', 'wrong registration_scopes'],
    ['unauthorized_client', 'wrong registration_client'],
    ['Something went wrong', 'wrong registration_refused'],
    ['invalid_scope or redirect_uri', 'wrong registration_refused'],
    ['<script>var known = "invalid_scope"</script> Sorry', 'wrong registration_refused'],
    ['code challenge required', 'unknown registration_unclear'],
  ])('whose error page says: %s', async (words, expected) => {
    const provider = await provide({ '/authorize': redirect('/home/error?errorId=CfDJ8'), '/home/error': page(words) });
    expect(await registrationOf(provider.origin)).toBe(expected);
  });

  test('that blames PKCE on its error page, and gives its error id', async () => {
    const provider = await provide({
      '/authorize': redirect('/error?errorId=CfDJ8'),
      '/error': page('code challenge required'),
    });
    const found = await examine(provider);
    expect(find(found, 'pkce_refused')).toMatchObject({ mark: 'wrong', values: { errorId: 'CfDJ8' } });
  });

  test('that knows the credentials and yet blames the client leaves it open what is wrong', async () => {
    const provider = await provide({
      '/token': (_request, response) => response.writeHead(400).end('{"error":"invalid_grant"}'),
      '/authorize': redirect('/error?errorId=1'),
      '/error': page('unauthorized_client'),
    });
    expect(await registrationOf(provider.origin)).toBe('wrong registration_refused');
  });

  test('whose sign-in page needs the cookies of the way there', async () => {
    const provider = await provide({
      '/authorize': (_request, response) =>
        response.writeHead(302, { location: '/login', 'set-cookie': ['a=1; Path=/', 'b=2; HttpOnly'] }).end(),
      '/login': (request, response) =>
        request.headers.cookie === 'a=1; b=2'
          ? page('<form method="post"><input></form>')(request, response)
          : response.end(),
    });
    expect(await registrationOf(provider.origin)).toBe('done registration_done');
  });

  test.each<[string, string]>([
    ['a page that is neither', 'We will be back soon'],
    ['a page that hands an answer over', `<form method="post" action="${redirectUri}"><input name="error"></form>`],
  ])('%s leaves the registration open', async (_what, text) => {
    const provider = await provide({ '/authorize': page(text) });
    const found = tell(await examine(provider));
    expect(found).toContain('unknown registration_unclear');
    expect(found).toContain('unknown pkce_unclear');
  });

  test.each([500, 429])('a status of %i leaves the registration open', async (status) => {
    const provider = await provide({ '/authorize': (_request, response) => response.writeHead(status).end('<form>') });
    expect(await registrationOf(provider.origin)).toBe('unknown registration_unclear');
  });

  test('is not followed off its site', async () => {
    const elsewhere = await listen((request, response) => page('<form><input></form>')(request, response));
    const provider = await provide({ '/authorize': redirect(`${elsewhere.origin}/login`) });
    expect(await registrationOf(provider.origin)).toBe('unknown registration_unclear');
    expect(elsewhere.paths).toEqual([]);
  });

  test('whose authorize endpoint gives no answer leaves the registration open, and that is said', async () => {
    const provider = await provide({ '/authorize': (request) => request.socket.destroy() });
    const found = await examine(provider);
    expect(found.filter(({ code }) => code === 'no_answer').map(({ check }) => check)).toEqual(['registration']);
  });

  test('is followed five times at most, and nothing is posted to it but the one token request', async () => {
    let turns = 0;
    const methods: string[] = [];
    const provider = await provide({
      '/authorize': redirect('/turn'),
      '/turn': (request, response) => {
        turns += 1;
        methods.push(String(request.method));
        redirect('/turn')(request, response);
      },
    });
    expect(await registrationOf(provider.origin)).toBe('unknown registration_unclear');
    expect([turns, [...new Set(methods)]]).toEqual([5, ['GET']]);
  });
});

test.each([
  ['https://connect.visma.com/account/login', true],
  ['https://accounts.visma.com/', true],
  ['https://visma.com/', true],
  ['https://a.b.visma.com/', true],
  ['http://connect.visma.com/', false],
  ['https://connect.visma.com:8443/', false],
  ['https://evilvisma.com/', false],
  ['https://visma.com.evil.example/', false],
  ['https://connect.dinero.dk/', false],
])('from connect.visma.com to %s is the same site: %s', (target, expected) => {
  expect(isSameSite(new URL(target), new URL('https://connect.visma.com/connect/authorize'))).toBe(expected);
});

test.each([
  ['https://visma.com', 'https://dinero.com'],
  ['http://127.0.0.1:4000', 'http://127.0.0.2:4000'],
  ['http://127.0.0.1:4000', 'http://127.0.0.1:4001'],
])('from %s to %s is another site', (start, target) => {
  expect(isSameSite(new URL(target), new URL(start))).toBe(false);
});

test('the public address is asked for the health of this app', async () => {
  const look = () => createAddressProbe({ baseUrl: sandbox.origin }).look();
  expect(await look()).toEqual({ kind: 'elsewhere', status: 404 });
  expect(sandbox.requests.map(({ path }) => path)).toEqual(['/healthz']);
});

test.each([
  ['{"status":"ok"}', { kind: 'ours' }],
  ['<title>Somebody else</title>', { kind: 'elsewhere', status: 200 }],
])('a public address that answers 200 with %s', async (body, expected) => {
  const server = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  expect(await createAddressProbe({ baseUrl: `http://127.0.0.1:${port}` }).look()).toEqual(expected);
  server.closeAllConnections();
  server.close();
});
