// Connections in SQL, and the one door of grants: they are sealed on the way in and opened on the way out here, and
// nowhere else. Every write names what it expects to replace.

import { randomUUID } from 'node:crypto';
import { ConnectError } from '../core/errors.ts';
import type { ConnectionStore } from '../core/ports.ts';
import type { Connection, Grant } from '../core/types.ts';
import { type ConnectionRow, placeOfGrant, toConnection, toScopeColumn } from './connection-row.ts';
import type { Database } from './database.ts';
import { type RevocationRow, sealRevocation } from './revocation-store.ts';
import { type Vault, VaultError } from './vault.ts';

const raceTries = 5;

/** `onUnreadable` hears of every stored grant that does not open; its user alone needs a reconnect then. */
export function createConnectionStore(
  database: Database,
  vault: Vault,
  onUnreadable: (connectionId: string, error: VaultError) => void,
): ConnectionStore {
  const findRow = (where: Partial<ConnectionRow>) =>
    database.run((db) => db<ConnectionRow>('connections').where(where).first());

  async function update(where: Partial<ConnectionRow>, change: Partial<ConnectionRow>): Promise<boolean> {
    return (await database.run((db) => db<ConnectionRow>('connections').where(where).update(change))) === 1;
  }

  async function sealGrant(id: string, grant: Grant, refreshExpiresAt: Date | null) {
    const { accessToken, refreshToken } = grant;
    return {
      sealed_access_token: await vault.seal(accessToken, placeOfGrant(id, 'access_token')),
      sealed_refresh_token:
        refreshToken === null ? null : await vault.seal(refreshToken, placeOfGrant(id, 'refresh_token')),
      key_id: vault.sealingKeyId,
      scope: toScopeColumn(grant.scope),
      access_expires_at: grant.expiresAt.toISOString(),
      refresh_expires_at: refreshExpiresAt?.toISOString() ?? null,
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
      scope: row.scope.split(' ').filter((name) => name !== ''),
      expiresAt: new Date(row.access_expires_at),
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

  return {
    async findByUser(userId) {
      const row = await findRow({ user_id: userId });
      return row ? open(row) : null;
    },

    async saveAuthorized(userId, grant, { refreshExpiresAt, startedAt, now }) {
      for (let tries = 0; tries < raceTries; tries += 1) {
        const before = await findRow({ user_id: userId });
        if (before?.disconnected_at && before.disconnected_at > startedAt.toISOString()) return null;
        const id = before?.id ?? randomUUID();
        const change = {
          ...(await sealGrant(id, grant, refreshExpiresAt)),
          status: 'pending' as const,
          reason: null,
          authorized_at: now.toISOString(),
          disconnected_at: null,
          generation: (before?.generation ?? 0) + 1,
        };
        const saved = before
          ? await update({ id, generation: before.generation }, change)
          : await insertUnlessThere({ id, user_id: userId, ...change });
        const row = saved ? await findRow({ id }) : undefined;
        if (row) return open(row);
      }
      throw new ConnectError('database_unavailable', 'a connection kept changing while a grant was being stored');
    },

    async saveRefreshed({ id, generation }, grant, refreshExpiresAt) {
      const sealed = await sealGrant(id, grant, refreshExpiresAt);
      return update({ id, generation }, { ...sealed, generation: generation + 1 });
    },

    chooseOrganization({ id, authorizedAt }, organization, now) {
      return database.run(async (db) => {
        const count = await db<ConnectionRow>('connections')
          .where({ id, authorized_at: authorizedAt.toISOString() })
          .whereIn('status', ['pending', 'connected'])
          .update({
            status: 'connected',
            organization_id: organization.id,
            organization_name: organization.name,
            organization_vat_number: organization.vatNumber,
            connected_at: db.raw(
              'case when organization_id = ? and connected_at is not null then connected_at else ? end',
              [organization.id, now.toISOString()],
            ),
          });
        return count === 1;
      });
    },

    markNeedsReconnect: ({ id, generation }, reason) =>
      update({ id, generation }, { status: 'needs_reconnect', reason }),

    async disconnect(userId, now) {
      for (let tries = 0; tries < raceTries; tries += 1) {
        const row = await findRow({ user_id: userId });
        if (!row || row.status === 'disconnected') return false;
        if (await endGrant(row, now)) return true;
      }
      throw new ConnectError('database_unavailable', 'a connection kept changing while it was being ended');
    },
  };

  async function insertUnlessThere(row: Partial<ConnectionRow>): Promise<boolean> {
    const rows = await database.run((db) =>
      db<ConnectionRow>('connections').insert(row).onConflict('user_id').ignore().returning('id'),
    );
    return rows.length === 1;
  }

  async function endGrant(row: ConnectionRow, now: Date): Promise<boolean> {
    const { grant } = await open(row);
    const revocation = grant?.refreshToken ? await sealRevocation(vault, grant.refreshToken, now) : null;
    const change = { ...ended, disconnected_at: now.toISOString(), generation: row.generation + 1 };
    return database.run((db) =>
      db.transaction(async (trx) => {
        const where = { id: row.id, generation: row.generation };
        const count = await trx<ConnectionRow>('connections').where(where).update(change);
        if (count === 1 && revocation) await trx<RevocationRow>('revocations').insert(revocation);
        return count === 1;
      }),
    );
  }
}

const ended = {
  status: 'disconnected',
  reason: null,
  organization_id: null,
  organization_name: null,
  organization_vat_number: null,
  scope: '',
  sealed_access_token: null,
  sealed_refresh_token: null,
  key_id: null,
  access_expires_at: null,
  refresh_expires_at: null,
  connected_at: null,
} as const;
