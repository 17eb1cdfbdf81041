import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import express from 'express';
import { type Config, ConfigError, parseConfig } from '../src/config.ts';
import { variableNames } from '../src/environment.ts';

const madeSecrets = { sessionSecrets: 's'.repeat(40), tokenKeys: `dev:${Buffer.alloc(32, 1).toString('base64')}` };
const parse = (env: Record<string, string | undefined>): Config => parseConfig(env, () => madeSecrets);

const production = {
  NODE_ENV: 'production',
  BASE_URL: 'https://connect.example.com',
  VISMA_CLIENT_ID: 'isv_example',
  VISMA_CLIENT_SECRET: 'a secret',
  SESSION_SECRETS: 'x'.repeat(32),
  TOKEN_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
};

function problemsOf(env: Record<string, string | undefined>): string[] {
  try {
    parse(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('with nothing set', () => {
  test('it is development on the sandbox', () => {
    expect(parse({})).toMatchObject({
      production: false,
      port: 3000,
      baseUrl: 'http://localhost:3000',
      redirectUri: 'http://localhost:3000/oauth/callback',
      https: false,
      database: { kind: 'sqlite', name: 'data/dinero-connect.db', file: 'data/dinero-connect.db' },
      provider: {
        issuer: 'http://127.0.0.1:4000',
        clientId: 'isv_sandbox',
        scopes: ['dineropublicapi:read', 'dineropublicapi:write', 'offline_access'],
      },
      dineroApiUrl: 'http://127.0.0.1:4000',
      refreshTokenPolicy: { use: 're-use', lifetimeSeconds: 180 * 86_400, graceSeconds: 0 },
      sandbox: { port: 4000 },
      trustProxy: false,
    });
    expect(parse({}).tokenKeys).toHaveLength(1);
  });

  test('empty values are as good as none', () => {
    expect(parse(Object.fromEntries(variableNames.map((name) => [name, ''])))).toEqual(parse({}));
  });

  test('the configuration is frozen', () => {
    expect(Object.isFrozen(parse({}))).toBe(true);
  });
});

describe('with two credentials', () => {
  test('it is the real Visma Connect and Dinero', () => {
    expect(parse({ VISMA_CLIENT_ID: 'isv_example', VISMA_CLIENT_SECRET: 'secret' })).toMatchObject({
      provider: { issuer: 'https://connect.visma.com', clientId: 'isv_example', clientSecret: 'secret' },
      dineroApiUrl: 'https://api.dinero.dk',
      sandbox: null,
    });
  });

  test('a secret may begin like a client id; exchanged credentials are refused', () => {
    expect(parse({ VISMA_CLIENT_ID: 'isv_example', VISMA_CLIENT_SECRET: 'isv_secret' }).sandbox).toBeNull();
    const exchanged = { VISMA_CLIENT_ID: 'secret', VISMA_CLIENT_SECRET: 'isv_example' };
    expect(problemsOf(exchanged)).toEqual([
      expect.stringMatching(/^VISMA_CLIENT_ID must be the client id/),
      expect.stringMatching(/^VISMA_CLIENT_SECRET must be the client secret/),
    ]);
  });

  test('SANDBOX=true forces the sandbox, with these credentials; SANDBOX=false forbids it', () => {
    const credentials = { VISMA_CLIENT_ID: 'isv_example', VISMA_CLIENT_SECRET: 'secret' };
    expect(parse({ ...credentials, SANDBOX: 'true' })).toMatchObject({
      sandbox: { port: 4000 },
      provider: { issuer: 'http://127.0.0.1:4000', clientId: 'isv_example', clientSecret: 'secret' },
      dineroApiUrl: 'http://127.0.0.1:4000',
    });
    expect(parse({ SANDBOX: 'true' }).provider).toMatchObject({ clientId: 'isv_sandbox' });
    expect(problemsOf({ SANDBOX: 'false' })).toEqual([
      expect.stringMatching(/^VISMA_CLIENT_ID is missing/),
      expect.stringMatching(/^VISMA_CLIENT_SECRET is missing/),
    ]);
  });
});

test('one credential without the other is a mistake, on the sandbox too', () => {
  for (const SANDBOX of ['true', 'auto']) {
    expect(problemsOf({ SANDBOX, VISMA_CLIENT_ID: 'isv_example' })).toEqual([
      expect.stringMatching(/^VISMA_CLIENT_SECRET is missing/),
    ]);
    expect(problemsOf({ SANDBOX, VISMA_CLIENT_SECRET: 'secret' })).toEqual([
      expect.stringMatching(/^VISMA_CLIENT_ID is missing/),
    ]);
  }
});

describe('in production', () => {
  test('a whole configuration is accepted', () => {
    expect(parse(production)).toMatchObject({ production: true, https: true, sandbox: null });
  });

  test('nothing is made up: what is missing is said, all at once', () => {
    const problems = problemsOf({ NODE_ENV: 'production' });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'BASE_URL',
      'SESSION_SECRETS',
      'TOKEN_KEYS',
      'VISMA_CLIENT_ID',
      'VISMA_CLIENT_SECRET',
    ]);
  });

  test('the sandbox runs on an explicit word alone', () => {
    const { VISMA_CLIENT_ID: _id, VISMA_CLIENT_SECRET: _secret, ...rest } = production;
    expect(problemsOf(rest)).toHaveLength(2);
    expect(problemsOf({ ...rest, SANDBOX: 'auto' })).toHaveLength(2);
    expect(parse({ ...rest, SANDBOX: 'true' }).sandbox).toEqual({ port: 4000 });
  });

  test('an issuer on plain http is refused', () => {
    expect(problemsOf({ ...production, VISMA_ISSUER: 'http://127.0.0.1:4000' })).toEqual([
      expect.stringContaining('VISMA_ISSUER'),
    ]);
    expect(
      parse({ VISMA_CLIENT_ID: 'a', VISMA_CLIENT_SECRET: 'b', VISMA_ISSUER: 'http://127.0.0.1:4000' }).provider.issuer,
    ).toBe('http://127.0.0.1:4000');
  });
});

describe('the database', () => {
  test.each([
    ['postgres://app:secret@db.internal:5432/connect', 'PostgreSQL connect on db.internal'],
    ['postgresql://db/dinero%20connect?sslmode=verify-full', 'PostgreSQL dinero connect on db'],
  ])('%s is PostgreSQL, and is called without its password', (url, name) => {
    expect(parse({ DATABASE_URL: url }).database).toEqual({ kind: 'postgres', name, url });
  });
});

describe('the setup assistant', () => {
  test.each([
    [{}, 'open'],
    [{ SETUP: 'true' }, 'open'],
    [{ SETUP: 'false' }, null],
    [{ BASE_URL: 'http://127.0.0.1:3000' }, 'open'],
    [{ BASE_URL: 'https://connect.example.com' }, 'key'],
    [production, null],
    [{ ...production, SETUP: 'auto' }, null],
    [{ ...production, SETUP: 'true' }, 'key'],
    [{ ...production, SETUP: 'true', BASE_URL: 'http://localhost:3000' }, 'key'],
  ])('with %j is %j', (env, expected) => {
    expect(parse(env).setup).toBe(expected);
  });
});

describe('the metrics', () => {
  const token = 'k4Pw9wMpl3bLdpR3Zc2Jcs2eV1V3xW0fM0uJx3uB9dE=';

  test.each([
    [{}, { token: null, onlyAtHome: true }],
    [{ METRICS: 'true' }, { token: null, onlyAtHome: false }],
    [{ METRICS_TOKEN: token }, { token, onlyAtHome: false }],
    [{ METRICS: 'false' }, null],
    [{ METRICS: 'false', METRICS_TOKEN: token }, null],
    [{ BASE_URL: 'https://connect.example.com' }, null],
    [
      { BASE_URL: 'https://connect.example.com', METRICS: 'true' },
      { token: null, onlyAtHome: false },
    ],
    [production, null],
    [{ ...production, BASE_URL: 'http://localhost:3000' }, null],
    [
      { ...production, METRICS: 'true' },
      { token: null, onlyAtHome: false },
    ],
    [
      { ...production, METRICS_TOKEN: token },
      { token, onlyAtHome: false },
    ],
    [
      { ...production, METRICS: 'true', METRICS_TOKEN: token },
      { token, onlyAtHome: false },
    ],
  ])('with %j are %j', (env, expected) => {
    expect(parse(env).metrics).toEqual(expected);
  });
});

test.each([
  [{}, false],
  [production, false],
  [{ OPERATOR: 'false' }, false],
  [{ OPERATOR: 'true' }, true],
  [{ ...production, OPERATOR: 'true' }, true],
])('the operator’s page is there with %j: %j', (env, expected) => {
  expect(parse(env).operator).toBe(expected);
});

const wrong: [string, string][] = [
  ['NODE_ENV', 'prod'],
  ['PORT', '0'],
  ['PORT', '65536'],
  ['PORT', '3000x'],
  ['BASE_URL', 'connect.example.com'],
  ['BASE_URL', 'http://connect.example.com'],
  ['BASE_URL', 'https://connect.example.com/path'],
  ['BASE_URL', 'https://connect.example.com/?a=b'],
  ['BASE_URL', 'https://user@connect.example.com'],
  ['BASE_URL', 'https://:word@connect.example.com'],
  ['BASE_URL', 'javascript:alert(1)'],
  ['DATABASE_URL', 'mysql://localhost/x'],
  ['DATABASE_URL', 'postgres://'],
  ['DATABASE_URL', 'postgres://host'],
  ['DATABASE_URL', 'postgres://host/'],
  ['DATABASE_URL', 'postgres://host/a/b'],
  ['DATABASE_URL', 'postgres://host/50%'],
  ['DATABASE_URL', 'postgres://host/%ff'],
  ['DATABASE_URL', 'postgres:x'],
  ['DATABASE_URL', 'sqlite:'],
  ['DATABASE_URL', 'sqlite::memory:'],
  ['DATABASE_URL', 'sqlite: :memory: '],
  ['DATABASE_URL', 'sqlite:file:x.db?mode=memory'],
  ['VISMA_CLIENT_ID', 'x'.repeat(101)],
  ['VISMA_ISSUER', 'nonsense'],
  ['VISMA_ISSUER', ' http://127.0.0.1:4000'],
  ['VISMA_ISSUER', 'https:connect.visma.com'],
  ['VISMA_ISSUER', 'https://connect.visma.com/'],
  ['VISMA_ISSUER', 'http://connect.visma.com'],
  ['VISMA_SCOPES', '   '],
  ['VISMA_SCOPES', 'read "write"'],
  ['VISMA_SCOPES', 'x'.repeat(301)],
  ['DINERO_API_URL', 'http://api.dinero.dk'],
  ['DINERO_API_URL', 'https://api.dinero.dk/v1'],
  ['REFRESH_TOKEN_USE', 'reuse'],
  ['REFRESH_TOKEN_LIFETIME', '180'],
  ['REFRESH_TOKEN_LIFETIME', '0d'],
  ['REFRESH_TOKEN_LIFETIME', '3651d'],
  ['REFRESH_TOKEN_LIFETIME', '999999999d'],
  ['REFRESH_TOKEN_GRACE', '4s'],
  ['REFRESH_TOKEN_GRACE', '61s'],
  ['REFRESH_TOKEN_GRACE', '10s'],
  ['SESSION_SECRETS', 'short'],
  ['SESSION_SECRETS', `${'x'.repeat(32)},short`],
  ['TOKEN_KEYS', 'k1'],
  ['TOKEN_KEYS', `k1:${Buffer.alloc(16).toString('base64')}`],
  ['TOKEN_KEYS', `k1:${Buffer.alloc(32).toString('base64')},k1:${Buffer.alloc(32).toString('base64')}`],
  ['TRUST_PROXY', 'true'],
  ['TRUST_PROXY', 'abc'],
  ['TRUST_PROXY', '1.2.3'],
  ['TRUST_PROXY', '::1.2.3.4'],
  ['TRUST_PROXY', '10.0.0.0/99'],
  ['TRUST_PROXY', '10.0.0.0/0'],
  ['TRUST_PROXY', '::1/129'],
  ['TRUST_PROXY', '10.0.0.1,'],
  ['BRAND_NAME', 'x'.repeat(81)],
  ['BRAND_COLOR', 'blue'],
  ['SUPPORT_EMAIL', 'help'],
  ['PRIVACY_URL', 'javascript:alert(1)'],
  ['TERMS_URL', '/terms'],
  ['SANDBOX', 'yes'],
  ['SANDBOX_PORT', '3000'],
  ['SETUP', 'yes'],
  ['OPERATOR', 'yes'],
  ['RETURN_URL_ORIGINS', 'https://app.example.com/path'],
  ['RETURN_URL_ORIGINS', 'https://app.example.com,http://other.example.com'],
  ['WEBHOOK_URL', 'app.example.com/hooks'],
  ['WEBHOOK_URL', 'ftp://app.example.com/hooks'],
  ['WEBHOOK_URL', 'https://user:word@app.example.com/hooks'],
  ['WEBHOOK_URL', 'https://app.example.com/hooks#part'],
  ['WEBHOOK_SECRETS', Buffer.alloc(32).toString('base64')],
  ['WEBHOOK_SECRETS', `whsec_${Buffer.alloc(23).toString('base64')}`],
  ['WEBHOOK_SECRETS', `whsec_${Buffer.alloc(65).toString('base64')}`],
  ['WEBHOOK_SECRETS', `whsec_${Buffer.alloc(32).toString('base64')},short`],
  ['WEBHOOK_PRIVATE_HOSTS', 'https://backend.internal'],
  ['WEBHOOK_PRIVATE_HOSTS', 'backend.internal,'],
  ['API_RATE_LIMIT', '0'],
  ['API_RATE_LIMIT', '1.5'],
  ['METRICS', 'on'],
  ['METRICS_TOKEN', 'short'],
  ['METRICS_TOKEN', `${'x'.repeat(32)} y`],
  ['METRICS_TOKEN', 'x'.repeat(501)],
  ['LOG_LEVEL', 'verbose'],
  ['STOP_DELAY', '16s'],
  ['STOP_DELAY', '-1s'],
];

describe('a wrong value', () => {
  test.each(wrong)('%s=%s is named, with what a right one looks like', (name, value) => {
    const env = { ...(name === 'VISMA_CLIENT_ID' ? { VISMA_CLIENT_SECRET: 'secret' } : {}), [name]: value };
    expect(problemsOf(env)).toEqual([expect.stringMatching(new RegExp(`^${name} must `))]);
  });

  test('all of them are reported at once, each once, and no secret is repeated', () => {
    const env = {
      ...Object.fromEntries(wrong),
      SESSION_SECRETS: 'my-short-secret',
      TOKEN_KEYS: 'my-wrong-key',
      METRICS_TOKEN: 'my-short-token',
    };
    const problems = problemsOf(env);
    // Two of them are wrong only beside a right value of another.
    const alone = variableNames.filter((name) => name !== 'SANDBOX_PORT' && name !== 'REFRESH_TOKEN_GRACE');
    expect(problems.map((problem) => problem.split(' ')[0]).sort()).toEqual([...alone].sort());
    expect(problems.join()).not.toMatch(/my-short-secret|my-wrong-key|my-short-token/);
  });
});

test.each([
  ['off', false],
  ['0', false],
  ['2', 2],
  ['10.0.0.0/8, ::1', ['10.0.0.0/8', '::1']],
  ['10.0.0.1/32,fd00::/128', ['10.0.0.1/32', 'fd00::/128']],
  ['::ffff:10.0.0.1', ['::ffff:10.0.0.1']],
  ['loopback, linklocal,uniquelocal', ['loopback', 'linklocal', 'uniquelocal']],
])('TRUST_PROXY=%s is accepted, here and by Express', (value, expected) => {
  const { trustProxy } = parse({ TRUST_PROXY: value });
  expect(trustProxy).toEqual(expected);
  expect(() => express().set('trust proxy', trustProxy)).not.toThrow();
});

describe('webhooks', () => {
  const webhooks = { WEBHOOK_URL: 'https://app.example.com/hooks', WEBHOOK_SECRETS: `whsec_${'A'.repeat(43)}=` };

  test('need an address and a secret, or neither', () => {
    expect(parse({}).webhook).toBeNull();
    expect(parse(webhooks).webhook).toEqual({
      url: webhooks.WEBHOOK_URL,
      secrets: [webhooks.WEBHOOK_SECRETS],
      privateHosts: [],
    });
    for (const name of ['WEBHOOK_URL', 'WEBHOOK_SECRETS'] as const) {
      const { [name]: _left, ...rest } = webhooks;
      expect(problemsOf(rest)).toEqual([expect.stringMatching(new RegExp(`^${name} is missing beside`))]);
    }
  });

  test('go over https in production, or to a host that is named', () => {
    const plain = { ...production, ...webhooks, WEBHOOK_URL: 'http://backend.internal:8080/hooks' };
    expect(problemsOf(plain)).toEqual([expect.stringMatching(/^WEBHOOK_URL must be https in production/)]);
    expect(parse({ ...plain, WEBHOOK_PRIVATE_HOSTS: 'Backend.internal' }).webhook?.privateHosts).toEqual([
      'backend.internal',
    ]);
    expect(parse({ ...production, ...webhooks }).webhook?.url).toBe(webhooks.WEBHOOK_URL);
  });
});

const nasty = ['', ' ', '\0', ',', '-1', '1e9', 'null', 'http://', 'http://[', '::', '%', '😀', 'x'.repeat(10_000)];

test.each(variableNames)('whatever %s holds, it is accepted or refused with sentences, and nothing crashes', (name) => {
  for (const value of nasty) {
    for (const rest of [{}, production]) expect(() => problemsOf({ ...rest, [name]: value })).not.toThrow();
  }
});

test('ten years may be had, a database in memory may not, and the reason is said', () => {
  expect(parse({ REFRESH_TOKEN_LIFETIME: '3650d' }).refreshTokenPolicy.lifetimeSeconds).toBe(3_650 * 86_400);
  expect(problemsOf({ DATABASE_URL: 'sqlite::memory:' }).join()).toContain('nothing would survive a restart');
});

test('every example of .env.example is taken as Node reads it: a colour without its quotes would be a comment', () => {
  const uncommented = readFileSync('.env.example', 'utf8').replaceAll(/^# ([A-Z_]+=)/gm, '$1');
  const examples = Object.entries(parseEnv(uncommented)).filter(([, value]) => value !== '');
  const secrets = {
    VISMA_CLIENT_SECRET: 'a-secret',
    TOKEN_KEYS: `k1:${Buffer.alloc(32).toString('base64')}`,
    WEBHOOK_SECRETS: `whsec_${'A'.repeat(43)}=`,
  };
  const { brand, baseUrl } = parse({ ...Object.fromEntries(examples), ...secrets });
  expect([brand.color, baseUrl]).toEqual(['#0b6e6e', 'https://connect.example.com']);
});

test('.env.example and the README have every variable, and .env.example no other', () => {
  const example = readFileSync('.env.example', 'utf8');
  const named = [...example.matchAll(/^#? ?([A-Z_]+)=/gm)].map(([, name]) => name);
  expect(named.sort()).toEqual([...variableNames].sort());
  const readme = readFileSync('README.md', 'utf8');
  for (const name of variableNames) expect(readme).toContain(`\`${name}\``);
});
