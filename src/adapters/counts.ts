// How many connections and messages there are of each kind: for whoever watches this deployment. Every count is answered
// by an index alone, so that it costs little with a million connections, too.

import type { ConnectionStatus } from '../core/types.ts';
import type { ConnectionRow } from './connection-row.ts';
import type { Database, Sql } from './database.ts';
import type { WebhookRow } from './webhook-store.ts';

export type Counts = {
  connections: Record<ConnectionStatus, number>;
  /** Keep-alive should have looked at these by now. */
  due: number;
  /** Authorized, and their refresh token ends within a week. */
  ending: number;
  /** The last try to refresh them brought nothing. */
  failing: number;
  webhooksWaiting: number;
  /** When the waiting message that was queued first was made; null when none waits. */
  oldestWebhookAt: Date | null;
};

const weekMilliseconds = 7 * 86_400_000;

/** Throws database_unavailable. */
export async function readCounts(database: Database, now: Date): Promise<Counts> {
  return database.run(async (db) => ({
    connections: await countStatuses(db),
    ...(await countTroubles(db, now)),
    ...(await countWebhooks(db)),
  }));
}

export async function countStatuses(db: Sql): Promise<Counts['connections']> {
  const rows = await db<ConnectionRow>('connections').groupBy('status').select('status').count({ count: '*' });
  const counts = { pending: 0, connected: 0, needs_reconnect: 0, disconnected: 0 };
  for (const { status, count } of rows as { status: ConnectionStatus; count: number | string }[]) {
    counts[status] = Number(count);
  }
  return counts;
}

async function countTroubles(db: Sql, now: Date): Promise<Pick<Counts, 'due' | 'ending' | 'failing'>> {
  const connections = () => db<ConnectionRow>('connections').count({ count: '*' }).first();
  const inAWeek = new Date(now.getTime() + weekMilliseconds).toISOString();
  const due = await connections().where('due_at', '<=', now.toISOString());
  // Nothing ends for one that is disconnected. Asked for the other two, SQLite would go by their index, through most rows.
  const ending = await connections().where('refresh_expires_at', '<=', inAWeek).whereNot('status', 'needs_reconnect');
  const failing = await connections().where('failures', '>', 0);
  return { due: Number(due?.count), ending: Number(ending?.count), failing: Number(failing?.count) };
}

async function countWebhooks(db: Sql): Promise<Pick<Counts, 'webhooksWaiting' | 'oldestWebhookAt'>> {
  const waiting = await db<WebhookRow>('webhooks')
    // What is not null, as the index has it.
    .where('due_at', '>', '')
    .count({ count: '*' })
    .min({ position: 'position' })
    .first();
  const oldest = waiting?.position
    ? await db<WebhookRow>('webhooks')
        .where({ position: Number(waiting.position) })
        .first('created_at')
    : undefined;
  return { webhooksWaiting: Number(waiting?.count), oldestWebhookAt: oldest ? new Date(oldest.created_at) : null };
}
