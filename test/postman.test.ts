// The Postman collection: of the right form, without a secret, and what it says works against the sandbox and the app.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { listCalls, parseDocument } from '../scripts/api-reference/document.ts';
import { parseConfig } from '../src/config.ts';
import { createPostmanRoute } from '../src/http/setup/postman.ts';
import { apiCalls } from '../src/http/setup/postman-calls.ts';
import { createPostmanCollection } from '../src/http/setup/postman-collection.ts';
import { type Sandbox, startSandbox } from '../src/sandbox/sandbox.ts';
import { createTestApp, defaultScopes, testClient, testOrigin } from './support/app.ts';
import { createBackend } from './support/backend.ts';
import { openBrowser } from './support/browser.ts';
import { runCommand } from './support/command.ts';
import { checkAnswer } from './support/openapi.ts';
import { answerAuthorization } from './support/person.ts';
import { findFormErrors, importCollection } from './support/postman.ts';
import { makeFolder } from './support/process.ts';

const postmanCallbacks = ['https://oauth.pstmn.io/v1/callback', 'https://oauth.pstmn.io/v1/browser-callback'];
const options = {
  baseUrl: testOrigin,
  dineroApiUrl: 'https://api.dinero.dk',
  provider: { issuer: 'https://connect.visma.com', clientId: 'isv_vibrant', scopes: defaultScopes },
};
const collection = createPostmanCollection(options);

describe('the collection', () => {
  test('is valid by the schema that Postman publishes of v2.1, and has nothing that it does not know', () => {
    expect(findFormErrors(collection)).toEqual({ published: [], ours: [] });
  });

  test('would not be valid with a type of variable that the format does not know', () => {
    const [variable] = collection.variable;
    const errors = findFormErrors({ ...collection, variable: [{ ...variable, type: 'secret' }] });
    expect([errors.published.length, errors.ours.length]).toEqual([1, 1]);
  });

  test('sets the authorization up as the tutorial does, with PKCE', () => {
    expect(importCollection(collection, { clientSecret: 'the developer’s' }).authorization).toMatchObject({
      grant_type: 'authorization_code_with_pkce',
      challengeAlgorithm: 'S256',
      authUrl: 'https://connect.visma.com/connect/authorize',
      accessTokenUrl: 'https://connect.visma.com/connect/token',
      redirect_uri: postmanCallbacks[0],
      clientId: 'isv_vibrant',
      clientSecret: 'the developer’s',
      scope: 'dineropublicapi:read dineropublicapi:write offline_access',
      client_authentication: 'body',
    });
  });

  test('says which callback URLs have to be registered', () => {
    for (const url of postmanCallbacks) expect(collection.info.description).toContain(`\`${url}\``);
  });

  test('uses no variable that it does not have', () => {
    const used = new Set([...JSON.stringify(collection).matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name));
    expect([...used].sort()).toEqual(collection.variable.map(({ key }) => key).sort());
  });

  test('has every operation of docs/openapi.yaml once, in the document’s words', () => {
    const normalise = (words = '') => words.split('\n\n')[0]?.replace(/\s+/g, ' ').trim();
    const documented = listCalls(parseDocument(readFileSync('docs/openapi.yaml', 'utf8'))).map(
      ({ method, path, operation }) => ({
        name: operation.summary,
        description: normalise(operation.description),
        method: method.toUpperCase(),
        path: path.replaceAll(/\{(\w+)\}/g, ':$1'),
        query: (operation.parameters ?? []).filter((parameter) => parameter.in === 'query').map(({ name }) => name),
        body: operation.requestBody !== undefined,
      }),
    );
    const ours = apiCalls.map(({ name, description, method, path, query = {}, body }) => ({
      ...{ name, description, method, path, query: Object.keys(query), body: body !== undefined },
    }));
    const inOrder = (calls: typeof ours) => calls.map((call) => JSON.stringify(call, Object.keys(call).sort())).sort();
    expect(documented).toHaveLength(13);
    expect(inOrder(ours)).toEqual(inOrder(documented as typeof ours));
  });
});

describe('against the sandbox and the app', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    const redirectUris = [`${testOrigin}/oauth/callback`, ...postmanCallbacks];
    sandbox = await startSandbox({ port: 0, client: { ...testClient, redirectUris } });
  });
  beforeEach(() => sandbox.reset());
  afterAll(() => sandbox.close());

  function importHere(filled: Record<string, string>) {
    const provider = { issuer: sandbox.origin, clientId: testClient.clientId, scopes: defaultScopes };
    return importCollection(createPostmanCollection({ ...options, dineroApiUrl: sandbox.origin, provider }), filled);
  }

  /** What Postman does behind "Get New Access Token". */
  async function getNewAccessToken(settings: Record<string, string>): Promise<Record<string, unknown>> {
    const verifier = randomBytes(32).toString('base64url');
    const url = new URL(settings.authUrl ?? '');
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: settings.clientId ?? '',
      scope: settings.scope ?? '',
      redirect_uri: settings.redirect_uri ?? '',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: settings.challengeAlgorithm ?? '',
    }).toString();
    const answer = await answerAuthorization(url.href, { person: 'rikke', consent: 'accept' });
    if ('errorPage' in answer) throw new Error(`stranded on ${answer.errorPage}`);
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code: answer.fields.code ?? '',
      redirect_uri: answer.action,
      code_verifier: verifier,
      client_id: settings.clientId ?? '',
      client_secret: settings.clientSecret ?? '',
    });
    return (await (await fetch(settings.accessTokenUrl ?? '', { method: 'POST', body })).json()) as Record<
      string,
      unknown
    >;
  }

  test.each(postmanCallbacks)(
    'a token is got by way of %s, and Dinero’s requests work with it',
    async (callbackUrl) => {
      const { clientSecret } = testClient;
      const imported = importHere({ clientSecret, callbackUrl, organizationId: '118244' });
      const { access_token: token } = await getNewAccessToken(imported.authorization);
      const answers: Record<string, [number, unknown]> = {};
      for (const { name, method, url, headers, auth } of imported.requestsOf('Dinero')) {
        expect(auth.type).toBe('oauth2');
        const response = await fetch(url, { method, headers: { ...headers, authorization: `Bearer ${token}` } });
        answers[name] = [response.status, response.ok ? await response.json() : null];
      }
      expect(answers).toEqual({
        'List organizations': [200, expect.arrayContaining([{ name: 'RN' }])],
        'List organizations with id and Pro': [200, expect.arrayContaining([{ name: 'RN', id: 118244, isPro: true }])],
        'List organizations, fields in another case': [
          200,
          expect.arrayContaining([{ Name: 'RN', Id: 118244, IsPro: true }]),
        ],
        'List accounting years': [200, expect.arrayContaining([expect.objectContaining({ name: expect.any(String) })])],
        'List contacts': [
          200,
          expect.objectContaining({ Pagination: expect.objectContaining({ PageSize: 10, Page: 0 }) }),
        ],
        'List invoices': [404, null],
      });
    },
  );

  test('each request to this app is answered as the document says', async () => {
    const testApp = createTestApp(sandbox);
    const backend = await createBackend(testApp);
    const link = await backend.call('post', '/users/customer-42/links', {});
    await openBrowser(testApp.app).connectBy(link.body.url, 'rikke', '118244');
    const imported = importHere({ apiKey: backend.text, organizationId: '118244' });
    const statuses: Record<string, number> = {};
    for (const { name, method, url, headers, body, auth } of imported.requestsOf('Dinero Connect')) {
      expect(auth).toEqual({ type: 'bearer', token: backend.text });
      const address = new URL(url);
      expect(address.origin).toBe(testOrigin);
      const verb = method.toLowerCase() as 'get' | 'post' | 'put' | 'patch' | 'delete';
      const sent = request(testApp.app)
        [verb](address.pathname + address.search)
        .set(headers)
        .auth(auth.token ?? '', { type: 'bearer' });
      const response = await (body === null ? sent : sent.send(body));
      checkAnswer(verb, address.pathname.slice('/api/v1'.length), response);
      statuses[name] = response.status;
    }
    expect(statuses).toEqual({
      'Make a one-time link for a user': 201,
      "See a user's connection": 200,
      'Get an access token that works': 200,
      "List the user's companies, fresh from Dinero": 200,
      'Choose the company for a user': 200,
      'See what happened to a connection': 200,
      'List all connections': 200,
      'Read something in Dinero': 200,
      'Create something in Dinero': 201,
      'Change something in Dinero': 404,
      'Change part of something in Dinero': 404,
      'Delete something in Dinero': 404,
      "End a user's connection": 204,
    });
  });
});

describe('no secret', () => {
  const canaries = {
    VISMA_CLIENT_SECRET: 'canary-client-secret',
    SESSION_SECRETS: 'canary-session-secret-of-forty-characters',
    TOKEN_KEYS: `k1:${Buffer.alloc(32, 'canary-token-key').toString('base64')}`,
    WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32, 'canary-webhook').toString('base64')}`,
  };
  const env = { ...canaries, VISMA_CLIENT_ID: 'isv_vibrant', WEBHOOK_URL: 'https://app.example.com/hooks' };
  const secrets = Object.values(canaries).map((value) => value.replace(/^(k1:|whsec_)/, ''));
  const config = parseConfig(env, () => ({ sessionSecrets: '', tokenKeys: '' }));
  let place: ReturnType<typeof makeFolder>;
  beforeEach(() => {
    place = makeFolder();
  });
  afterEach(() => place.remove());

  const expectNone = (text: string) => {
    expect(text).toContain('isv_vibrant');
    for (const secret of [...secrets, 'canary']) expect(text).not.toContain(secret);
  };

  test('is in the collection: what is secret is an empty variable', () => {
    const made = createPostmanCollection(config);
    expectNone(JSON.stringify(made));
    const value = (key: string) => made.variable.find((variable) => variable.key === key)?.value;
    expect([value('clientSecret'), value('apiKey')]).toEqual(['', '']);
  });

  test('is in the file that the app hands out', async () => {
    const app = express().use(createPostmanRoute(config));
    const response = await request(app).get('/setup/postman.json').expect(200);
    expectNone(response.text);
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(response.headers['content-disposition']).toBe('attachment; filename=dinero-connect.postman_collection.json');
    expect(response.body).toEqual(createPostmanCollection(config));
    expect((await request(app).post('/setup/postman.json')).headers.allow).toBe('GET, HEAD');
  });

  test('is in what the command prints, or in the file that it writes', async () => {
    const printed = await runCommand(place.folder, ['postman'], env);
    expect([printed.code, printed.stderr]).toEqual([0, '']);
    expectNone(printed.stdout);
    expect(JSON.parse(printed.stdout)).toEqual(createPostmanCollection(config));
    const written = await runCommand(place.folder, ['postman', '--out', 'collection.json'], env);
    expect([written.code, written.stdout]).toEqual([0, '']);
    expect(written.stderr).toContain('collection.json is ready');
    expect(readFileSync(join(place.folder, 'collection.json'), 'utf8')).toBe(printed.stdout);
  });

  test.each([[['collection.json']], [['--out']], [['--out', '']], [['--out', 'no/such/folder.json']]])(
    'is said by a command that is not understood: %j',
    async (words) => {
      const { code, stdout, stderr } = await runCommand(place.folder, ['postman', ...words], env);
      expect([code, stdout]).toEqual([64, '']);
      expect(stderr).toContain('npm run postman');
      expect(stderr).not.toContain('canary');
      expect(stderr).not.toMatch(/^\s+at /m);
      expect(place.readAll().map(({ file }) => file)).toEqual([]);
    },
  );
});

test('the script of package.json leads to the command', () => {
  expect(JSON.parse(readFileSync('package.json', 'utf8')).scripts.postman).toBe('node src/main.ts postman');
});
