// What an operator looks at, in SQL. Sealed columns are never read here. Counts are answered by indexes as far as can be.

import type { FailingRefresh, OverseenUser, OversightStore, UserPage } from '../core/oversight.ts';
import { type ConnectionRow, toDate, toListedConnection } from './connection-row.ts';
import { countStatuses } from './counts.ts';
import type { Database, Sql } from './database.ts';
import { toWebhook, type WebhookRow } from './webhook-store.ts';

type EventRow = { id: number; connection_id: string; type: NonNullable<FailingRefresh['cause']>; at: string };

/** Without what is sealed, and without the lease. */
const shownColumns = [
  ...([
    'id',
    'user_id',
    'status',
    'reason',
    'organization_id',
    'organization_name',
    'organization_vat_number',
  ] as const),
  ...(['scope', 'generation', 'access_expires_at', 'refresh_expires_at', 'authorized_at', 'connected_at'] as const),
  ...(['failures', 'next_attempt_at', 'warned_days'] as const),
];
/** Behind every text that begins with another one. */
const lastCharacter = '\u{10ffff}';

export function createOversightStore(database: Database): OversightStore {
  return {
    countStatuses: () => database.run(countStatuses),

    async countEnds(from, before) {
      const ends = await database.run((db) =>
        db<ConnectionRow>('connections')
          .where('refresh_expires_at', '>=', from.toISOString())
          .where('refresh_expires_at', '<', before.toISOString())
          // Those it may be would lead SQLite to the index of statuses, and through most of the table.
          .whereNotIn('status', ['needs_reconnect', 'disconnected'])
          .count({ total: '*' })
          .first(),
      );
      return Number(ends?.total);
    },

    async countFailing(now) {
      const [all, over] = await Promise.all([
        database.run((db) => selectFailing(db).count({ total: '*' }).first()),
        database.run((db) => selectFailing(db).where(isOver(now)).count({ total: '*' }).first()),
      ]);
      return { total: Number(all?.total), withoutAccess: Number(over?.total) };
    },

    async listFailing(limit) {
      const rows = await database.run((db) =>
        selectFailing(db)
          .orderBy([{ column: 'failures', order: 'desc' }, 'user_id'])
          .limit(limit)
          .select('id', 'user_id', 'failures', 'next_attempt_at', 'access_expires_at'),
      );
      const begun = await findBeginnings(rows.map(({ id }) => id));
      return rows.map((row) => toFailing(row, begun.get(row.id)));
    },

    async countWebhooks() {
      // What is not null, as the index has it.
      const waiting = (await database.run((db) =>
        db<WebhookRow>('webhooks')
          .where('due_at', '>', '')
          .count({ waiting: '*' })
          .min({ oldest: 'created_at' })
          .select(db.raw('sum(case when tries > 0 then 1 else 0 end) as failing'))
          .first(),
      )) as { waiting: number | string; oldest: string | null; failing: number | string | null } | undefined;
      const givenUp = await database.run((db) =>
        db<WebhookRow>('webhooks').whereRaw('due_at is null and delivered_at is null').count({ total: '*' }).first(),
      );
      return {
        waiting: Number(waiting?.waiting ?? 0),
        failing: Number(waiting?.failing ?? 0),
        givenUp: Number(givenUp?.total),
        oldest: toDate(waiting?.oldest ?? null),
      };
    },

    async search(text, page) {
      if (text === '') return (await database.run((db) => selectUsers(db, page))).map(toUser);
      // Each by its own index; together they would be sorted as a whole.
      const byUser = await database.run((db) => selectUsers(db, page).where(beginsWith('user_id', text)));
      const byCompany = await database.run((db) => selectUsers(db, page).andWhere(isOfCompany(text)));
      const found = new Map([...byUser, ...byCompany].map((row) => [row.id, row]));
      return [...found.values()].sort(byBytes).slice(0, page.limit).map(toUser);
    },

    async find(connectionId) {
      const row = await database.run((db) =>
        db<ConnectionRow>('connections').where({ id: connectionId }).first(shownColumns),
      );
      return row ? toUser(row) : null;
    },

    async listWebhooks(userId, limit) {
      const rows = await database.run((db) =>
        db<WebhookRow>('webhooks').where({ user_id: userId }).orderBy('position', 'desc').limit(limit),
      );
      return rows.map(toWebhook);
    },
  };

  /** The line that tells of the first failure in a row, for each of these connections. */
  async function findBeginnings(connectionIds: string[]): Promise<Map<string, EventRow>> {
    const rows = await database.run((db) =>
      db<EventRow>('events').whereIn(
        'id',
        db<EventRow>('events')
          .whereIn('connection_id', connectionIds)
          .whereIn('type', ['refresh_delayed', 'client_rejected'])
          .groupBy('connection_id')
          .max('id'),
      ),
    );
    return new Map(rows.map((row) => [row.connection_id, row]));
  }
}

const selectFailing = (db: Sql) => db<ConnectionRow>('connections').where('failures', '>', 0);

const selectUsers = (db: Sql, { status, after, limit }: UserPage) => {
  const query = db<ConnectionRow>('connections').select(shownColumns).orderBy('user_id').limit(limit);
  if (status !== null) query.where({ status });
  if (after !== null) query.where('user_id', '>', after);
  return query;
};

type Query = {
  where(column: string, operator: string, value: string): Query;
  orWhere(part: (query: Query) => void): Query;
  whereNull(column: string): Query;
};
type Part = (query: Query) => void;

const isOver =
  (now: Date): Part =>
  (row) =>
    row.where('access_expires_at', '<=', now.toISOString()).orWhere((none) => none.whereNull('access_expires_at'));

const beginsWith =
  (column: string, text: string): Part =>
  (row) =>
    row.where(column, '>=', text).where(column, '<', `${text}${lastCharacter}`);

/** SQLite knows capitals of ASCII alone, and no index of small letters: so the three ways in which names are written. */
function isOfCompany(text: string): Part {
  const written = new Set([text, text.charAt(0).toUpperCase() + text.slice(1), text.toUpperCase()]);
  return (row) => {
    row.where('organization_id', '=', text).orWhere((vat) => vat.where('organization_vat_number', '=', text));
    for (const name of written) row.orWhere(beginsWith('organization_name', name));
  };
}

function byBytes(a: { user_id: string }, b: { user_id: string }): number {
  return Buffer.compare(Buffer.from(a.user_id), Buffer.from(b.user_id));
}

function toUser(row: Pick<ConnectionRow, (typeof shownColumns)[number]>): OverseenUser {
  const nothingElse = { obtained_at: null, lease_owner: null, lease_until: null, sent_at: null, due_at: null };
  const unread = { sealed_access_token: null, sealed_refresh_token: null, key_id: null, subject: null };
  const listed = toListedConnection({ ...row, ...nothingElse, ...unread, disconnected_at: null });
  return { ...listed, connectionId: row.id, nextAttemptAt: toDate(row.next_attempt_at) };
}

function toFailing(
  row: Pick<ConnectionRow, 'id' | 'user_id' | 'failures' | 'next_attempt_at' | 'access_expires_at'>,
  begun: EventRow | undefined,
): FailingRefresh {
  return {
    connectionId: row.id,
    userId: row.user_id,
    failures: row.failures,
    since: begun ? new Date(begun.at) : null,
    cause: begun?.type ?? null,
    nextAttemptAt: toDate(row.next_attempt_at),
    accessExpiresAt: toDate(row.access_expires_at),
  };
}
