// The timeline of every connection, in SQL.

import type { EventStore } from '../core/ports.ts';
import type { EventType } from '../core/types.ts';
import type { Database } from './database.ts';

type Row = { id: number; connection_id: string; type: EventType; at: string };

export function createEventStore(database: Database): EventStore {
  return {
    async append(connectionId, type, at) {
      await database.run((db) => db<Row>('events').insert({ connection_id: connectionId, type, at: at.toISOString() }));
    },

    async listLatest(connectionId, limit) {
      const rows = await database.run((db) =>
        db<Row>('events').where({ connection_id: connectionId }).orderBy('id', 'desc').limit(limit),
      );
      return rows.map(({ type, at }) => ({ type, at: new Date(at) }));
    },

    deleteBefore: (before) => database.run((db) => db<Row>('events').where('at', '<', before.toISOString()).delete()),
  };
}
