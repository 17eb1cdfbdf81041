// The records of oidc-provider in one kept map, with their expiry, and found by grant and by session too.

import type { AdapterPayload } from 'oidc-provider';
import type { State } from './state.ts';

type Kept = { payload: AdapterPayload; expiresAt: number | null };

const WRITES_BETWEEN_SWEEPS = 1000;

export type KeptRecords = {
  /** A copy: what the library changes in it counts only once it is written. */
  read(key: string): AdapterPayload | undefined;
  write(key: string, payload: AdapterPayload, expiresIn: number | undefined): void;
  remove(key: string): void;
  keysOfGrant(grantId: string): string[];
  sessionKeyOf(uid: string): string;
  grantIds(): string[];
  grantIdsOf(accountId: string): string[];
};

export function createKeptRecords(state: State): KeptRecords {
  const kept = state.shelf<Kept>('records');
  const indexes = createIndexes();
  let writes = 0;
  for (const [key, { payload }] of kept) indexes.add(key, payload);

  function remove(key: string): void {
    indexes.remove(key, kept.get(key)?.payload.grantId);
    kept.delete(key);
    state.changed();
  }
  function read(key: string): AdapterPayload | undefined {
    const found = kept.get(key);
    if (!found) return undefined;
    if (found.expiresAt === null || found.expiresAt > Date.now()) return structuredClone(found.payload);
    remove(key);
    return undefined;
  }
  const listGrants = () =>
    [...kept]
      .filter(([key]) => key.startsWith('Grant:'))
      .map(([key, { payload }]) => ({ grantId: key.slice('Grant:'.length), payload }));
  function sweep(): void {
    for (const [key, { expiresAt }] of kept) if (expiresAt !== null && expiresAt <= Date.now()) remove(key);
  }

  return {
    read,
    remove,
    write(key, payload, expiresIn) {
      writes += 1;
      if (writes % WRITES_BETWEEN_SWEEPS === 0) sweep();
      const expiresAt = expiresIn === undefined ? null : Date.now() + expiresIn * 1000;
      kept.set(key, { payload: structuredClone(payload), expiresAt });
      indexes.add(key, payload);
      state.changed();
    },
    keysOfGrant: indexes.keysOfGrant,
    sessionKeyOf: indexes.sessionKeyOf,
    grantIds: () => listGrants().map(({ grantId }) => grantId),
    grantIdsOf: (accountId) =>
      listGrants()
        .filter(({ payload }) => payload.accountId === accountId)
        .map(({ grantId }) => grantId),
  };
}

function createIndexes() {
  const sessionKeyByUid = new Map<string, string>();
  const keysByGrant = new Map<string, Set<string>>();
  return {
    add(key: string, { uid, grantId }: AdapterPayload): void {
      if (key.startsWith('Session:') && uid) sessionKeyByUid.set(uid, key);
      if (grantId) keysByGrant.set(grantId, (keysByGrant.get(grantId) ?? new Set()).add(key));
    },
    remove(key: string, grantId: string | undefined): void {
      const keys = grantId === undefined ? undefined : keysByGrant.get(grantId);
      keys?.delete(key);
      if (grantId !== undefined && keys?.size === 0) keysByGrant.delete(grantId);
    },
    keysOfGrant: (grantId: string): string[] => [...(keysByGrant.get(grantId) ?? [])],
    sessionKeyOf: (uid: string): string => sessionKeyByUid.get(uid) ?? '',
  };
}
