// Browser sessions in SQL for express-session. Ids are stored hashed, so that a copy of the database opens nobody's
// session, and an ended session stays ended: a slower request that saves it afterwards changes nothing (C4).

import { createHash } from 'node:crypto';
import { type SessionData, Store } from 'express-session';
import type { Clock } from '../core/ports.ts';
import type { Database } from './database.ts';

type Row = { id_hash: string; content: string; expires_at: string; destroyed_at: string | null };
type Done = (error?: unknown) => void;

const defaultLifetimeMilliseconds = 24 * 3600 * 1000;

export type SessionStore = Store & { deleteExpired(): Promise<number> };

export function createSessionStore(database: Database, clock: Clock): SessionStore {
  return new SqlSessionStore(database, clock);
}

class SqlSessionStore extends Store {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    super();
    this.#database = database;
    this.#clock = clock;
  }

  override get(id: string, done: (error: unknown, session?: SessionData | null) => void): void {
    const now = this.#clock.now().toISOString();
    this.#database
      .run((db) =>
        db<Row>('sessions')
          .where({ id_hash: hash(id), destroyed_at: null })
          .where('expires_at', '>', now)
          .first(),
      )
      .then((row) => (row ? (JSON.parse(row.content) as SessionData) : null))
      .then((session) => done(null, session), done);
  }

  override set(id: string, session: SessionData, done: Done = () => {}): void {
    const row = {
      id_hash: hash(id),
      content: JSON.stringify(session),
      expires_at: this.#expiryOf(session),
      destroyed_at: null,
    };
    this.#database
      .runUnsynced((db) =>
        db<Row>('sessions')
          .insert(row)
          .onConflict('id_hash')
          .merge(['content', 'expires_at'])
          .where('sessions.destroyed_at', null),
      )
      .then(() => done(), done);
  }

  override touch(id: string, session: SessionData, done: Done = () => {}): void {
    this.#database
      .runUnsynced((db) =>
        db<Row>('sessions')
          .where({ id_hash: hash(id), destroyed_at: null })
          .update({ expires_at: this.#expiryOf(session) }),
      )
      .then(() => done(), done);
  }

  override destroy(id: string, done: Done = () => {}): void {
    this.#database
      .runUnsynced((db) =>
        db<Row>('sessions')
          .where({ id_hash: hash(id) })
          .update({ content: '{}', destroyed_at: this.#clock.now().toISOString() }),
      )
      .then(() => done(), done);
  }

  /** Forgets sessions whose time is over; answers how many. */
  deleteExpired(): Promise<number> {
    return this.#database.runUnsynced((db) =>
      db<Row>('sessions').where('expires_at', '<', this.#clock.now().toISOString()).delete(),
    );
  }

  #expiryOf(session: SessionData): string {
    const lifetime = session.cookie.originalMaxAge ?? defaultLifetimeMilliseconds;
    return new Date(this.#clock.now().getTime() + lifetime).toISOString();
  }
}

function hash(id: string): string {
  return createHash('sha256').update(id).digest('base64url');
}
