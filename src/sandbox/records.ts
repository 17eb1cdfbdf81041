// oidc-provider's storage, and the rules of Visma Connect that the library leaves to its storage: a code is gone once
// it was looked at, a spent refresh token counts as fresh within its grace period, and of two uses at once one loses.

import { type Adapter, errors } from 'oidc-provider';
import { createKeptRecords } from './kept-records.ts';
import type { RefreshTokens } from './refresh-tokens.ts';
import type { State } from './state.ts';

export type Records = {
  adapterOf(model: string): Adapter;
  /** How many authorizations one person has given that nobody has ended. */
  authorizationsOf(accountId: string): number;
  /** Ends every authorization that one person gave. */
  revokeAccount(accountId: string): void;
  /** Ends every authorization there is. */
  revokeAll(): void;
};

export function createRecords(state: State, refreshTokens: RefreshTokens): Records {
  const kept = createKeptRecords(state);

  function find(model: string, id: string) {
    const payload = kept.read(`${model}:${id}`);
    if (!payload) return undefined;
    if (model === 'AuthorizationCode') kept.remove(`${model}:${id}`);
    if (model === 'RefreshToken' && refreshTokens.isInGrace(id)) delete payload.consumed;
    return payload;
  }
  function revokeGrant(grantId: string): void {
    for (const key of kept.keysOfGrant(grantId)) kept.remove(key);
  }
  function endAuthorization(grantId: string): void {
    revokeGrant(grantId);
    kept.remove(`Grant:${grantId}`);
  }
  /** Of two requests at once both may have found the token unspent: only here it shows who came first. */
  function spend(token: string): void {
    const key = `RefreshToken:${token}`;
    const payload = kept.read(key);
    const grantId = payload?.grantId ?? '';
    if (!payload?.exp || (refreshTokens.isSpent(token) && !refreshTokens.isInGrace(token))) {
      endAuthorization(grantId);
      throw new errors.InvalidGrant('refresh token already used');
    }
    refreshTokens.spend(token, grantId);
    const now = Math.floor(Date.now() / 1000);
    kept.write(key, { ...payload, consumed: now }, payload.exp - now);
  }

  return {
    adapterOf: (model) => ({
      upsert: async (id, payload, expiresIn) => kept.write(`${model}:${id}`, payload, expiresIn),
      find: async (id) => find(model, id),
      findByUserCode: async () => undefined,
      findByUid: async (uid) => kept.read(kept.sessionKeyOf(uid)),
      async consume(id) {
        if (model === 'RefreshToken') spend(id);
      },
      destroy: async (id) => kept.remove(`${model}:${id}`),
      revokeByGrantId: async (grantId) => revokeGrant(grantId),
    }),
    authorizationsOf: (accountId) => kept.grantIdsOf(accountId).length,
    revokeAccount(accountId) {
      for (const grantId of kept.grantIdsOf(accountId)) endAuthorization(grantId);
    },
    revokeAll() {
      for (const grantId of kept.grantIds()) endAuthorization(grantId);
    },
  };
}
