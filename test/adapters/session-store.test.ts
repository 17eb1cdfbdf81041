import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { SessionData } from 'express-session';
import { createSessionStore, type SessionStore } from '../../src/adapters/session-store.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { openTestDatabase } from '../support/databases.ts';

type Sql = Awaited<ReturnType<typeof openTestDatabase>>;
let sql: Sql;
let store: SessionStore;
let clock: FixedClock;
beforeEach(async () => {
  sql = await openTestDatabase();
  clock = createFixedClock();
  store = createSessionStore(sql.database, clock);
});
afterEach(() => sql.remove());

const day = 86_400;
const session = { userId: 'u1', cookie: { originalMaxAge: day * 1000 } } as SessionData;
type Callback = (error?: unknown, value?: unknown) => void;
const call = <T>(verb: (done: Callback) => void) =>
  new Promise<T>((resolve, reject) => verb((error, value) => (error ? reject(error) : resolve(value as T))));
const get = (id: string) => call<SessionData | null>((done) => store.get(id, done));
const set = (id: string, value = session) => call((done) => store.set(id, value, done));
const destroy = (id: string) => call((done) => store.destroy(id, done));

test('a session reads as it was stored', async () => {
  await set('id1');
  expect(await get('id1')).toEqual(session);
  expect(await get('id2')).toBeNull();
});

test('ids are not in the database', async () => {
  await set('a-session-id');
  const rows = await sql.database.run((db) => db('sessions'));
  expect(JSON.stringify(rows)).not.toContain('a-session-id');
});

test('an ended session is not brought back by a slower request that saves it', async () => {
  await set('id1');
  await destroy('id1');
  await set('id1');
  await call((done) => store.touch?.('id1', session, done as () => void));
  expect(await get('id1')).toBeNull();
  expect(await sql.database.run((db) => db('sessions').first())).toMatchObject({ content: '{}' });
});

test('a session ends after its time without use, and use prolongs it', async () => {
  await set('id1');
  clock.advance(day - 1);
  await call((done) => store.touch?.('id1', session, done as () => void));
  clock.advance(day - 1);
  expect(await get('id1')).toEqual(session);
  clock.advance(2);
  expect(await get('id1')).toBeNull();
});

test('what has ended is deleted by the housekeeping', async () => {
  await set('id1');
  await set('id2');
  await destroy('id2');
  clock.advance(day + 1);
  await set('id3');
  expect(await store.deleteExpired()).toBe(2);
  expect(await get('id3')).toEqual(session);
});

test('a database that fails is reported to the request, not to nobody', async () => {
  await sql.database.run((db) => db.schema.dropTable('sessions'));
  await expect(get('id1')).rejects.toThrow('database');
  await expect(set('id1')).rejects.toThrow('database');
  await expect(destroy('id1')).rejects.toThrow('database');
  await expect(call((done) => store.touch?.('id1', session, done as () => void))).rejects.toThrow('database');
});
