// One way to change a row of `connections`: only when it is as the writer read it, and together with the lines of the
// timeline and the messages to the integrator that tell of it, or not at all.

import type { EventDraft } from '../core/types.ts';
import type { ConnectionRow } from './connection-row.ts';
import type { Database, Sql } from './database.ts';
import { insertEvent } from './event-store.ts';
import { insertWebhook } from './webhook-store.ts';

export type EventListener = (connectionId: string, event: EventDraft) => void;
/** Values, or expressions over the row as it is. */
export type Change = Partial<Record<keyof ConnectionRow, unknown>>;
export type Condition = (query: ReturnType<typeof selectConnections>) => void;

export type ConnectionWriting = ReturnType<typeof createConnectionWriting>;

const selectConnections = (db: Sql) => db('connections');

/** `onEvent` hears of every line once it is stored. With `announce`, the integrator is told of those that concern it. */
export function createConnectionWriting(database: Database, onEvent: EventListener, announce: boolean) {
  async function tell(db: Sql, id: string, { events, at }: { events: EventDraft[]; at: Date }): Promise<void> {
    for (const event of events) {
      await insertEvent(db, id, event, at);
      if (announce) await insertWebhook(db, id, event, at);
    }
  }

  /**
   * Makes the change when the row of that id meets the condition, and answers whether it did. `alongside` belongs to
   * the same transaction.
   */
  async function update(
    id: string,
    condition: Condition,
    change: (db: Sql) => Change,
    told: { events: EventDraft[]; at: Date },
    alongside?: (db: Sql) => Promise<unknown>,
  ): Promise<boolean> {
    async function write(db: Sql): Promise<boolean> {
      return (await selectConnections(db).where({ id }).andWhere(condition).update(change(db))) === 1;
    }
    database.checkFile();
    if (told.events.length === 0 && !alongside) return database.run(write);
    const written = await database.runTransaction(async (trx) => {
      if (!(await write(trx))) return false;
      await tell(trx, id, told);
      await alongside?.(trx);
      return true;
    });
    if (written) for (const event of told.events) onEvent(id, event);
    return written;
  }

  /**
   * Inserts a connection of a user who has none yet; false when there is one by now. `alongside` belongs to the same
   * transaction.
   */
  async function insert(
    row: Partial<ConnectionRow> & { id: string },
    told: { events: EventDraft[]; at: Date },
    alongside?: (db: Sql) => Promise<unknown>,
  ): Promise<boolean> {
    database.checkFile();
    const written = await database.runTransaction(async (trx) => {
      const rows = await selectConnections(trx).insert(row).onConflict('user_id').ignore().returning('id');
      if (rows.length !== 1) return false;
      await tell(trx, row.id, told);
      await alongside?.(trx);
      return true;
    });
    if (written) for (const event of told.events) onEvent(row.id, event);
    return written;
  }

  return { update, insert };
}
