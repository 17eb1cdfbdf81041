// The environment, read once into one frozen Config, or refused with every problem at once.

import {
  type Environment,
  environment,
  expectations,
  loopback,
  type VariableName,
  variableNames,
} from './environment.ts';

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
  /** The setup assistant: for everybody who reaches the app, behind an API key, or (null) not there. */
  setup: 'open' | 'key' | null;
  /** The operator's page is there, behind an API key of its own scope. */
  operator: boolean;
  logLevel: string;
  /** Origins that a link may return its user to. */
  returnUrlOrigins: string[];
  /** Where events are sent; null when nobody wants them. All secrets sign. */
  webhook: { url: string; secrets: string[]; privateHosts: string[] } | null;
  /** Requests in a minute that one API key may make. */
  apiRateLimit: number;
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

/** The sandbox's own application, as the built-in Visma Connect knows it; others are registered on its portal's page. */
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
  const credentials = ['VISMA_CLIENT_ID', 'VISMA_CLIENT_SECRET'] as const;
  // The sandbox has a client of its own; half of another one is a mistake there too.
  if (!runsSandbox(given, production) || credentials.some((name) => given[name] !== undefined)) {
    required.push(...credentials);
  }
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
  if (!env.WEBHOOK_URL !== !env.WEBHOOK_SECRETS) {
    const [missing, given] = env.WEBHOOK_URL ? ['WEBHOOK_SECRETS', 'WEBHOOK_URL'] : ['WEBHOOK_URL', 'WEBHOOK_SECRETS'];
    problems.push(`${missing} is missing beside ${given}: it ${expectations[missing as VariableName]}`);
  }
  if (production && env.WEBHOOK_URL && !isTargetAllowed(new URL(env.WEBHOOK_URL), env.WEBHOOK_PRIVATE_HOSTS)) {
    problems.push('WEBHOOK_URL must be https in production, or its host be named in WEBHOOK_PRIVATE_HOSTS');
  }
  return problems;
}

/** What the name of the host leads to is looked at when something is sent there. */
function isTargetAllowed({ protocol, hostname }: URL, privateHosts: string[]): boolean {
  return protocol === 'https:' || privateHosts.includes(hostname);
}

function toConfig(env: Environment, production: boolean): Config {
  const sandbox = runsSandbox(env, production) ? { port: env.SANDBOX_PORT } : null;
  const sandboxOrigin = `http://127.0.0.1:${env.SANDBOX_PORT}`;
  const baseUrl = env.BASE_URL?.origin ?? `http://localhost:${env.PORT}`;
  const { VISMA_CLIENT_ID: clientId, VISMA_CLIENT_SECRET: clientSecret } = env;
  // Without credentials only the sandbox runs.
  const client = clientId && clientSecret ? { clientId, clientSecret } : sandboxClient;
  return Object.freeze({
    production,
    port: env.PORT,
    baseUrl,
    redirectUri: `${baseUrl}/oauth/callback`,
    https: baseUrl.startsWith('https:'),
    databaseFile: env.DATABASE_URL.slice('sqlite:'.length),
    provider: { issuer: sandbox ? sandboxOrigin : env.VISMA_ISSUER, ...client, scopes: [...new Set(env.VISMA_SCOPES)] },
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
    setup: toSetup(env.SETUP, production, baseUrl),
    operator: env.OPERATOR === 'true',
    logLevel: env.LOG_LEVEL,
    returnUrlOrigins: env.RETURN_URL_ORIGINS.map((url) => url.origin),
    webhook: env.WEBHOOK_URL
      ? { url: env.WEBHOOK_URL, secrets: env.WEBHOOK_SECRETS ?? [], privateHosts: env.WEBHOOK_PRIVATE_HOSTS }
      : null,
    apiRateLimit: env.API_RATE_LIMIT,
  });
}

/** What the whole internet reaches is behind a key, whatever it calls itself. */
function toSetup(asked: Environment['SETUP'], production: boolean, baseUrl: string): Config['setup'] {
  if (asked === 'false' || (production && asked === 'auto')) return null;
  return production || !loopback.test(new URL(baseUrl).hostname) ? 'key' : 'open';
}
