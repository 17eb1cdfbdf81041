// The statements of the refresh protocol (design, section 7): each one is a single conditional write, so that of any
// number of processes exactly one gets what it asks for.

import type { ConnectionStore } from '../core/stores.ts';
import type { RefreshState } from '../core/types.ts';
import type { ConnectionRow } from './connection-row.ts';
import { restedRefresh } from './connection-row.ts';
import type { Condition, ConnectionWriting } from './connection-writing.ts';
import type { Database } from './database.ts';
import type { createGrantSealing } from './grant-sealing.ts';

type Statements = Pick<
  ConnectionStore,
  'takeLease' | 'renewLease' | 'releaseLease' | 'saveRefreshed' | 'listDue' | 'reschedule' | 'scheduleForgotten'
>;

const nothingToTell = { events: [], at: new Date(0) };

export function createRefreshStatements(
  database: Database,
  writing: ConnectionWriting,
  sealing: ReturnType<typeof createGrantSealing>,
): Statements {
  return {
    async takeLease({ id, generation, refreshState }, { owner, until }, now) {
      await database.checkRoom();
      const time = now.toISOString();
      const change = { lease_owner: owner, lease_until: until.toISOString(), due_at: until.toISOString() };
      return writing.update(
        id,
        (row) => row.where({ generation }).whereIn('status', ['pending', 'connected']).andWhere(isAsRead(refreshState)),
        (db) => ({ ...change, sent_at: db.raw('coalesce(sent_at, ?)', [time]) }),
        nothingToTell,
      );
    },

    renewLease: ({ id, generation }, { owner, until }) =>
      writing.update(
        id,
        (row) => row.where({ generation, lease_owner: owner }),
        () => ({ lease_until: until.toISOString(), due_at: until.toISOString() }),
        nothingToTell,
      ),

    releaseLease: ({ id, generation }, owner, { state, dueAt, now }, event) =>
      writing.update(
        id,
        (row) => row.where({ generation, lease_owner: owner }),
        () => ({
          lease_owner: null,
          lease_until: null,
          sent_at: toText(state.sentAt),
          failures: state.failures,
          next_attempt_at: toText(state.nextAttemptAt),
          due_at: toText(dueAt),
        }),
        { events: event ? [event] : [], at: now },
      ),

    async saveRefreshed({ id, generation }, grant, { refreshExpiresAt, dueAt, state, now, events }) {
      const sealed = await sealing.seal(id, grant);
      const change = {
        ...sealed,
        ...restedRefresh,
        failures: state.failures,
        next_attempt_at: toText(state.nextAttemptAt),
        refresh_expires_at: toText(refreshExpiresAt),
        due_at: toText(dueAt),
        generation: generation + 1,
      };
      const saved = await writing.update(
        id,
        (row) => row.where({ generation }).whereNot({ status: 'needs_reconnect' }),
        () => change,
        { events, at: now },
      );
      if (saved) return true;
      // A refusal of the token that this one replaces was said of the former one.
      return writing.update(
        id,
        (row) => row.where({ generation, status: 'needs_reconnect' }),
        (db) => ({
          ...change,
          status: db.raw("case when organization_id is null then 'pending' else 'connected' end"),
          reason: null,
        }),
        { events: [...events, { type: 'recovered' }], at: now },
      );
    },

    async listDue(now, after, limit) {
      const rows = await database.run((db) => {
        const query = db<ConnectionRow>('connections').where('due_at', '<=', now.toISOString());
        if (after) query.whereRaw('(due_at, user_id) > (?, ?)', [after.dueAt.toISOString(), after.userId]);
        return query.orderBy(['due_at', 'user_id']).limit(limit).select('user_id', 'due_at');
      });
      return rows.map(({ user_id: userId, due_at: dueAt }) => ({ userId, dueAt: new Date(dueAt ?? 0) }));
    },

    scheduleForgotten: (now) =>
      database.run((db) =>
        db<ConnectionRow>('connections')
          .whereNull('due_at')
          .whereIn('status', ['pending', 'connected'])
          .whereNotNull('sealed_access_token')
          .update({ due_at: now.toISOString() }),
      ),

    reschedule: ({ id, generation, dueAt: dueBefore }, { dueAt, warnedDays, now }, event) =>
      writing.update(
        id,
        (row) => row.where({ generation, due_at: toText(dueBefore) }),
        () => ({ due_at: toText(dueAt), warned_days: warnedDays }),
        { events: event ? [event] : [], at: now },
      ),
  };
}

/**
 * Nobody took a lease, or gave one back, since this state was read: an owner has one lease ever, and giving it back
 * counts a failure.
 */
function isAsRead({ leaseOwner, leaseUntil, failures }: RefreshState): Condition {
  return (row) => row.where({ lease_owner: leaseOwner, lease_until: toText(leaseUntil), failures });
}

function toText(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}
