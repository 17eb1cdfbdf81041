// `npm run api-key`: makes, lists and revokes the keys of the integrator's backends.

import { parseArgs } from 'node:util';
import { createApiKeyStore } from '../adapters/api-key-store.ts';
import type { Config } from '../config.ts';
import { type ApiKeys, apiScopes, createApiKeys } from '../core/api-keys.ts';
import type { ApiKey, ApiScope } from '../core/integrator-types.ts';
import { useStorage } from './storage.ts';
import { parse, UsageError } from './usage.ts';
import { clock } from './wiring.ts';

const dayMilliseconds = 24 * 3600 * 1000;
const longestDays = 3_650;
const longestName = 100;
const text = { type: 'string' } as const;
const example = 'npm run api-key -- create --name backend --scopes links,connections,tokens --expires 365d';

/** The exit code: 1 when there is no such key to revoke. Throws UsageError. */
export async function apiKey([verb, ...rest]: string[], readConfig: () => Config): Promise<number> {
  if (verb === 'create') {
    const asked = parse(() => parseArgs({ args: rest, options: { name: text, scopes: text, expires: text } }));
    const wanted = { name: readName(asked.name), scopes: readScopes(asked.scopes), expiresAt: readEnd(asked.expires) };
    return withKeys(readConfig(), (keys) => create(keys, wanted));
  }
  if (verb === 'list') {
    parse(() => parseArgs({ args: rest }));
    return withKeys(readConfig(), list);
  }
  if (verb === 'revoke') {
    const [id, ...others] = rest;
    if (id === undefined || others.length > 0) throw new UsageError('api-key revoke takes the id of one key.');
    return withKeys(readConfig(), (keys) => revoke(keys, id));
  }
  throw new UsageError(verb === undefined ? 'api-key: what?' : `api-key: there is no "${verb}".`);
}

async function create(keys: ApiKeys, wanted: Parameters<ApiKeys['create']>[0]): Promise<number> {
  const { key, text: secret } = await keys.create(wanted);
  // The key alone goes to standard output, so that it can be piped into a store of secrets.
  process.stdout.write(`${secret}\n`);
  process.stderr.write(
    `This is key ${key.id} (${describe(key)}). It is shown this once: keep it as you keep a password.\n`,
  );
  return 0;
}

async function list(keys: ApiKeys): Promise<number> {
  const all = await keys.list();
  for (const key of all) process.stdout.write(`${key.id}  ${key.name}: ${describe(key)}\n`);
  if (all.length === 0) process.stdout.write(`There is no API key. Make one with: ${example}\n`);
  return 0;
}

async function revoke(keys: ApiKeys, id: string): Promise<number> {
  const revoked = await keys.revoke(id);
  process.stdout.write(
    revoked ? `${id} is revoked: within a second nobody takes it any more.\n` : `There is no key ${id} in use.\n`,
  );
  return revoked ? 0 : 1;
}

function withKeys(config: Config, work: (keys: ApiKeys) => Promise<number>): Promise<number> {
  return useStorage(config, ({ database }) => work(createApiKeys({ clock, apiKeys: createApiKeyStore(database) })));
}

function readName(name: string | undefined): string {
  const trimmed = name?.trim() ?? '';
  if (trimmed === '' || trimmed.length > longestName) throw new UsageError('--name says who uses the key.');
  return trimmed;
}

function readScopes(text: string | undefined): ApiScope[] {
  const names = (text ?? '').split(',').map((name) => name.trim());
  const scopes = apiScopes.filter((scope) => names.includes(scope));
  if (text === undefined || names.some((name) => !apiScopes.includes(name as ApiScope))) {
    throw new UsageError(`--scopes must be a comma list of ${apiScopes.join(', ')}.`);
  }
  return scopes;
}

function readEnd(text: string | undefined): Date | null {
  if (text === undefined) return null;
  const days = Number(/^(\d{1,4})d$/.exec(text)?.[1] ?? 0);
  if (days < 1 || days > longestDays)
    throw new UsageError(`--expires must be days, for example 365d, ${longestDays}d at most.`);
  return new Date(clock.now().getTime() + days * dayMilliseconds);
}

function describe({ scopes, createdAt, expiresAt, revokedAt, usedAt }: ApiKey): string {
  const day = (date: Date) => date.toISOString().slice(0, 'yyyy-mm-dd'.length);
  const end = expiresAt === null ? 'without end' : `${expiresAt <= clock.now() ? 'ended' : 'until'} ${day(expiresAt)}`;
  const use =
    usedAt === null ? 'never used' : `last used ${usedAt.toISOString().slice(0, 'yyyy-mm-ddThh'.length)}h UTC`;
  const parts = [scopes.join(','), `made ${day(createdAt)}`, end, use];
  if (revokedAt !== null) parts.push(`revoked ${day(revokedAt)}`);
  return parts.join(', ');
}
