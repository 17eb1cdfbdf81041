import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Connection } from '../../src/core/types.ts';
import type { QueuedWebhook, WaitingWebhook } from '../../src/core/webhook-messages.ts';
import { engineName, openTestDatabase } from '../support/databases.ts';
import { authorize, authorizedTerms, grantNumbered, refreshedTerms } from '../support/grants.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';
import { emptySqlStores } from '../support/sql-stores.ts';

const now = new Date('2026-11-20T10:00:00.000Z');
const chosen = { id: '118244', name: 'RN', vatNumber: '12345678' };
const at = (seconds: number) => new Date(now.getTime() + seconds * 1000);
const everything = { state: null, since: null, after: 0 };

let sql: Awaited<ReturnType<typeof openTestDatabase>>;
beforeAll(async () => {
  sql = await openTestDatabase();
});
afterAll(() => sql.remove());

describe.each([
  ['memory', async (announce: boolean) => createMemoryStores({ announce })],
  [engineName, (announce: boolean) => emptySqlStores(sql.database, { announce })],
])('the outbox on %s', (_name, open) => {
  let stores: Stores;
  beforeEach(async () => {
    stores = await open(true);
  });

  const read = async (userId = 'u1') => (await stores.connections.findByUser(userId)) as Connection;
  const messages = (filter: Partial<Parameters<Stores['webhooks']['list']>[0]> = {}) =>
    stores.webhooks.list({ ...everything, ...filter }, 100);
  const contents = async () => (await messages()).map(({ content }) => JSON.parse(content) as unknown);
  const consent = (userId = 'u1', seconds = 0) =>
    authorize(stores, userId, grantNumbered(1, now), authorizedTerms(at(seconds), { refreshExpiresAt: at(86_400) }));
  const choose = async ({ userId }: Connection, seconds = 0, id = chosen.id) =>
    stores.connections.chooseOrganization(await read(userId), { ...chosen, id }, at(seconds), {
      type: id === chosen.id ? 'organization_chosen' : 'organization_changed',
    });
  const dueAt = async (seconds: number) => stores.webhooks.listDue(at(seconds), 100);
  const idsDueAt = async (seconds: number) => (await dueAt(seconds)).map(({ id }) => id);
  const firstDueAt = async (seconds: number) => (await dueAt(seconds))[0] as WaitingWebhook;
  const claim = async (seconds: number): Promise<WaitingWebhook> => {
    const message = await firstDueAt(seconds);
    expect(await stores.webhooks.claim(message, at(seconds + 30))).toBe(true);
    return { ...message, dueAt: at(seconds + 30) };
  };

  /** A user with as many messages, one a second. */
  async function queue(userId: string, count: number): Promise<QueuedWebhook[]> {
    const connection = await consent(userId);
    for (let number = 0; number < count; number += 1) await choose(connection, number, String(number));
    return (await messages()).filter((message) => message.userId === userId);
  }

  describe('has a message', () => {
    const connected = {
      userId: 'u1',
      status: 'connected',
      organization: chosen,
      generation: 1,
      expiresAt: at(86_400).toISOString(),
    };

    test('of a choice and of another one, as the connection is afterwards', async () => {
      const connection = await consent();
      await choose(connection, 1);
      await choose(connection, 2, '2');
      expect(await contents()).toEqual([
        { type: 'connection.connected', timestamp: at(1).toISOString(), data: connected },
        {
          type: 'connection.organization_changed',
          timestamp: at(2).toISOString(),
          data: { ...connected, organization: { ...chosen, id: '2' } },
        },
      ]);
      expect(await messages()).toEqual([
        expect.objectContaining({ userId: 'u1', tries: 0, createdAt: at(1), dueAt: at(1), failure: null }),
        expect.objectContaining({ type: 'connection.organization_changed', deliveredAt: null }),
      ]);
      const ids = (await messages()).map(({ id }) => id);
      expect(new Set(ids).size).toBe(2);
      for (const id of ids) expect(id).toMatch(/^msg_[\w-]{24}$/);
    });

    test('of a need to reconnect with its reason, and of the recovery by a late answer', async () => {
      const connection = await consent();
      await choose(connection);
      await stores.connections.markNeedsReconnect(connection, 'answer_lost', at(1));
      await stores.connections.saveRefreshed(
        await read(),
        grantNumbered(2, now),
        refreshedTerms(at(2), { refreshExpiresAt: at(99) }),
      );
      expect((await contents()).slice(1)).toEqual([
        {
          type: 'connection.needs_reconnect',
          timestamp: at(1).toISOString(),
          data: { ...connected, status: 'needs_reconnect', reason: 'answer_lost' },
        },
        {
          type: 'connection.recovered',
          timestamp: at(2).toISOString(),
          data: { ...connected, generation: 2, expiresAt: at(99).toISOString() },
        },
      ]);
    });

    test('of an end that comes near with the days left, and of the end without an organization', async () => {
      const connection = await consent();
      const next = { dueAt: null, warnedDays: 7, now: at(1) } as const;
      await stores.connections.reschedule(connection, next, { type: 'expiring', daysLeft: 7 });
      await stores.connections.disconnect('u1', at(2));
      expect(await contents()).toEqual([
        {
          type: 'connection.expiring',
          timestamp: at(1).toISOString(),
          data: { ...connected, status: 'pending', organization: null, daysLeft: 7 },
        },
        {
          type: 'connection.disconnected',
          timestamp: at(2).toISOString(),
          data: { userId: 'u1', status: 'disconnected', organization: null, generation: 2, expiresAt: null },
        },
      ]);
    });

    test('of nothing else: not of a consent, a refresh, or a write that came too late', async () => {
      const connection = await consent();
      await stores.connections.saveRefreshed(connection, grantNumbered(2, now), refreshedTerms(now));
      await stores.connections.markNeedsReconnect(connection, 'grant_rejected', now);
      expect(await messages()).toEqual([]);
    });

    test('without a token in it', async () => {
      await choose(await consent());
      await stores.connections.disconnect('u1', now);
      expect(JSON.stringify(await messages())).not.toMatch(/access-1|refresh-1/);
    });
  });

  test('is empty when nobody is to be told', async () => {
    stores = await open(false);
    await choose(await consent());
    expect(await messages()).toEqual([]);
  });

  describe('is in order for each user', () => {
    test('a message waits for the one before it, other users do not', async () => {
      const [first, second] = await queue('u1', 2);
      const [other] = await queue('u2', 1);
      expect(await idsDueAt(10)).toEqual([first?.id, other?.id]);
      await stores.webhooks.markDelivered(await claim(10), at(11));
      expect(await idsDueAt(11)).toEqual([other?.id, second?.id]);
    });

    test('one that failed holds back those behind it, also those that come later, until it is delivered', async () => {
      const [first, second] = await queue('u1', 2);
      expect(await stores.webhooks.postpone(await claim(10), 'status 500', at(100))).toBe(true);
      await choose(await read(), 50, '77');
      expect((await messages()).map((message) => message.dueAt)).toEqual([at(100), at(100), at(100)]);
      expect(await idsDueAt(99)).toEqual([]);
      expect(await dueAt(100)).toMatchObject([{ id: first?.id, tries: 1, failure: 'status 500' }]);
      expect(await stores.webhooks.markDelivered(await claim(100), at(101))).toBe(true);
      expect(await idsDueAt(101)).toEqual([second?.id]);
      expect(await stores.webhooks.find(first?.id ?? '')).toMatchObject({
        dueAt: null,
        deliveredAt: at(101),
        tries: 2,
        failure: null,
      });
    });

    test('one that was given up lets the next one go', async () => {
      const [first, second] = await queue('u1', 2);
      const claimed = await claim(10);
      expect((await messages()).map((message) => message.dueAt)).toEqual([at(40), at(40)]);
      expect(await stores.webhooks.giveUp(claimed, 'timeout', at(20))).toBe(true);
      expect(await idsDueAt(20)).toEqual([second?.id]);
      expect(await messages({ state: 'failed' })).toMatchObject([
        { id: first?.id, failure: 'timeout', tries: 1, dueAt: null, deliveredAt: null },
      ]);
    });

    test('one that is sent again goes before those that wait', async () => {
      const [first, second] = await queue('u1', 2);
      await stores.webhooks.markDelivered(await claim(10), at(10));
      await stores.webhooks.replay([first?.id ?? ''], at(11), at(41));
      expect(await idsDueAt(11)).toEqual([first?.id]);
      expect(await stores.webhooks.claim({ ...(second as WaitingWebhook), dueAt: at(10) }, at(60))).toBe(false);
    });
  });

  describe('gives a message to one sender', () => {
    test('of many who ask at once, until the claim is over', async () => {
      await queue('u1', 1);
      const message = await firstDueAt(10);
      const claims = await Promise.all(Array.from({ length: 8 }, () => stores.webhooks.claim(message, at(40))));
      expect(claims.filter(Boolean)).toHaveLength(1);
      expect(await dueAt(39)).toEqual([]);
      expect(await idsDueAt(40)).toEqual([message.id]);
    });

    test('and a failure counts for whoever has the claim alone', async () => {
      await queue('u1', 1);
      const slow = await claim(10);
      const quick = await claim(40);
      expect(await stores.webhooks.postpone(slow, 'timeout', at(500))).toBe(false);
      expect(await stores.webhooks.giveUp(slow, 'timeout', at(50))).toBe(false);
      expect(await stores.webhooks.markDelivered(quick, at(51))).toBe(true);
      expect(await stores.webhooks.markDelivered(slow, at(52))).toBe(false);
      expect(await messages()).toMatchObject([{ deliveredAt: at(51), tries: 1 }]);
    });
  });

  test('sends again what was delivered or given up, and leaves alone what is being sent', async () => {
    const [delivered] = await queue('u1', 1);
    await stores.webhooks.markDelivered(await claim(10), at(10));
    const [failed] = await queue('u2', 1);
    await stores.webhooks.giveUp(await claim(10), 'timeout', at(10));
    const [waiting] = await queue('u3', 1);
    await stores.webhooks.postpone(await claim(10), 'timeout', at(5_000));
    const [sending] = await queue('u4', 1);
    await claim(10);
    const ids = [delivered, failed, waiting, sending].map((message) => message?.id ?? '');
    expect(await stores.webhooks.replay([...ids, 'msg_unknown'], at(20), at(50))).toBe(3);
    expect(await idsDueAt(20)).toEqual(ids.slice(0, 3));
    expect((await dueAt(20)).every(({ tries, failure }) => tries === 0 && failure === null)).toBe(true);
    expect(await messages({ state: 'delivered' })).toEqual([]);
  });

  test('is listed in order, in pages, by state and by age', async () => {
    const all = (await queue('u1', 3)).map(({ id }) => id);
    await stores.webhooks.markDelivered(await claim(10), at(10));
    const ids = async (filter: Parameters<typeof messages>[0]) => (await messages(filter)).map(({ id }) => id);
    expect(await ids({ state: 'delivered' })).toEqual(all.slice(0, 1));
    expect(await ids({ state: 'waiting' })).toEqual(all.slice(1));
    expect(await ids({ since: at(1) })).toEqual(all.slice(1));
    const [page] = await stores.webhooks.list(everything, 1);
    expect(page?.id).toBe(all[0]);
    expect(await ids({ after: page?.position })).toEqual(all.slice(1));
    expect(await stores.webhooks.find('msg_unknown')).toBeNull();
  });

  test('forgets what was delivered long ago, and what never was even longer ago', async () => {
    const [old, recent] = await queue('u1', 2);
    await stores.webhooks.markDelivered(await claim(10), at(10));
    await stores.webhooks.markDelivered(await claim(60), at(60));
    const [given] = await queue('u2', 1);
    await stores.webhooks.giveUp(await claim(60), 'timeout', at(60));
    expect(await stores.webhooks.deleteOld({ delivered: at(60), undelivered: at(0) })).toBe(1);
    expect((await messages()).map(({ id }) => id)).toEqual([recent?.id, given?.id]);
    expect(await stores.webhooks.find(old?.id ?? '')).toBeNull();
    expect(await stores.webhooks.deleteOld({ delivered: at(60), undelivered: at(1) })).toBe(1);
    expect(await stores.webhooks.find(given?.id ?? '')).toBeNull();
  });
});

test('a change whose message cannot be queued does not happen, nor its line in the timeline', async () => {
  const stores = await emptySqlStores(sql.database, { announce: true });
  const connection = await authorize(stores, 'u1', grantNumbered(1, now), authorizedTerms(now, { events: [] }));
  await sql.database.run((db) => db.schema.renameTable('webhooks', 'webhooks_elsewhere'));
  try {
    const choice = stores.connections.chooseOrganization(connection, chosen, now, { type: 'organization_chosen' });
    await expect(choice).rejects.toThrow('database');
  } finally {
    await sql.database.run((db) => db.schema.renameTable('webhooks_elsewhere', 'webhooks'));
  }
  expect((await stores.connections.findByUser('u1'))?.status).toBe('pending');
  expect(await stores.events.listLatest(connection.id, 10)).toEqual([]);
});
