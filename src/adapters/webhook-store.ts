// The outbox in SQL. Messages are written in the transaction of what they tell of.

import type { WebhookStore } from '../core/outbox.ts';
import type { EventDraft } from '../core/types.ts';
import {
  type QueuedWebhook,
  type WaitingWebhook,
  type WebhookState,
  type WebhookType,
  writeWebhook,
} from '../core/webhook-messages.ts';
import { type ConnectionRow, toDate, toListedConnection } from './connection-row.ts';
import type { Database, Sql } from './database.ts';

export type WebhookRow = {
  position: number;
  id: string;
  user_id: string;
  type: WebhookType;
  content: string;
  created_at: string;
  due_at: string | null;
  tries: number;
  delivered_at: string | null;
  failure: string | null;
};

/**
 * Queues what the integrator is told of this event of a connection that it has changed already; nothing when it is not
 * told. Whoever waits behind others is due when they are, so that nobody looks at it before.
 */
export async function insertWebhook(db: Sql, connectionId: string, event: EventDraft, at: Date): Promise<void> {
  const row = await db<ConnectionRow>('connections').where({ id: connectionId }).first();
  const message = row ? writeWebhook(toListedConnection(row), event, at) : null;
  if (!row || !message) return;
  // Held until this message is there: who ends or moves that one meanwhile would not see who waits behind it.
  const waiting = await db<WebhookRow>('webhooks')
    .where({ user_id: row.user_id })
    .whereNotNull('due_at')
    .orderBy('position', 'desc')
    .forUpdate()
    .first('due_at');
  const now = at.toISOString();
  const dueAt = waiting?.due_at && waiting.due_at > now ? waiting.due_at : now;
  await db<WebhookRow>('webhooks').insert({
    ...message,
    user_id: row.user_id,
    created_at: now,
    due_at: dueAt,
    tries: 0,
  });
}

export function createWebhookStore(database: Database): WebhookStore {
  /** Ends the waiting of a message that still waits, and makes the next one of its user due. */
  function end(
    { id, userId, position }: WaitingWebhook,
    expected: Partial<WebhookRow>,
    change: Partial<WebhookRow>,
    now: Date,
  ) {
    return database.runTransaction(async (trx) => {
      const ended = { ...change, due_at: null, tries: trx.raw('tries + 1') };
      const count = await trx<WebhookRow>('webhooks')
        .where({ id })
        .where(expected)
        .whereNotNull('due_at')
        .update(ended);
      if (count !== 1) return false;
      const next = await selectBehind(trx, userId, position).orderBy('position').first('id');
      if (next) await trx<WebhookRow>('webhooks').where({ id: next.id }).update({ due_at: now.toISOString() });
      return true;
    });
  }

  /** Moves a message that is due at that very time, and all that wait behind it. */
  function move({ id, userId, position, dueAt }: WaitingWebhook, to: Date, change: (db: Sql) => object) {
    const due = to.toISOString();
    return database.runTransaction(async (trx) => {
      const count = await trx<WebhookRow>('webhooks')
        .where({ id, due_at: dueAt.toISOString() })
        .whereNotExists(selectAhead(trx, userId, position))
        .update({ due_at: due, ...change(trx) });
      if (count !== 1) return false;
      await selectBehind(trx, userId, position).where('due_at', '<', due).update({ due_at: due });
      return true;
    });
  }

  return {
    async listDue(now, limit) {
      const rows = await database.run((db) =>
        db<WebhookRow>('webhooks as w')
          .where('w.due_at', '<=', now.toISOString())
          .whereNotExists(
            db<WebhookRow>('webhooks as ahead')
              .whereRaw('ahead.user_id = w.user_id and ahead.position < w.position')
              .whereNotNull('ahead.due_at')
              .select('ahead.position'),
          )
          .orderBy(['w.due_at', 'w.position'])
          .limit(limit)
          .select('w.*'),
      );
      return rows.map(toWebhook).filter((message): message is WaitingWebhook => message.dueAt !== null);
    },

    claim: (message, until) => move(message, until, () => ({})),

    markDelivered: (message, now) => end(message, {}, { delivered_at: now.toISOString(), failure: null }, now),

    postpone: (message, failure, until) =>
      move(message, until, (db) => ({ failure, tries: db.raw('tries + 1') as unknown as number })),

    giveUp: (message, failure, now) => end(message, { due_at: message.dueAt.toISOString() }, { failure }, now),

    async find(id) {
      const row = await database.run((db) => db<WebhookRow>('webhooks').where({ id }).first());
      return row ? toWebhook(row) : null;
    },

    async list({ state, since, after }, limit) {
      const rows = await database.run((db) => {
        const query = db<WebhookRow>('webhooks').where('position', '>', after);
        if (state !== null) query.where(isIn(state));
        if (since !== null) query.where('created_at', '>=', since.toISOString());
        return query.orderBy('position').limit(limit);
      });
      return rows.map(toWebhook);
    },

    replay: (ids, now, soon) =>
      database.run((db) =>
        db<WebhookRow>('webhooks')
          .whereIn('id', ids)
          .andWhere((row) => row.whereNull('due_at').orWhere('due_at', '>', soon.toISOString()))
          .update({ due_at: now.toISOString(), tries: 0, delivered_at: null, failure: null }),
      ),

    deleteOld: ({ delivered, undelivered }) =>
      database.run((db) =>
        db<WebhookRow>('webhooks')
          .where('created_at', '<', delivered.toISOString())
          .andWhere((row) =>
            row.where('delivered_at', '<', delivered.toISOString()).orWhere((never) => {
              never.whereNull('delivered_at').where('created_at', '<', undelivered.toISOString());
            }),
          )
          .delete(),
      ),
  };
}

const selectBehind = (db: Sql, userId: string, position: number) =>
  db<WebhookRow>('webhooks').where({ user_id: userId }).where('position', '>', position).whereNotNull('due_at');

const selectAhead = (db: Sql, userId: string, position: number) =>
  db<WebhookRow>('webhooks as ahead')
    .where('ahead.user_id', userId)
    .where('ahead.position', '<', position)
    .whereNotNull('ahead.due_at')
    .select('ahead.position');

type RowQuery = { whereNull(column: string): RowQuery; whereNotNull(column: string): RowQuery };

function isIn(state: WebhookState): (row: RowQuery) => void {
  return (row) => {
    if (state === 'waiting') row.whereNotNull('due_at');
    else if (state === 'delivered') row.whereNotNull('delivered_at').whereNull('due_at');
    else row.whereNull('delivered_at').whereNull('due_at');
  };
}

export function toWebhook(row: WebhookRow): QueuedWebhook {
  return {
    position: row.position,
    id: row.id,
    userId: row.user_id,
    type: row.type,
    content: row.content,
    createdAt: new Date(row.created_at),
    dueAt: toDate(row.due_at),
    tries: row.tries,
    deliveredAt: toDate(row.delivered_at),
    failure: row.failure,
  };
}
