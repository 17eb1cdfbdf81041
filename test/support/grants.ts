// Numbered grants, and stores that hold one, for tests that look at what becomes of them.

import type { ConnectionStore } from '../../src/core/stores.ts';
import type { Connection, Grant } from '../../src/core/types.ts';
import type { Stores } from './memory-stores.ts';

/** `access-1`, `refresh-1`, … as obtained at `at`. */
export function grantNumbered(number: number, at: Date, lifetimeSeconds = 3600): Grant {
  return {
    accessToken: `access-${number}`,
    refreshToken: `refresh-${number}`,
    scope: ['dineropublicapi:read', 'offline_access'],
    expiresAt: new Date(at.getTime() + lifetimeSeconds * 1000),
    obtainedAt: at,
  };
}

type AuthorizedTerms = Parameters<ConnectionStore['saveAuthorized']>[2];
type RefreshedTerms = Parameters<ConnectionStore['saveRefreshed']>[2];

/** What comes with a consent to an attempt that started when it was given. */
export function authorizedTerms(at: Date, terms: Partial<AuthorizedTerms> = {}): AuthorizedTerms {
  return {
    refreshExpiresAt: null,
    dueAt: null,
    subject: null,
    startedAt: at,
    now: at,
    events: [{ type: 'authorized' }],
    ...terms,
  };
}

export function refreshedTerms(at: Date, terms: Partial<RefreshedTerms> = {}): RefreshedTerms {
  return {
    refreshExpiresAt: null,
    dueAt: null,
    state: { failures: 0, nextAttemptAt: null },
    now: at,
    events: [{ type: 'refreshed' }],
    ...terms,
  };
}

export async function authorize(
  stores: Pick<Stores, 'connections'>,
  userId: string,
  grant: Grant,
  terms: AuthorizedTerms,
): Promise<Connection> {
  const connection = await stores.connections.saveAuthorized(userId, grant, terms);
  if (!connection) throw new Error('the consent came too late');
  return connection;
}
