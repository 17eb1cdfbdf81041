// oidc-provider's storage: sessions, interactions, codes, refresh tokens and grants in one kept map.
// Two of Visma Connect's rules live here, because the library reads them from the storage: a code is gone once it was
// looked at, and a spent refresh token counts as fresh within its grace period.

import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { RefreshTokens } from './refresh-tokens.ts';
import type { State } from './state.ts';

type Kept = { payload: AdapterPayload; expiresAt: number | null };

export type Records = {
  adapterOf(model: string): Adapter;
  /** Ends every authorization that one person gave. */
  revokeAccount(accountId: string): void;
};

export function createRecords(state: State, refreshTokens: RefreshTokens): Records {
  const kept = state.shelf<Kept>('records');
  const sessionIdByUid = new Map<string, string>();
  const keysByGrant = new Map<string, Set<string>>();

  function index(key: string, payload: AdapterPayload): void {
    if (key.startsWith('Session:') && payload.uid) sessionIdByUid.set(payload.uid, key.slice('Session:'.length));
    if (!payload.grantId) return;
    const keys = keysByGrant.get(payload.grantId) ?? new Set();
    keysByGrant.set(payload.grantId, keys.add(key));
  }
  for (const [key, { payload, expiresAt }] of kept) {
    if (expiresAt !== null && expiresAt <= Date.now()) kept.delete(key);
    else index(key, payload);
  }

  function read(key: string): AdapterPayload | undefined {
    const found = kept.get(key);
    if (!found) return undefined;
    if (found.expiresAt === null || found.expiresAt > Date.now()) return structuredClone(found.payload);
    remove(key);
    return undefined;
  }
  function remove(key: string): void {
    const grantId = kept.get(key)?.payload.grantId;
    kept.delete(key);
    if (grantId) keysByGrant.get(grantId)?.delete(key);
    state.changed();
  }
  function write(key: string, payload: AdapterPayload, expiresIn: number | undefined): void {
    kept.set(key, {
      payload: structuredClone(payload),
      expiresAt: expiresIn === undefined ? null : Date.now() + expiresIn * 1000,
    });
    index(key, payload);
    state.changed();
  }
  function revokeGrant(grantId: string): void {
    for (const key of keysByGrant.get(grantId) ?? []) remove(key);
    keysByGrant.delete(grantId);
  }
  function find(model: string, id: string): AdapterPayload | undefined {
    const payload = read(`${model}:${id}`);
    if (!payload) return undefined;
    if (model === 'AuthorizationCode') remove(`${model}:${id}`);
    if (model === 'RefreshToken' && refreshTokens.isInGrace(id, payload.grantId ?? '')) delete payload.consumed;
    return payload;
  }

  return {
    adapterOf: (model) => ({
      upsert: async (id, payload, expiresIn) => write(`${model}:${id}`, payload, expiresIn),
      find: async (id) => find(model, id),
      findByUserCode: async () => undefined,
      findByUid: async (uid) => read(`${model}:${sessionIdByUid.get(uid)}`),
      async consume(id) {
        const record = kept.get(`${model}:${id}`);
        if (record) record.payload.consumed = Math.floor(Date.now() / 1000);
        if (model === 'RefreshToken') refreshTokens.spend(id);
        state.changed();
      },
      destroy: async (id) => remove(`${model}:${id}`),
      revokeByGrantId: async (grantId) => revokeGrant(grantId),
    }),
    revokeAccount(accountId) {
      for (const [key, { payload }] of kept) {
        if (!key.startsWith('Grant:') || payload.accountId !== accountId) continue;
        revokeGrant(key.slice('Grant:'.length));
        remove(key);
      }
    },
  };
}
