// Links in SQL. What makes a link's URL secret is not here: core signs the id (decision 14).

import type { Link } from '../core/integrator-types.ts';
import type { LinkStore } from '../core/stores.ts';
import type { Language } from '../core/types.ts';
import { toDate } from './connection-row.ts';
import type { Database } from './database.ts';

type Row = {
  id: string;
  user_id: string;
  kind: Link['kind'];
  return_url: string | null;
  language: Language | null;
  created_at: string;
  expires_at: string;
  opened_at: string | null;
  browser_id: string | null;
  returned_at: string | null;
};

export function createLinkStore(database: Database): LinkStore {
  return {
    async insert(link) {
      await database.run((db) =>
        db<Row>('links').insert({
          id: link.id,
          user_id: link.userId,
          kind: link.kind,
          return_url: link.returnUrl,
          language: link.language,
          created_at: link.createdAt.toISOString(),
          expires_at: link.expiresAt.toISOString(),
          opened_at: link.openedAt?.toISOString() ?? null,
          browser_id: link.browserId,
          returned_at: null,
        }),
      );
    },

    async find(id) {
      const row = await database.run((db) => db<Row>('links').where({ id }).first());
      return row ? toLink(row) : null;
    },

    async findReconnectLink(userId, after) {
      const row = await database.run((db) =>
        db<Row>('links')
          .where({ user_id: userId, kind: 'reconnect', browser_id: null })
          .where('expires_at', '>', after.toISOString())
          .orderBy('expires_at', 'desc')
          .first(),
      );
      return row ? toLink(row) : null;
    },

    async open(id, browserId, now) {
      const first = await database.run((db) =>
        db<Row>('links')
          .where({ id, browser_id: null })
          .update({ browser_id: browserId, opened_at: now.toISOString() }),
      );
      if (first === 1) return true;
      const row = await database.run((db) => db<Row>('links').where({ id, browser_id: browserId }).first('id'));
      return row !== undefined;
    },

    async markReturned(id, now) {
      const count = await database.run((db) =>
        db<Row>('links')
          .where({ id, returned_at: null })
          .whereNotNull('return_url')
          .update({ returned_at: now.toISOString() }),
      );
      return count === 1;
    },

    deleteExpiredBefore: (before) =>
      database.run((db) => db<Row>('links').where('expires_at', '<', before.toISOString()).delete()),
  };
}

function toLink(row: Row): Link {
  return {
    id: row.id,
    userId: row.user_id,
    kind: row.kind,
    returnUrl: row.return_url,
    language: row.language,
    createdAt: new Date(row.created_at),
    expiresAt: new Date(row.expires_at),
    openedAt: toDate(row.opened_at),
    browserId: row.browser_id,
  };
}
