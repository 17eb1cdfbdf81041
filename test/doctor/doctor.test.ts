import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createProviderProbe } from '../../src/adapters/provider-probe.ts';
import { createAccountingProbe } from '../../src/adapters/reach-probe.ts';
import { checks, findingCodes } from '../../src/core/findings.ts';
import { createDoctor, type Deployed } from '../../src/doctor/doctor.ts';
import { settingsOf, settingsOfBroken } from '../../src/doctor/settings.ts';
import da from '../../src/locales/da.json' with { type: 'json' };
import en from '../../src/locales/en.json' with { type: 'json' };
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createFixedClock } from '../support/clock.ts';
import { configure, startRegisteredSandbox, tell } from './support.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startRegisteredSandbox();
});
afterAll(() => sandbox.close());
afterEach(() => sandbox.reset());

function deploy(change: Partial<Deployed> = {}): Deployed {
  const config = configure(sandbox);
  return {
    config,
    provider: createProviderProbe({ ...config.provider, redirectUri: config.redirectUri }, createFixedClock()),
    accounting: createAccountingProbe({ baseUrl: config.dineroApiUrl }),
    database: {
      look: async () => ({ fileSystem: 'local', state: { kind: 'usable', foreignOwner: null }, keys: 'open' }),
    },
    address: { look: async () => ({ kind: 'seen', protocol: 'http', host: 'localhost:3000' }) },
    ...change,
  };
}

function examine(change: Partial<Deployed> = {}) {
  const deployed = deploy(change);
  return createDoctor({ settings: settingsOf(deployed.config), problems: [], deployed }).examine();
}

describe('an examination', () => {
  test('of what is in order finds that of every check, in their order', async () => {
    const found = await examine();
    expect(new Set(found.map(({ mark }) => mark))).toEqual(new Set(['done']));
    expect([...new Set(found.map(({ check }) => check))]).toEqual([...checks]);
    expect(tell(found)).toContain('done registration_done');
  });

  test('makes one request of each kind to Visma Connect and to Dinero', async () => {
    await examine();
    const paths = sandbox.requests.map(({ method, path }) => `${method} ${path.replace(/^(\/interaction\/).*/, '$1')}`);
    expect(paths.sort()).toEqual([
      'GET /.well-known/openid-configuration',
      'GET /connect/authorize',
      'GET /interaction/',
      'GET /v1/organizations',
      'POST /connect/token',
    ]);
  });

  test('holds no secret, not even in part', async () => {
    const { config } = deploy();
    const text = JSON.stringify([
      await examine(),
      await examine({ config: configure(sandbox, { VISMA_CLIENT_SECRET: 'zqxjkvbpyg' }) }),
    ]);
    const secrets = [
      config.provider.clientSecret,
      'zqxjkvbpyg',
      ...config.sessionSecrets,
      ...config.tokenKeys.map(({ bytes }) => Buffer.from(bytes).toString('base64')),
    ];
    for (const secret of secrets) expect(text).not.toContain(secret.slice(0, 8));
  });

  test('goes on when a check breaks, and says which', async () => {
    const fail = () => Promise.reject(new Error('a library’s error with a secret'));
    const found = await examine({
      provider: { discover: fail, redeemMadeUpCode: fail, authorize: fail },
      accounting: { ask: fail },
      database: { look: fail },
      address: { look: fail },
    });
    const broken = found.filter(({ code }) => code === 'check_failed').map(({ check }) => check);
    expect(broken).toEqual([
      'discovery',
      'clock',
      'credentials',
      'registration',
      'pkce',
      'dinero',
      'database',
      'keys',
      'proxy',
      'cookies',
    ]);
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  test('of a broken configuration judges what was given, and leaves the rest open', async () => {
    const env = {
      NODE_ENV: 'production',
      BASE_URL: 'http://x.dk/a?b',
      VISMA_CLIENT_ID: 'isv_test',
      VISMA_SCOPES: 'x x',
    };
    const problems = ['BASE_URL must be the public origin', 'TOKEN_KEYS is missing: it must be'];
    const found = await createDoctor({ settings: settingsOfBroken(env), problems, deployed: null }).examine();
    expect(tell(found)).toEqual([
      'wrong variable_wrong',
      'wrong variable_missing',
      'wrong client_id_unidentified',
      'wrong scopes_unknown',
      'wrong scopes_offline_missing',
      'wrong scopes_read_missing',
      'done scopes_doubled',
      'wrong redirect_uri_scheme',
      'wrong redirect_uri_path',
      'wrong redirect_uri_query',
      ...Array(9).fill('unknown needs_configuration'),
      'wrong cookies_insecure',
    ]);
  });
});

test('every code has its sentence and its remedy in both languages, and nothing else has one', () => {
  const codes = Object.values(findingCodes).flat();
  expect(new Set(codes).size).toBe(codes.length);
  for (const sentences of [da.doctor, en.doctor]) {
    expect(Object.keys(sentences).sort()).toEqual([...codes, 'checks', 'variables'].sort());
    expect(Object.keys(sentences.checks)).toEqual([...checks]);
  }
});
