import { describe, expect, test } from '@jest/globals';
import { type ConfigError, parseConfig } from '../../src/config.ts';
import type { AddressFacts } from '../../src/core/probes.ts';
import { checkClientId } from '../../src/doctor/client-id.ts';
import { checkEnvironment } from '../../src/doctor/environment.ts';
import { checkOpening, checkStrength } from '../../src/doctor/keys.ts';
import { checkCookies, checkRedirectUri } from '../../src/doctor/redirect-uri.ts';
import { checkScopes } from '../../src/doctor/scopes.ts';
import { settingsOfBroken } from '../../src/doctor/settings.ts';
import { checkProxy } from '../../src/doctor/surroundings.ts';
import { expectations, variableNames } from '../../src/environment.ts';
import { createTranslators } from '../../src/http/locals.ts';
import da from '../../src/locales/da.json' with { type: 'json' };
import en from '../../src/locales/en.json' with { type: 'json' };
import { tell } from './support.ts';

// What can be judged by looking at the configuration alone.

describe('the environment', () => {
  const problemsOf = (env: Record<string, string>) => {
    try {
      parseConfig(env, () => ({ sessionSecrets: 's'.repeat(40), tokenKeys: '' }));
      return [];
    } catch (error) {
      return (error as ConfigError).problems;
    }
  };

  test('that is in order is said to be', () => {
    expect(tell(checkEnvironment([]))).toEqual(['done environment_done']);
  });

  // Any text may be somebody's secret.
  const refusable = variableNames.filter((name) => name !== 'VISMA_CLIENT_SECRET');
  test.each(refusable)('%s with a wrong value is named, and its value is not', (name) => {
    const tooLong: Record<string, number> = { BRAND_NAME: 81, VISMA_CLIENT_ID: 101 };
    const env: Record<string, string> = { [name]: 'a wrong "value"\0'.padEnd(tooLong[name] ?? 0, 'x') };
    const found = checkEnvironment(problemsOf({ TOKEN_KEYS: `k:${'A'.repeat(43)}=`, ...env }));
    expect(tell(found)).toContain('wrong variable_wrong');
    expect(found.map(({ values }) => values)).toContainEqual({ name });
    expect(JSON.stringify(found)).not.toContain('a wrong');
  });

  test('what is missing in production is named, all of it', () => {
    const found = checkEnvironment(problemsOf({ NODE_ENV: 'production' }));
    expect(new Set(tell(found))).toEqual(new Set(['wrong variable_missing']));
    expect(found.map(({ values }) => values.name)).toEqual([
      'BASE_URL',
      'SESSION_SECRETS',
      'TOKEN_KEYS',
      'VISMA_CLIENT_ID',
      'VISMA_CLIENT_SECRET',
    ]);
  });

  test('what is wrong with a file of ours is said in its own words', () => {
    const problem = 'data/development-secrets.json is damaged';
    const [found] = checkEnvironment([problem]);
    expect(found).toMatchObject({ mark: 'wrong', code: 'environment_refused', values: { problem } });
  });

  test('the sentences for every variable are there in both languages, and say what the start says', () => {
    expect(en.doctor.variables).toEqual(expectations);
    expect(Object.keys(da.doctor.variables).sort()).toEqual([...variableNames].sort());
  });
});

describe('the client id', () => {
  test.each([
    ['isv_Vibrant', 'done client_id_done'],
    ['isv_Vibrant_payments', 'done client_id_done'],
    ['isv_rn-software', 'done client_id_done'],
    ['isv_3tal', 'done client_id_done'],
    ['isv_test-application', 'wrong client_id_unidentified'],
    ['isv_test', 'wrong client_id_unidentified'],
    ['isv_yourcompany', 'wrong client_id_unidentified'],
    ['isv_dinvirksomhed_produkt', 'wrong client_id_unidentified'],
    ['isv_dinero_integration', 'wrong client_id_unidentified'],
    ['isv_Test2', 'wrong client_id_unidentified'],
    ['isv_sandbox', 'wrong client_id_unidentified'],
    ['isv_', 'wrong client_id_form'],
    ['Vibrant', 'wrong client_id_other'],
    ['ISV Vibrant', 'wrong client_id_other'],
    ['"isv_Vibrant"', 'wrong client_id_form'],
    ['isv_Vibrant ', 'wrong client_id_form'],
    [null, 'unknown needs_configuration'],
  ])('%j: %s', (clientId, expected) => {
    expect(tell(checkClientId({ clientId, sandbox: false }))).toEqual([expected]);
  });

  test('that may be the secret is not told', () => {
    expect(JSON.stringify(checkClientId({ clientId: 'Zx81geheim', sandbox: false }))).not.toContain('geheim');
  });

  test('the sandbox’s own is fine with the sandbox, and no other empty one is', () => {
    expect(tell(checkClientId({ clientId: 'isv_sandbox', sandbox: true }))).toEqual(['done client_id_sandbox']);
    expect(tell(checkClientId({ clientId: 'isv_test', sandbox: true }))).toEqual(['wrong client_id_unidentified']);
  });
});

describe('scopes', () => {
  test.each([
    ['dineropublicapi:read dineropublicapi:write offline_access', ['done scopes_done']],
    ['offline_access dineropublicapi:write dineropublicapi:read', ['done scopes_done']],
    ['dineropublicapi:read offline_access', ['done scopes_done']],
    ['dineropublicapi:read dineropublicapi:write', ['wrong scopes_offline_missing']],
    ['dineropublicapi:write offline_access', ['wrong scopes_read_missing']],
    ['dineropublicapi:read dineropublicapi:internal offline_access', ['wrong scopes_internal']],
    ['dineropublicapi:read Internal offline_access', ['wrong scopes_internal']],
    ['dineropublicapi:read dineropublicapi:delete offline_access', ['wrong scopes_unknown']],
    [
      'dineropublicapi:read,offline_access',
      ['wrong scopes_unknown', 'wrong scopes_offline_missing', 'wrong scopes_read_missing'],
    ],
    ['dineropublicapi:read offline_access dineropublicapi:read', ['done scopes_done', 'done scopes_doubled']],
    ['openid dineropublicapi:read offline_access', ['done scopes_done', 'done scopes_openid']],
  ])('%s', (text, expected) => {
    expect(tell(checkScopes(text.split(' ')))).toEqual(expected);
  });

  test('that cannot be read stay unknown', () => {
    expect(tell(checkScopes(null))).toEqual(['unknown needs_configuration']);
  });

  test('their order does not matter, and that is said', () => {
    expect(en.doctor.scopes_done.text).toContain('order does not matter');
  });
});

describe('the redirect URI', () => {
  const check = (baseUrl: string | null, more: { production?: boolean; port?: number | null } = {}) =>
    tell(
      checkRedirectUri({
        baseUrl,
        production: false,
        port: 3000,
        sandbox: false,
        clientId: null,
        scopes: null,
        ...more,
      }),
    );

  test.each([
    ['https://connect.fakturaflow.dk', ['done redirect_uri_done']],
    ['https://connect.fakturaflow.dk:8443', ['done redirect_uri_done']],
    ['http://localhost:3000', ['done redirect_uri_done']],
    ['http://connect.fakturaflow.dk', ['wrong redirect_uri_scheme']],
    ['connect.fakturaflow.dk', ['wrong redirect_uri_invalid']],
    ['https://someone@connect.fakturaflow.dk', ['wrong redirect_uri_invalid']],
    ['https://0.0.0.0', ['wrong redirect_uri_host']],
    ['https://connect.example.com', ['wrong redirect_uri_host']],
    ['https://fakturaflow.test', ['wrong redirect_uri_host']],
    ['https://connect.test.com', ['done redirect_uri_done']],
    ['http://localhost:4321', ['unknown redirect_uri_port']],
    ['http://localhost', ['unknown redirect_uri_port']],
    ['https://connect.fakturaflow.dk/oauth/callback', ['wrong redirect_uri_path']],
    ['https://connect.fakturaflow.dk/oauth/callback/', ['wrong redirect_uri_path']],
    ['https://connect.fakturaflow.dk/?from=portal', ['wrong redirect_uri_query']],
    ['https://connect.fakturaflow.dk/#top', ['wrong redirect_uri_query']],
    [null, ['unknown needs_configuration']],
  ])('from %j', (baseUrl, expected) => {
    expect(check(baseUrl)).toEqual(expected);
  });

  test('with a port that cannot be read says nothing of ports', () => {
    expect(check('http://localhost:4321', { port: null })).toEqual(['done redirect_uri_done']);
  });

  test('tells no password', () => {
    const baseUrl = 'https://someone:geheim@connect.fakturaflow.dk';
    const settings = { baseUrl, production: true, port: 3000, sandbox: false, clientId: null, scopes: null };
    expect(checkRedirectUri(settings)[0]?.values).toEqual({ baseUrl: 'https://…@connect.fakturaflow.dk' });
  });

  test('on localhost is for development', () => {
    expect(check('http://localhost:3000', { production: true })).toEqual(['wrong redirect_uri_localhost']);
    expect(check('https://127.0.0.1', { production: true })).toEqual(['wrong redirect_uri_localhost']);
  });
});

describe('an environment that makes no configuration', () => {
  test('still tells what was asked for', () => {
    const env = { BASE_URL: 'https://x.dk/path', VISMA_SCOPES: 'a  a', VISMA_CLIENT_ID: 'isv_x', PORT: '8080' };
    expect(settingsOfBroken(env)).toEqual({
      production: false,
      sandbox: false,
      port: 8080,
      clientId: 'isv_x',
      scopes: ['a', 'a'],
      baseUrl: 'https://x.dk/path',
    });
  });

  test('of which nothing can be read leaves it open', () => {
    const env = { NODE_ENV: 'production', VISMA_SCOPES: '"', PORT: 'x' };
    expect(settingsOfBroken(env)).toMatchObject({
      production: true,
      port: null,
      clientId: null,
      scopes: null,
      baseUrl: null,
    });
  });
});

describe('keys', () => {
  const bytes = (hex: string) => Buffer.from(hex, 'hex');
  const random = bytes('5f0a91c27be83d46a8f1d20c94b7635e1c8e4fd0a2793b56e7f80413bd9c6a25');
  const other = bytes('c1d9047e3fa268b5902e7cd4158bf6a03d61e98c5702bf43a1de8f6c09b27458');
  const good = {
    production: true,
    tokenKeys: [
      { id: 'k1', bytes: random },
      { id: 'k2', bytes: other },
    ],
    sessionSecrets: ['Nk3vU8qLzR5wXy1bTf7cHs2dGm9jPa4e', '0123456789abcdef0fedcba98765432100112233'],
  };

  test('that are random are in order', () => {
    expect(tell(checkStrength(good))).toEqual(['done keys_done']);
  });

  test.each([
    ['zeros', Buffer.alloc(32)],
    ['one byte', Buffer.alloc(32, 0xa7)],
    ['a short pattern', Buffer.from('deadbeef'.repeat(8), 'hex')],
    ['a pattern of sixteen', Buffer.concat([random.subarray(0, 16), random.subarray(0, 16)])],
    ['a sequence', Buffer.from(Array.from({ length: 32 }, (_, at) => at + 140))],
    ['what somebody typed', Buffer.from('aB3$kQ9z!mW7#pL2^xR5&tY8*vN4(cD6')],
  ])('%s is not random', (_what, weak) => {
    const found = checkStrength({ ...good, tokenKeys: [{ id: 'mine', bytes: weak }] });
    expect(tell(found)).toEqual(['wrong keys_weak']);
    expect(found[0]?.values).toEqual({ id: 'mine' });
  });

  test('of the same bytes are one key', () => {
    const found = checkStrength({
      ...good,
      tokenKeys: [
        { id: 'a', bytes: random },
        { id: 'b', bytes: Buffer.from(random) },
      ],
    });
    expect(tell(found)).toEqual(['wrong keys_doubled']);
    expect(found[0]?.values).toEqual({ first: 'a', second: 'b' });
  });

  test('that development made are for development', () => {
    const dev = { ...good, tokenKeys: [{ id: 'dev', bytes: random }] };
    expect(tell(checkStrength(dev))).toEqual(['wrong keys_development']);
    expect(tell(checkStrength({ ...dev, production: false }))).toEqual(['done keys_done']);
  });

  test('session secrets are random, and each another', () => {
    const weak = { ...good, sessionSecrets: [...good.sessionSecrets, 'secretsecretsecretsecretsecretsecret'] };
    expect(tell(checkStrength(weak))).toEqual(['wrong session_secrets_weak']);
    expect(checkStrength(weak)[0]?.values).toEqual({ place: '3' });
    const [first = ''] = good.sessionSecrets;
    expect(tell(checkStrength({ ...good, sessionSecrets: [first, first] }))).toEqual(['wrong session_secrets_doubled']);
  });

  test.each([
    ['open', 'done keys_open'],
    ['refused', 'wrong keys_do_not_open'],
    ['untried', 'unknown keys_untried'],
  ] as const)('%s: %s', (keys, expected) => {
    expect(tell(checkOpening(keys))).toEqual([expected]);
  });
});

describe('the public address', () => {
  const address = 'https://connect.fakturaflow.dk';
  const seen = (protocol: string, host = 'connect.fakturaflow.dk'): AddressFacts => ({ kind: 'seen', protocol, host });

  test.each<[string, boolean, AddressFacts, string[], string]>([
    [address, true, seen('https'), ['done proxy_done'], 'done cookies_done'],
    [address, true, seen('http'), ['wrong proxy_protocol'], 'wrong cookies_not_secure'],
    [address, false, seen('http'), ['wrong proxy_trust_off'], 'wrong cookies_not_secure'],
    [address, false, { kind: 'ours' }, ['wrong proxy_trust_off', 'done proxy_address'], 'wrong cookies_not_secure'],
    [address, true, seen('https', '10.0.0.7:3000'), ['wrong proxy_host'], 'done cookies_done'],
    [address, true, seen('https', 'connect.fakturaflow.dk:443'), ['done proxy_done'], 'done cookies_done'],
    [address, true, seen('https', 'connect.fakturaflow.dk:8443'), ['wrong proxy_host'], 'done cookies_done'],
    [address, true, seen('https', ''), ['wrong proxy_host'], 'done cookies_done'],
    [address, true, { kind: 'ours' }, ['done proxy_address'], 'done cookies_done'],
    [address, true, { kind: 'elsewhere', status: 404 }, ['wrong proxy_elsewhere'], 'done cookies_done'],
    [address, true, { kind: 'elsewhere', status: 502 }, ['unknown proxy_unreachable'], 'done cookies_done'],
    [address, true, { kind: 'none' }, ['unknown proxy_unreachable'], 'done cookies_done'],
    [address, true, { kind: 'unseen' }, ['unknown proxy_unseen'], 'done cookies_done'],
    ['http://localhost:3000', false, seen('http', 'localhost:3000'), ['done proxy_done'], 'done cookies_localhost'],
    ['http://localhost:3000', false, seen('http', '127.0.0.1:3000'), ['wrong proxy_host'], 'done cookies_localhost'],
  ])('%s, proxies trusted: %s, %j', (baseUrl, trustsProxies, facts, proxy, cookies) => {
    expect(tell(checkProxy(baseUrl, trustsProxies, facts))).toEqual(proxy);
    expect(tell(checkCookies(baseUrl, trustsProxies, facts))).toEqual([cookies]);
  });

  test('cookies on plain http are for localhost', () => {
    expect(tell(checkCookies('http://connect.fakturaflow.dk', true, null))).toEqual(['wrong cookies_insecure']);
    expect(tell(checkCookies(null, true, null))).toEqual(['unknown needs_configuration']);
  });
});

test.each(['da', 'en'] as const)('in %s, a value is put in as it is, whatever it looks like', (language) => {
  const brand = { name: 'Lagerly', color: null, supportEmail: null, privacyUrl: null, termsUrl: null };
  const t = createTranslators(brand)[language];
  const clientId = 'isv_$t(doctor.clock_unknown.text){{brand}}';
  expect(t('doctor.client_id_form.text', { clientId })).toContain(clientId);
  expect(t('doctor.variable_wrong.remedy', { name: 'PORT' })).toContain({ da, en }[language].doctor.variables.PORT);
  const check = { check: 'pkce' };
  expect(t('doctor.needs_discovery.text', check)).toMatch(/^PKCE: /);
});
