// The app's rows, seen and moved in its database file: time passes for a test without waiting.

import { DatabaseSync } from 'node:sqlite';

type Row = { id: string; started_at: string; expires_at: string; returned_at: string | null };

export type AttemptRows = ReturnType<typeof openAttemptRows>;

export function openAttemptRows(file: string) {
  const db = new DatabaseSync(file, { timeout: 5_000 });

  return {
    latestId(): string {
      const row = db.prepare('SELECT id FROM attempts ORDER BY started_at DESC LIMIT 1').get() as Row | undefined;
      if (!row) throw new Error('nobody has started an attempt');
      return row.id;
    },
    count: () => (db.prepare('SELECT count(*) AS count FROM attempts').get() as { count: number }).count,
    /** As if everybody who is on the way now had started so much earlier. */
    letPass(minutes: number): void {
      const earlier = (time: string) => new Date(Date.parse(time) - minutes * 60_000).toISOString();
      const rows = db.prepare('SELECT * FROM attempts WHERE returned_at IS NULL').all() as Row[];
      const update = db.prepare('UPDATE attempts SET started_at = ?, expires_at = ? WHERE id = ?');
      for (const row of rows) update.run(earlier(row.started_at), earlier(row.expires_at), row.id);
    },
    /** Nobody else writes while `during` runs. */
    async whileLocked(during: () => Promise<void>): Promise<void> {
      db.exec('BEGIN EXCLUSIVE');
      try {
        await during();
      } finally {
        db.exec('ROLLBACK');
      }
    },
    close: () => db.close(),
  };
}

export type ConnectionRows = ReturnType<typeof openConnectionRows>;

export function openConnectionRows(file: string) {
  const db = new DatabaseSync(file, { timeout: 5_000 });

  return {
    /** As if everybody's access ended in so many days, and keep-alive had said so. */
    warn(daysLeft: number): void {
      const end = new Date(Date.now() + daysLeft * 86_400_000).toISOString();
      db.prepare('UPDATE connections SET refresh_expires_at = ?, warned_days = ?').run(end, daysLeft);
    },
    close: () => db.close(),
  };
}
