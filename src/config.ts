// The environment, read once into one frozen Config, or refused with every problem at once.

import {
  type Environment,
  environment,
  expectations,
  loopback,
  type VariableName,
  variableNames,
} from './environment.ts';
import { findContradictions, findMissing, runsSandbox } from './environment-problems.ts';

export type Config = Readonly<{
  production: boolean;
  port: number;
  /** Public origin without a trailing slash. */
  baseUrl: string;
  /** Byte for byte what is registered in the Developer Portal (facts, section 1). */
  redirectUri: string;
  /** The public origin is https: `__Host-` Secure cookies and HSTS. */
  https: boolean;
  database: DatabaseLocation;
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
  /** The setup assistant: without a key at this computer's own addresses, behind an API key, or (null) not there. */
  setup: 'open' | 'key' | null;
  /** The operator's page is there, behind an API key of its own scope. */
  operator: boolean;
  logLevel: string;
  /** So long requests are still taken after the signal to stop, while `/readyz` says that it is not ready. */
  stopDelaySeconds: number;
  /** Origins that a link may return its user to. */
  returnUrlOrigins: string[];
  /** Where events are sent; null when nobody wants them. All secrets sign. */
  webhook: { url: string; secrets: string[]; privateHosts: string[] } | null;
  /** Requests in a minute that one API key may make. */
  apiRateLimit: number;
  /**
   * For Prometheus; null when they are not there. With a token whoever has it may read them; without one whoever asks at
   * this computer's own addresses, or (not `onlyAtHome`) whoever reaches the app.
   */
  metrics: { token: string | null; onlyAtHome: boolean } | null;
}>;

/** A file of SQLite's, or the address of a PostgreSQL database with its password. `name` is what may be shown of it. */
export type DatabaseLocation = { name: string } & (
  | { kind: 'sqlite'; file: string }
  | { kind: 'postgres'; url: string }
);

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
    database: toLocation(env.DATABASE_URL),
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
    stopDelaySeconds: env.STOP_DELAY,
    returnUrlOrigins: env.RETURN_URL_ORIGINS.map((url) => url.origin),
    webhook: env.WEBHOOK_URL
      ? { url: env.WEBHOOK_URL, secrets: env.WEBHOOK_SECRETS ?? [], privateHosts: env.WEBHOOK_PRIVATE_HOSTS }
      : null,
    apiRateLimit: env.API_RATE_LIMIT,
    metrics: toMetrics(env, production, baseUrl),
  });
}

function toLocation(text: string): DatabaseLocation {
  const file = text.startsWith('sqlite:') ? text.slice('sqlite:'.length) : null;
  if (file !== null) return { kind: 'sqlite', name: file, file };
  const { hostname, pathname } = new URL(text);
  return { kind: 'postgres', name: `PostgreSQL ${decodeURIComponent(pathname.slice(1))} on ${hostname}`, url: text };
}

/** What the whole internet reaches is behind a key, whatever it calls itself. */
function toSetup(asked: Environment['SETUP'], production: boolean, baseUrl: string): Config['setup'] {
  if (asked === 'false' || (production && asked === 'auto')) return null;
  return production || !loopback.test(new URL(baseUrl).hostname) ? 'key' : 'open';
}

/** Open to nobody by accident: on an address of others somebody has to say so, or give the token that is asked for. */
function toMetrics(env: Environment, production: boolean, baseUrl: string): Config['metrics'] {
  const token = env.METRICS_TOKEN ?? null;
  if (env.METRICS === 'false') return null;
  if (env.METRICS === 'true' || token !== null) return { token, onlyAtHome: false };
  return production || !loopback.test(new URL(baseUrl).hostname) ? null : { token: null, onlyAtHome: true };
}
