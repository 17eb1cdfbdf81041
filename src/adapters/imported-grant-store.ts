// Grants that were taken over from elsewhere, sealed like every other one, while they wait to be put to use.

import { randomUUID } from 'node:crypto';
import { ConnectError } from '../core/errors.ts';
import type { ImportedGrant, ImportedGrantStore, WaitingGrant } from '../core/imported-grants.ts';
import { type ConnectionRow, toDate, toScope, toScopeColumn } from './connection-row.ts';
import { createConnectionWriting, type EventListener } from './connection-writing.ts';
import type { Database, Sql } from './database.ts';
import { createGrantSealing } from './grant-sealing.ts';
import { type SealedPlace, type Vault, VaultError } from './vault.ts';

type Row = {
  user_id: string;
  sealed_refresh_token: string;
  key_id: string;
  scope: string;
  organization_id: string;
  imported_at: string;
  activated_at: string | null;
};

const rowsPerStatement = 100;
const taken = new Error('somebody else was faster');
/** What the access token of a connection is that has none yet. */
const endedAccess = { accessToken: '', expiresAt: new Date(0) };

export function placeOfImportedGrant(userId: string): SealedPlace {
  return `imported_grants/${userId}/refresh_token`;
}

/** `onEvent` hears of every line of a timeline once it is stored. */
export function createImportedGrantStore(
  database: Database,
  vault: Vault,
  onEvent: EventListener = () => {},
): ImportedGrantStore {
  const grantSealing = createGrantSealing(vault, () => {});
  const writing = createConnectionWriting(database, onEvent, false);

  async function seal({ userId, refreshToken, scope, organizationId }: ImportedGrant, now: Date): Promise<Row> {
    return {
      user_id: userId,
      sealed_refresh_token: await vault.seal(refreshToken, placeOfImportedGrant(userId)),
      key_id: vault.sealingKeyId,
      scope: toScopeColumn(scope),
      organization_id: organizationId,
      imported_at: now.toISOString(),
      activated_at: null,
    };
  }

  async function open(row: Row): Promise<WaitingGrant> {
    return {
      userId: row.user_id,
      refreshToken: await openToken(row),
      scope: toScope(row.scope),
      organizationId: row.organization_id,
      importedAt: new Date(row.imported_at),
      activatedAt: toDate(row.activated_at),
    };
  }

  async function openToken({ sealed_refresh_token: sealed, user_id: userId }: Row): Promise<string | null> {
    try {
      return await vault.open(sealed, placeOfImportedGrant(userId));
    } catch (error) {
      if (error instanceof VaultError) return null;
      throw error;
    }
  }

  return {
    async insertAll(grants, now, sealed) {
      const rows: Row[] = [];
      for (const grant of grants) {
        rows.push(await seal(grant, now));
        sealed();
      }
      database.checkFile();
      const storing = database.runTransaction(async (trx) => {
        let stored = 0;
        for (let start = 0; start < rows.length; start += rowsPerStatement) {
          const batch = rows.slice(start, start + rowsPerStatement);
          // Those that are no longer free are left out.
          const free = trx<Row>('imported_grants').insert(batch).onConflict('user_id').ignore();
          stored += (await free.returning('user_id')).length;
        }
        // Only a failure undoes the rest.
        if (stored < rows.length) throw taken;
      });
      await storing.catch((error: unknown) => {
        if (error !== taken) throw error;
        throw new ConnectError('database_unavailable', 'another import was faster: nothing was imported, run it again');
      });
    },

    async find(userId) {
      const row = await database.run((db) => db<Row>('imported_grants').where({ user_id: userId }).first());
      return row ? open(row) : null;
    },

    async list(after, limit) {
      const rows = await database.run((db) => {
        const query = db<Row>('imported_grants');
        if (after !== null) query.where('user_id', '>', after);
        return query.orderBy('user_id').limit(limit);
      });
      return Promise.all(rows.map(open));
    },

    async count() {
      const [row] = await database.run((db) =>
        db<Row>('imported_grants').select<{ all: number | string; activated: number | string }[]>(
          db.raw('count(*) as ??', ['all']),
          db.raw('count(activated_at) as ??', ['activated']),
        ),
      );
      const activated = Number(row?.activated ?? 0);
      return { waiting: Number(row?.all ?? 0) - activated, activated };
    },

    async activate(grant, { now, dueAt, events }) {
      const { userId, importedAt } = grant;
      const before = await database.run((db) => db<ConnectionRow>('connections').where({ user_id: userId }).first());
      if (before && !mayBeReplaced(before, importedAt)) return false;
      const id = before?.id ?? randomUUID();
      const row: Partial<ConnectionRow> = {
        ...(await grantSealing.seal(id, { ...grant, ...endedAccess, obtainedAt: now })),
        status: 'pending',
        generation: (before?.generation ?? 0) + 1,
        authorized_at: now.toISOString(),
        due_at: dueAt?.toISOString() ?? null,
        disconnected_at: null,
      };
      const told = { events, at: now };
      async function mark(db: Sql): Promise<void> {
        const waiting = db<Row>('imported_grants').where({ user_id: userId, activated_at: null });
        if ((await waiting.update({ activated_at: now.toISOString() })) !== 1) throw taken;
      }
      const writtenConnection = before
        ? writing.update(
            id,
            (current) => current.where({ generation: before.generation }),
            () => row,
            told,
            mark,
          )
        : writing.insert({ ...row, id, user_id: userId }, told, mark);
      return writtenConnection.catch((error: unknown) => {
        if (error === taken) return false;
        throw error;
      });
    },

    async delete(userId) {
      await database.run((db) => db<Row>('imported_grants').where({ user_id: userId }).delete());
    },

    discard: () => database.run((db) => db<Row>('imported_grants').where({ activated_at: null }).delete()),
  };
}

/** Who ended a connection after the import wants none. */
function mayBeReplaced({ status, disconnected_at: endedAt }: ConnectionRow, importedAt: Date): boolean {
  return status === 'disconnected' && (endedAt === null || endedAt <= importedAt.toISOString());
}
