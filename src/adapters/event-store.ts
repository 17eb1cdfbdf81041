// The timeline of every connection, in SQL. Lines are written in the transaction of what they tell of.

import type { EventStore } from '../core/stores.ts';
import type { ConnectionEvent, EventDraft, ReconnectReason, WarningDays } from '../core/types.ts';
import type { Database, Sql } from './database.ts';

type Row = { id: number; connection_id: string; type: EventDraft['type']; at: string; detail: string | null };

/**
 * Adds a line. A refresh that follows another one of the same day takes its place: a connection in use is refreshed
 * every hour for years, and the lines in between are the ones that tell something.
 */
export async function insertEvent(db: Sql, connectionId: string, event: EventDraft, at: Date): Promise<void> {
  const time = at.toISOString();
  if (event.type === 'refreshed' && (await moveLastRefresh(db, connectionId, time))) return;
  await db<Row>('events').insert({ connection_id: connectionId, type: event.type, at: time, detail: detailOf(event) });
}

async function moveLastRefresh(db: Sql, connectionId: string, time: string): Promise<boolean> {
  const last = db<Row>('events').where({ connection_id: connectionId }).max('id');
  const count = await db<Row>('events')
    .where('id', last)
    .where({ type: 'refreshed' })
    .where('at', '>=', time.slice(0, 'yyyy-mm-dd'.length))
    .update({ at: time });
  return count === 1;
}

function detailOf(event: EventDraft): string | null {
  if (event.type === 'needs_reconnect') return event.reason;
  return event.type === 'expiring' ? String(event.daysLeft) : null;
}

function toEvent({ id: number, type, at, detail }: Row): ConnectionEvent {
  const id = String(number);
  const date = new Date(at);
  // Lines from before reasons were written down have none.
  if (type === 'needs_reconnect')
    return { id, type, at: date, reason: (detail ?? 'grant_rejected') as ReconnectReason };
  if (type === 'expiring') return { id, type, at: date, daysLeft: Number(detail) as WarningDays };
  return { id, type, at: date };
}

/** Of an integer column on PostgreSQL, which compares with nothing larger. */
const largestId = 2 ** 31 - 1;

export function createEventStore(database: Database): EventStore {
  return {
    async listLatest(connectionId, limit, before = null) {
      const rows = await database.run((db) => {
        const query = db<Row>('events').where({ connection_id: connectionId });
        if (before !== null) query.where('id', '<', Math.min(Number(before), largestId));
        return query.orderBy('id', 'desc').limit(limit);
      });
      return rows.map(toEvent);
    },

    deleteBefore: (before) => database.run((db) => db<Row>('events').where('at', '<', before.toISOString()).delete()),
  };
}
