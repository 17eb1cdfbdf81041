// The environment, read once into one frozen Config, or refused with every problem at once.

import { z } from 'zod';

export type Config = Readonly<{
  production: boolean;
  port: number;
  /** Public origin without a trailing slash. */
  baseUrl: string;
  /** Byte for byte what is registered in the Developer Portal (facts, section 1). */
  redirectUri: string;
  /** The public origin is https: `__Host-` Secure cookies and HSTS. */
  https: boolean;
  databaseFile: string;
  provider: { issuer: string; clientId: string; clientSecret: string; scopes: string[] };
  dineroApiUrl: string;
  refreshTokenPolicy: { use: 're-use' | 'one-time'; lifetimeSeconds: number; graceSeconds: number };
  /** The first signs, all verify. */
  sessionSecrets: string[];
  /** The first seals, all open; 32 bytes each. */
  tokenKeys: { id: string; bytes: Uint8Array }[];
  /** Express's `trust proxy`: number of proxies, list of addresses, or false. */
  trustProxy: number | string[] | false;
  brand: Brand;
  /** The built-in Visma Connect and Dinero; null when it does not run. */
  sandbox: { port: number } | null;
  logLevel: string;
}>;

/** What people see of the integrator; null where nothing was given. */
export type Brand = {
  name: string;
  color: string | null;
  supportEmail: string | null;
  privacyUrl: string | null;
  termsUrl: string | null;
};

/** Secrets that development makes for itself, so that nobody needs a configuration to start. */
export type DevelopmentSecrets = { sessionSecrets: string; tokenKeys: string };

/** `problems`: one line each, beginning with the variable's name, without its value where that is a secret. */
export class ConfigError extends Error {
  readonly problems: string[];

  constructor(problems: string[]) {
    super(`configuration: ${problems.length} problem(s)`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

const port = z.coerce.number().int().min(1).max(65_535);

const duration = z
  .string()
  .regex(/^\d{1,9}[smhd]$/)
  .transform((text) => Number(text.slice(0, -1)) * (unitSeconds[text.slice(-1)] ?? 1));

const webUrl = z.string().refine((text) => ['http:', 'https:'].includes(URL.parse(text)?.protocol ?? ''));

/** https, or http on loopback, and no path, query or fragment. */
const origin = webUrl
  .transform((text) => new URL(text))
  .refine((url) => url.pathname === '/' && !url.search && !url.hash && !url.username)
  .refine((url) => url.protocol === 'https:' || loopback.test(url.hostname));

const issuer = webUrl
  .refine((text) => !text.endsWith('/') && !/[?#@]/.test(text))
  .refine((text) => text.startsWith('https:') || loopback.test(new URL(text).hostname));

const scopes = z
  .string()
  .transform((text) => text.split(/\s+/).filter((scope) => scope !== ''))
  .refine((list) => list.length > 0 && list.join(' ').length <= 300)
  .refine((list) => list.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)));

const secrets = z
  .string()
  .transform((text) => text.split(',').map((secret) => secret.trim()))
  .refine((list) => list.every((secret) => secret.length >= 32));

const keys = z
  .string()
  .transform((text) => text.split(',').map((entry) => /^([\w.-]{1,50}):([\w+/-]{43}=?)$/.exec(entry.trim())))
  .refine((list) => list.every((match) => match !== null))
  .transform((list) => list.map((match) => ({ id: match?.[1] ?? '', bytes: Buffer.from(match?.[2] ?? '', 'base64') })))
  .refine((list) => list.every(({ bytes }) => bytes.length === 32))
  .refine((list) => new Set(list.map(({ id }) => id)).size === list.length);

const proxies = z
  .string()
  .regex(/^(off|\d{1,2}|[0-9a-fA-F.:/]+(\s*,\s*[0-9a-fA-F.:/]+)*)$/)
  .transform((text) => {
    if (text === 'off' || text === '0') return false as const;
    return /^\d{1,2}$/.test(text) ? Number(text) : text.split(',').map((address) => address.trim());
  });

/** What each variable must look like: the sentence that a wrong value is answered with. */
const expectations = {
  NODE_ENV: 'must be development, test or production',
  PORT: 'must be a port number, for example 3000',
  BASE_URL:
    'must be the public origin: https, without a path, for example https://connect.example.com (http on localhost alone)',
  DATABASE_URL: 'must be sqlite: and a file, for example sqlite:data/dinero-connect.db',
  VISMA_CLIENT_ID: 'must be the client id from the Developer Portal, for example isv_yourcompany',
  VISMA_CLIENT_SECRET: 'must be the client secret from the Developer Portal',
  VISMA_ISSUER:
    'must be an https URL without a trailing slash, for example https://connect.visma.com (http on loopback alone, outside production)',
  VISMA_SCOPES:
    'must be scopes with spaces between, 300 characters at most, for example dineropublicapi:read offline_access',
  DINERO_API_URL: 'must be an https origin, for example https://api.dinero.dk (http on loopback alone)',
  REFRESH_TOKEN_USE: 'must be re-use or one-time, as set in the Developer Portal',
  REFRESH_TOKEN_LIFETIME: 'must be a duration, for example 180d',
  REFRESH_TOKEN_GRACE: 'must be 0s, or 5s to 60s with REFRESH_TOKEN_USE=one-time',
  SESSION_SECRETS: 'must be a comma list of secrets of 32 characters or more; make one with: openssl rand -base64 32',
  TOKEN_KEYS: 'must be a comma list of id:key with different ids; make one with: echo "k1:$(openssl rand -base64 32)"',
  TRUST_PROXY: 'must be off, the number of proxies in front, or a comma list of their addresses, for example 1',
  BRAND_NAME: 'must be your product’s name, 80 characters at most',
  BRAND_COLOR: 'must be a colour like #0b5fff',
  SUPPORT_EMAIL: 'must be an e-mail address, for example help@example.com',
  PRIVACY_URL: 'must be a web address, for example https://example.com/privacy',
  TERMS_URL: 'must be a web address, for example https://example.com/terms',
  SANDBOX: 'must be true, false or auto',
  SANDBOX_PORT: 'must be a port number other than PORT, for example 4000',
  LOG_LEVEL: `must be one of ${logLevels.join(', ')}`,
} as const;

export type VariableName = keyof typeof expectations;

/** Every variable there is, in the order of the README's table. */
export const variableNames = Object.keys(expectations) as VariableName[];

const environment = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  PORT: port.default(3000),
  BASE_URL: origin.optional(),
  DATABASE_URL: z
    .string()
    .regex(/^sqlite:[^\0]+$/)
    .default('sqlite:data/dinero-connect.db'),
  VISMA_CLIENT_ID: z.string().min(1).max(100).optional(),
  VISMA_CLIENT_SECRET: z.string().min(1).max(500).optional(),
  VISMA_ISSUER: issuer.default('https://connect.visma.com'),
  VISMA_SCOPES: scopes.default(['dineropublicapi:read', 'dineropublicapi:write', 'offline_access']),
  DINERO_API_URL: origin.default(new URL('https://api.dinero.dk')),
  REFRESH_TOKEN_USE: z.enum(['re-use', 'one-time']).default('re-use'),
  REFRESH_TOKEN_LIFETIME: duration.refine((seconds) => seconds > 0).default(180 * 86_400),
  REFRESH_TOKEN_GRACE: duration.refine((seconds) => seconds === 0 || (seconds >= 5 && seconds <= 60)).default(0),
  SESSION_SECRETS: secrets.optional(),
  TOKEN_KEYS: keys.optional(),
  TRUST_PROXY: proxies.default(false),
  BRAND_NAME: z.string().trim().min(1).max(80).default('Dinero Connect'),
  BRAND_COLOR: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i)
    .optional(),
  SUPPORT_EMAIL: z.email().optional(),
  PRIVACY_URL: webUrl.optional(),
  TERMS_URL: webUrl.optional(),
  SANDBOX: z.enum(['true', 'false', 'auto']).default('auto'),
  SANDBOX_PORT: port.default(4000),
  LOG_LEVEL: z.enum(logLevels).default('info'),
} satisfies Record<VariableName, z.ZodType>);

type Environment = z.infer<typeof environment>;

/** The sandbox's own application, as the built-in Visma Connect knows it. */
export const sandboxClient = { clientId: 'isv_sandbox', clientSecret: 'sandbox-secret' };

/**
 * `env` as the process got it; empty values count as not set. `developmentSecrets` are asked for outside production
 * when SESSION_SECRETS or TOKEN_KEYS are missing. Throws ConfigError.
 */
export function parseConfig(
  env: Record<string, string | undefined>,
  developmentSecrets: () => DevelopmentSecrets,
): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const production = given.NODE_ENV === 'production';
  if (!production) {
    if (!given.SESSION_SECRETS) given.SESSION_SECRETS = developmentSecrets().sessionSecrets;
    if (!given.TOKEN_KEYS) given.TOKEN_KEYS = developmentSecrets().tokenKeys;
  }
  const parsed = environment.safeParse(given);
  const wrong = new Set(parsed.error?.issues.map((issue) => issue.path[0] as VariableName));
  const problems = variableNames.filter((name) => wrong.has(name)).map((name) => `${name} ${expectations[name]}`);
  problems.push(
    ...findMissing(given, production)
      .filter((problem) => !wrong.has(problem.name))
      .map(({ text }) => text),
  );
  if (parsed.success) problems.push(...findContradictions(parsed.data, production));
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return toConfig(parsed.data, production);
}

function runsSandbox(
  given: { SANDBOX?: unknown; VISMA_CLIENT_ID?: unknown; VISMA_CLIENT_SECRET?: unknown },
  production: boolean,
) {
  if (given.SANDBOX === 'true') return true;
  const hasClient = given.VISMA_CLIENT_ID !== undefined || given.VISMA_CLIENT_SECRET !== undefined;
  return !production && given.SANDBOX !== 'false' && !hasClient;
}

function findMissing(given: Record<string, string | undefined>, production: boolean) {
  const required: VariableName[] = production ? ['BASE_URL', 'SESSION_SECRETS', 'TOKEN_KEYS'] : [];
  if (!runsSandbox(given, production)) required.push('VISMA_CLIENT_ID', 'VISMA_CLIENT_SECRET');
  return required
    .filter((name) => given[name] === undefined)
    .map((name) => ({ name, text: `${name} is missing: it ${expectations[name]}` }));
}

function findContradictions(env: Environment, production: boolean): string[] {
  const problems: string[] = [];
  if (production && env.SANDBOX !== 'true' && env.VISMA_ISSUER.startsWith('http:')) {
    problems.push('VISMA_ISSUER must be https in production, for example https://connect.visma.com');
  }
  if (env.REFRESH_TOKEN_GRACE > 0 && env.REFRESH_TOKEN_USE === 're-use') {
    problems.push(`REFRESH_TOKEN_GRACE ${expectations.REFRESH_TOKEN_GRACE}`);
  }
  if (runsSandbox(env, production) && env.PORT === env.SANDBOX_PORT) {
    problems.push(`SANDBOX_PORT ${expectations.SANDBOX_PORT}`);
  }
  return problems;
}

function toConfig(env: Environment, production: boolean): Config {
  const sandbox = runsSandbox(env, production) ? { port: env.SANDBOX_PORT } : null;
  const sandboxOrigin = `http://127.0.0.1:${env.SANDBOX_PORT}`;
  const baseUrl = env.BASE_URL?.origin ?? `http://localhost:${env.PORT}`;
  const client = sandbox
    ? { issuer: sandboxOrigin, ...sandboxClient }
    : {
        issuer: env.VISMA_ISSUER,
        clientId: env.VISMA_CLIENT_ID ?? '',
        clientSecret: env.VISMA_CLIENT_SECRET ?? '',
      };
  return Object.freeze({
    production,
    port: env.PORT,
    baseUrl,
    redirectUri: `${baseUrl}/oauth/callback`,
    https: baseUrl.startsWith('https:'),
    databaseFile: env.DATABASE_URL.slice('sqlite:'.length),
    provider: { ...client, scopes: [...new Set(env.VISMA_SCOPES)] },
    dineroApiUrl: sandbox ? sandboxOrigin : env.DINERO_API_URL.origin,
    refreshTokenPolicy: {
      use: env.REFRESH_TOKEN_USE,
      lifetimeSeconds: env.REFRESH_TOKEN_LIFETIME,
      graceSeconds: env.REFRESH_TOKEN_GRACE,
    },
    sessionSecrets: env.SESSION_SECRETS ?? [],
    tokenKeys: env.TOKEN_KEYS ?? [],
    trustProxy: env.TRUST_PROXY,
    brand: {
      name: env.BRAND_NAME,
      color: env.BRAND_COLOR ?? null,
      supportEmail: env.SUPPORT_EMAIL ?? null,
      privacyUrl: env.PRIVACY_URL ?? null,
      termsUrl: env.TERMS_URL ?? null,
    },
    sandbox,
    logLevel: env.LOG_LEVEL,
  });
}
