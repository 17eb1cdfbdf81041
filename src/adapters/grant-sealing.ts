// Grants are sealed on the way into the table of connections, and opened on the way out, here and nowhere else.

import type { Connection, Grant } from '../core/types.ts';
import { type ConnectionRow, placeOfGrant, toConnection, toDate, toScope, toScopeColumn } from './connection-row.ts';
import { type Vault, VaultError } from './vault.ts';

const longAgo = new Date(0);

/** `onUnreadable` hears of every stored grant that does not open; its user alone needs a reconnect then. */
export function createGrantSealing(vault: Vault, onUnreadable: (connectionId: string, error: VaultError) => void) {
  async function seal(id: string, grant: Grant) {
    const { accessToken, refreshToken } = grant;
    return {
      sealed_access_token: await vault.seal(accessToken, placeOfGrant(id, 'access_token')),
      sealed_refresh_token:
        refreshToken === null ? null : await vault.seal(refreshToken, placeOfGrant(id, 'refresh_token')),
      key_id: vault.sealingKeyId,
      scope: toScopeColumn(grant.scope),
      access_expires_at: grant.expiresAt.toISOString(),
      obtained_at: grant.obtainedAt.toISOString(),
    };
  }

  async function openGrant(row: ConnectionRow): Promise<Grant | null> {
    if (row.sealed_access_token === null || row.access_expires_at === null) return null;
    return {
      accessToken: await vault.open(row.sealed_access_token, placeOfGrant(row.id, 'access_token')),
      refreshToken:
        row.sealed_refresh_token === null
          ? null
          : await vault.open(row.sealed_refresh_token, placeOfGrant(row.id, 'refresh_token')),
      scope: toScope(row.scope),
      expiresAt: new Date(row.access_expires_at),
      obtainedAt: toDate(row.obtained_at) ?? longAgo,
    };
  }

  async function open(row: ConnectionRow): Promise<Connection> {
    try {
      return toConnection(row, await openGrant(row));
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
      onUnreadable(row.id, error);
      return { ...toConnection(row, null), status: 'needs_reconnect', reason: 'grant_unreadable' };
    }
  }

  return { seal, open };
}
