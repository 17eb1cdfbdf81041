// Connections in SQL. Every write names what it expects to replace, and brings the line of the timeline that tells of it.

import { randomUUID } from 'node:crypto';
import { ConnectError } from '../core/errors.ts';
import type { ConnectionStore } from '../core/stores.ts';
import type { Connection } from '../core/types.ts';
import {
  type ConnectionRow,
  endedConnection,
  restedRefresh,
  toConnection,
  toListedConnection,
} from './connection-row.ts';
import { createConnectionWriting, type EventListener } from './connection-writing.ts';
import type { Database } from './database.ts';
import { createGrantSealing } from './grant-sealing.ts';
import { createRefreshStatements } from './refresh-statements.ts';
import { type RevocationRow, sealRevocation } from './revocation-store.ts';
import type { Vault, VaultError } from './vault.ts';

const raceTries = 5;

/**
 * `unreadable` hears of every stored grant that does not open; its user alone needs a reconnect then. `written` hears
 * of every line of a timeline once it is stored. With `announce`, the integrator's messages are queued with the changes.
 */
export function createConnectionStore(
  database: Database,
  vault: Vault,
  listeners: { unreadable: (connectionId: string, error: VaultError) => void; written?: EventListener },
  options: { announce?: boolean } = {},
): ConnectionStore {
  const sealing = createGrantSealing(vault, listeners.unreadable);
  const writing = createConnectionWriting(database, listeners.written ?? (() => {}), options.announce ?? false);
  const findRow = (where: Partial<ConnectionRow>) =>
    database.run((db) => db<ConnectionRow>('connections').where(where).first());

  async function findByUser(userId: string): Promise<Connection | null> {
    const row = await findRow({ user_id: userId });
    return row ? sealing.open(row) : null;
  }

  /** A connection that changed between its reading and its writing is read again. */
  async function tryAgain<T>(once: () => Promise<{ result: T } | null>, doing: string): Promise<T> {
    for (let tries = 0; tries < raceTries; tries += 1) {
      const ended = await once();
      if (ended) return ended.result;
    }
    throw new ConnectError('database_unavailable', `a connection kept changing while ${doing}`);
  }

  return {
    ...createRefreshStatements(database, writing, sealing),

    findByUser,
    findRecent: findByUser,

    async list({ status, after, limit }) {
      const rows = await database.run((db) => {
        const query = db<ConnectionRow>('connections');
        if (status !== null) query.where({ status });
        if (after !== null) query.where('user_id', '>', after);
        return query.orderBy('user_id').limit(limit);
      });
      return rows.map(toListedConnection);
    },

    saveAuthorized: (userId, grant, { refreshExpiresAt, dueAt, subject, startedAt, now, events }) =>
      tryAgain(async () => {
        const before = await findRow({ user_id: userId });
        if (before && endedBetween(before, startedAt, now)) return { result: null };
        const id = before?.id ?? randomUUID();
        const change = {
          ...(await sealing.seal(id, grant)),
          ...restedRefresh,
          status: 'pending' as const,
          reason: null,
          subject,
          refresh_expires_at: refreshExpiresAt?.toISOString() ?? null,
          due_at: dueAt?.toISOString() ?? null,
          warned_days: null,
          authorized_at: now.toISOString(),
          disconnected_at: null,
          generation: (before?.generation ?? 0) + 1,
        };
        const told = { events, at: now };
        const saved = before
          ? await writing.update(
              id,
              (row) => row.where({ generation: before.generation }),
              () => change,
              told,
            )
          : await writing.insert({ id, user_id: userId, ...change }, told);
        const row = saved ? await findRow({ id }) : undefined;
        if (!row) return null;
        // Another process may have refreshed it by now.
        const isOurs = row.generation === change.generation;
        return { result: isOurs ? toConnection(row, grant) : await sealing.open(row) };
      }, 'a grant was being stored'),

    chooseOrganization: ({ id, authorizedAt, status }, organization, now, event) =>
      writing.update(
        id,
        (row) =>
          row.where({ authorized_at: authorizedAt.toISOString(), status }).whereIn('status', ['pending', 'connected']),
        (db) => ({
          status: 'connected',
          organization_id: organization.id,
          organization_name: organization.name,
          organization_vat_number: organization.vatNumber,
          connected_at: db.raw(
            'case when organization_id = ? and connected_at is not null then connected_at else ? end',
            [organization.id, now.toISOString()],
          ),
        }),
        { events: event ? [event] : [], at: now },
      ),

    markNeedsReconnect: ({ id, generation }, reason, now) =>
      writing.update(
        id,
        (row) => row.where({ generation }).whereIn('status', ['pending', 'connected']),
        () => ({ status: 'needs_reconnect', reason, due_at: null, ...restedRefresh }),
        { events: [{ type: 'needs_reconnect', reason }], at: now },
      ),

    disconnect: (userId, now) =>
      tryAgain(async () => {
        const row = await findRow({ user_id: userId });
        if (!row || row.status === 'disconnected') return { result: false };
        return (await endGrant(row, now)) ? { result: true } : null;
      }, 'it was being ended'),
  };

  async function endGrant(row: ConnectionRow, now: Date): Promise<boolean> {
    const { grant } = await sealing.open(row);
    const revocation = grant?.refreshToken ? await sealRevocation(vault, grant.refreshToken, now) : null;
    const change = { ...endedConnection, disconnected_at: now.toISOString(), generation: row.generation + 1 };
    return writing.update(
      row.id,
      (current) => current.where({ generation: row.generation }),
      () => change,
      { events: [{ type: 'disconnected' }], at: now },
      async (db) => revocation && (await db<RevocationRow>('revocations').insert(revocation)),
    );
  }
}

/** An end in the future is a clock's mistake, and keeps nobody out. */
function endedBetween({ disconnected_at: ended }: ConnectionRow, startedAt: Date, now: Date): boolean {
  return ended !== null && ended > startedAt.toISOString() && ended <= now.toISOString();
}
