// Every environment variable there is: what it must look like, its default, and the sentence for a wrong value.

import { isIP } from 'node:net';
import { z } from 'zod';

/** Host names that lead nowhere but here. */
export const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
const longestSeconds = 3_650 * 86_400;
const networkNames = ['loopback', 'linklocal', 'uniquelocal'];

const port = z.coerce.number().int().min(1).max(65_535);

const duration = z
  .string()
  .regex(/^\d{1,9}[smhd]$/)
  .transform((text) => Number(text.slice(0, -1)) * (unitSeconds[text.slice(-1)] ?? 1))
  .refine((seconds) => seconds <= longestSeconds);

const webUrl = z.string().refine((text) => /^https?:\/\/\S+$/i.test(text) && URL.canParse(text));

/** https, or http on loopback, and no path, query or fragment. */
const origin = webUrl
  .transform((text) => new URL(text))
  .refine((url) => url.pathname === '/' && !url.search && !url.hash && !url.username && !url.password)
  .refine((url) => url.protocol === 'https:' || loopback.test(url.hostname));

// Zod asks a later refinement even when an earlier one said no, so none of them may take its text for a URL.
const issuer = webUrl
  .refine((text) => !text.endsWith('/') && !/[?#@]/.test(text))
  .refine((text) => text.startsWith('https:') || loopback.test(URL.parse(text)?.hostname ?? ''));

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

const database = z
  .string()
  .refine((text) => (/^postgres(ql)?:/.test(text) ? isPostgresAddress(text) : /^sqlite:[^\0]*\S[^\0]*$/.test(text)))
  // SQLite takes these for a database in memory or for an address of its own, not for the name of a file.
  .refine((text) => !text.includes(':memory:') && !/^sqlite:\s*file:/i.test(text));

function isPostgresAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { hostname, pathname } = new URL(text);
  return hostname !== '' && /^\/[^/]+$/.test(pathname) && isPercentEncoded(pathname);
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** An address, a network or a name that proxy-addr takes: Express would throw on any other while the app is made. */
function isNetwork(text: string): boolean {
  if (networkNames.includes(text)) return true;
  const [, address = '', prefix = '1'] = /^((?:::ffff:)?[\d.]+|[\da-f:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  return Number(prefix) >= 1 && Number(prefix) <= bits;
}

const proxies = z
  .string()
  .transform((text) => {
    if (text === 'off' || text === '0') return false as const;
    return /^\d{1,2}$/.test(text) ? Number(text) : text.split(',').map((address) => address.trim());
  })
  .refine((trusted) => !Array.isArray(trusted) || trusted.every(isNetwork));

const origins = z
  .string()
  .transform((text) => text.split(',').map((entry) => entry.trim()))
  .pipe(z.array(origin));

const webhookSecrets = z
  .string()
  .transform((text) => text.split(',').map((secret) => secret.trim()))
  .refine((list) => list.every((secret) => /^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret)))
  .refine((list) => list.every((secret) => isWebhookKey(Buffer.from(secret.slice('whsec_'.length), 'base64'))));

/** Standard Webhooks asks for 24 to 64 bytes. */
function isWebhookKey({ length }: Buffer): boolean {
  return length >= 24 && length <= 64;
}

/** What `Authorization: Bearer` can carry (RFC 6750, 2.1). */
const bearerToken = z
  .string()
  .max(500)
  .regex(/^[\w.~+/-]{32,}=*$/);

const hostNames = z
  .string()
  .transform((text) => text.split(',').map((entry) => entry.trim().toLowerCase()))
  .refine((list) => list.every((name) => /^([a-z0-9_.-]+|\[[0-9a-f:.]+\])$/.test(name)));

/** What each variable must look like: the sentence that a wrong value is answered with. */
export const expectations = {
  NODE_ENV: 'must be development, test or production',
  PORT: 'must be a port number, for example 3000',
  BASE_URL:
    'must be the public origin: https, without a path, for example https://connect.example.com (http on localhost alone)',
  DATABASE_URL:
    'must be sqlite: and a file, for example sqlite:data/dinero-connect.db (in memory, nothing would survive a restart), or postgres://user:password@host:5432/database',
  VISMA_CLIENT_ID: 'must be the client id from the Developer Portal, for example isv_yourcompany',
  VISMA_CLIENT_SECRET: 'must be the client secret from the Developer Portal',
  VISMA_ISSUER:
    'must be an https URL without a trailing slash, for example https://connect.visma.com (http on loopback alone, outside production)',
  VISMA_SCOPES:
    'must be scopes with spaces between, 300 characters at most, for example dineropublicapi:read offline_access',
  DINERO_API_URL: 'must be an https origin, for example https://api.dinero.dk (http on loopback alone)',
  REFRESH_TOKEN_USE: 'must be re-use or one-time, as set in the Developer Portal',
  REFRESH_TOKEN_LIFETIME: 'must be a duration of ten years (3650d) at most, for example 180d',
  REFRESH_TOKEN_GRACE: 'must be 0s, or 5s to 60s with REFRESH_TOKEN_USE=one-time',
  SESSION_SECRETS: 'must be a comma list of secrets of 32 characters or more; make one with: openssl rand -base64 32',
  TOKEN_KEYS: 'must be a comma list of id:key with different ids; make one with: echo "k1:$(openssl rand -base64 32)"',
  TRUST_PROXY:
    'must be off, the number of proxies in front, or a comma list of their addresses or networks, for example 1 or 10.0.0.0/8',
  BRAND_NAME: 'must be your product’s name, 80 characters at most',
  BRAND_COLOR: 'must be a colour like #0b5fff',
  SUPPORT_EMAIL: 'must be an e-mail address, for example help@example.com',
  PRIVACY_URL: 'must be a web address, for example https://example.com/privacy',
  TERMS_URL: 'must be a web address, for example https://example.com/terms',
  SANDBOX: 'must be true, false or auto',
  SANDBOX_PORT: 'must be a port number other than PORT, for example 4000',
  SETUP: 'must be true, false or auto',
  OPERATOR: 'must be true or false',
  RETURN_URL_ORIGINS:
    'must be a comma list of origins that links may lead back to, for example https://app.example.com (http on localhost alone)',
  WEBHOOK_URL: 'must be a web address that takes your webhooks, for example https://app.example.com/webhooks/dinero',
  WEBHOOK_SECRETS:
    'must be a comma list of secrets that sign webhooks; make one with: echo "whsec_$(openssl rand -base64 32)"',
  WEBHOOK_PRIVATE_HOSTS:
    'must be a comma list of host names that webhooks may go to although they are private, for example backend.internal',
  API_RATE_LIMIT: 'must be how many requests one API key may make in a minute, for example 6000',
  STOP_DELAY: 'must be a duration of 15s at most, for example 5s',
  METRICS: 'must be true, false or auto',
  METRICS_TOKEN: 'must be a token of 32 characters or more; make one with: openssl rand -base64 32',
  LOG_LEVEL: `must be one of ${logLevels.join(', ')}`,
} as const;

export type VariableName = keyof typeof expectations;

/** Every variable there is, in the order of the README's table. */
export const variableNames = Object.keys(expectations) as VariableName[];

/** Outside of what one variable can say of itself, `config.ts` looks at them together. */
export const environment = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  PORT: port.default(3000),
  BASE_URL: origin.optional(),
  DATABASE_URL: database.default('sqlite:data/dinero-connect.db'),
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
  SETUP: z.enum(['true', 'false', 'auto']).default('auto'),
  OPERATOR: z.enum(['true', 'false']).default('false'),
  RETURN_URL_ORIGINS: origins.default([]),
  WEBHOOK_URL: webUrl.refine((text) => !/[#@\s]/.test(text)).optional(),
  WEBHOOK_SECRETS: webhookSecrets.optional(),
  WEBHOOK_PRIVATE_HOSTS: hostNames.default([]),
  API_RATE_LIMIT: z.coerce.number().int().min(1).max(100_000_000).default(6_000),
  STOP_DELAY: duration.refine((seconds) => seconds <= 15).default(0),
  METRICS: z.enum(['true', 'false', 'auto']).default('auto'),
  METRICS_TOKEN: bearerToken.optional(),
  LOG_LEVEL: z.enum(logLevels).default('info'),
} satisfies Record<VariableName, z.ZodType>);

export type Environment = z.infer<typeof environment>;
