// Keys of the integrator's backends (requirements, B9): random, shown once, kept as a hash, scoped, ending, revocable.

import { hash as digest, randomBytes } from 'node:crypto';
import type { ApiKey, ApiScope } from './integrator-types.ts';
import type { Clock } from './ports.ts';
import { isSameSecret } from './secrets.ts';
import type { ApiKeyStore } from './stores.ts';

export type ApiKeys = ReturnType<typeof createApiKeys>;

/** Why a key is not taken. `unknown`: there is none of this id, or its secret is another one. */
export type ApiKeyRefusal = 'unknown' | 'expired' | 'revoked';
export type ApiKeyCheck = { key: ApiKey } | { refusal: ApiKeyRefusal };

export const apiScopes: readonly ApiScope[] = ['links', 'connections', 'tokens', 'setup', 'operator'];

const idBytes = 9;
const secretBytes = 32;
const form = /^dck_([\w-]{12})_([\w-]{43})$/;
/** What a process remembers of a key: revoked elsewhere, it is refused here within this time. */
const rememberedMilliseconds = 1_000;
const mostRemembered = 1_000;
const usedMilliseconds = 3_600_000;

export function createApiKeys(ports: { clock: Clock; apiKeys: ApiKeyStore }) {
  const { clock, apiKeys } = ports;
  const remembered = new Map<string, { key: ApiKey; until: number }>();

  /** When this process last wrote down, or tried to, that a key was used. */
  const noted = new Map<string, number>();

  /** Makes a key. `text` is the key itself, and nobody can tell it again. `expiresAt` null: it does not end. */
  async function create(options: {
    name: string;
    scopes: ApiScope[];
    expiresAt: Date | null;
  }): Promise<{ key: ApiKey; text: string }> {
    const id = randomBytes(idBytes).toString('base64url');
    const secret = randomBytes(secretBytes).toString('base64url');
    const key = {
      ...options,
      id,
      secretHash: hash(secret).toString('base64url'),
      createdAt: clock.now(),
      revokedAt: null,
      usedAt: null,
    };
    await apiKeys.insert(key);
    return { key, text: `dck_${id}_${secret}` };
  }

  /** Whose key this is, or why it is refused. Throws database_unavailable. */
  async function check(text: string): Promise<ApiKeyCheck> {
    const [, id, secret] = form.exec(text) ?? [];
    const key = id === undefined ? null : await find(id);
    if (!key || !isSameSecret(hash(secret ?? ''), Buffer.from(key.secretHash, 'base64url')))
      return { refusal: 'unknown' };
    return judge(key);
  }

  /** The same for a key that was taken before and of which only the id was kept. Throws database_unavailable. */
  async function checkAgain(id: string): Promise<ApiKeyCheck> {
    const key = await find(id);
    return key ? judge(key) : { refusal: 'unknown' };
  }

  async function judge(key: ApiKey): Promise<ApiKeyCheck> {
    if (key.revokedAt !== null) return { refusal: 'revoked' };
    const now = clock.now();
    if (key.expiresAt !== null && key.expiresAt <= now) return { refusal: 'expired' };
    noteUse(key, now);
    return { key };
  }

  async function find(id: string): Promise<ApiKey | null> {
    const known = remembered.get(id);
    if (known && known.until > clock.monotonic()) return known.key;
    const key = await apiKeys.find(id);
    if (remembered.size >= mostRemembered) remembered.clear();
    if (key) remembered.set(id, { key, until: clock.monotonic() + rememberedMilliseconds });
    return key;
  }

  /** Operators see which keys are in use; a database that cannot be written for a while must not cost a request. */
  function noteUse({ id, usedAt }: ApiKey, now: Date): void {
    const last = Math.max(usedAt?.getTime() ?? 0, noted.get(id) ?? 0);
    if (now.getTime() - last <= usedMilliseconds) return;
    noted.set(id, now.getTime());
    apiKeys.markUsed(id, now).catch(() => {});
  }

  return {
    create,
    check,
    checkAgain,
    list: () => apiKeys.list(),
    revoke: (id: string) => apiKeys.revoke(id, clock.now()),
  };
}

function hash(secret: string): Buffer {
  return digest('sha256', secret, 'buffer');
}
