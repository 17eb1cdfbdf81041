import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ApiKey, Link } from '../../src/core/integrator-types.ts';
import { engineName, openTestDatabase } from '../support/databases.ts';
import { authorize, authorizedTerms, grantNumbered } from '../support/grants.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';
import { emptySqlStores } from '../support/sql-stores.ts';

// What an integrator's backend needs of the stores: keys, links, lists of connections, timelines page by page.

const now = new Date('2026-11-20T10:00:00.000Z');
const at = (seconds: number) => new Date(now.getTime() + seconds * 1000);

const keyNamed = (id: string, seconds = 0): ApiKey => ({
  id,
  name: 'backend',
  scopes: ['links', 'tokens'],
  secretHash: 'hash',
  createdAt: at(seconds),
  expiresAt: at(86_400),
  revokedAt: null,
  usedAt: null,
});

const linkNamed = (id: string, change: Partial<Link> = {}): Link => ({
  id,
  userId: 'u1',
  kind: 'asked',
  returnUrl: 'https://app.example.com/x',
  language: 'da',
  createdAt: now,
  expiresAt: at(900),
  openedAt: null,
  browserId: null,
  ...change,
});

let sql: Awaited<ReturnType<typeof openTestDatabase>>;
beforeAll(async () => {
  sql = await openTestDatabase();
});
afterAll(() => sql.remove());

describe.each([
  ['memory', async () => createMemoryStores()],
  [engineName, () => emptySqlStores(sql.database)],
])('stores on %s', (_name, open) => {
  let stores: Stores;
  beforeEach(async () => {
    stores = await open();
  });

  describe('API keys', () => {
    test('a key reads as it was stored, and the oldest is listed first', async () => {
      const younger = { ...keyNamed('k2', 5), expiresAt: null, scopes: ['connections' as const] };
      await stores.apiKeys.insert(younger);
      await stores.apiKeys.insert(keyNamed('k1'));
      expect(await stores.apiKeys.find('k2')).toEqual(younger);
      expect(await stores.apiKeys.list()).toEqual([keyNamed('k1'), younger]);
      expect(await stores.apiKeys.find('k3')).toBeNull();
    });

    test('a key is revoked once, and remembers when', async () => {
      await stores.apiKeys.insert(keyNamed('k1'));
      expect(await stores.apiKeys.revoke('k1', at(1))).toBe(true);
      expect(await stores.apiKeys.revoke('k1', at(2))).toBe(false);
      expect(await stores.apiKeys.revoke('k2', at(2))).toBe(false);
      expect((await stores.apiKeys.find('k1'))?.revokedAt).toEqual(at(1));
    });

    test('a key remembers its last use', async () => {
      await stores.apiKeys.insert(keyNamed('k1'));
      await stores.apiKeys.markUsed('k1', at(3));
      expect((await stores.apiKeys.find('k1'))?.usedAt).toEqual(at(3));
    });
  });

  describe('links', () => {
    test('a link reads as it was stored', async () => {
      const bare = linkNamed('l2', { returnUrl: null, language: null, kind: 'reconnect' });
      await stores.links.insert(linkNamed('l1'));
      await stores.links.insert(bare);
      expect(await stores.links.find('l1')).toEqual(linkNamed('l1'));
      expect(await stores.links.find('l2')).toEqual(bare);
      expect(await stores.links.find('l3')).toBeNull();
    });

    test('a link is bound to the first browser, which may open it again', async () => {
      await stores.links.insert(linkNamed('l1'));
      const opened = await Promise.all(['b1', 'b2', 'b3'].map((browser) => stores.links.open('l1', browser, at(1))));
      expect(opened.filter(Boolean)).toHaveLength(1);
      const winner = ['b1', 'b2', 'b3'][opened.indexOf(true)] ?? '';
      expect(await stores.links.open('l1', winner, at(2))).toBe(true);
      expect(await stores.links.find('l1')).toEqual(linkNamed('l1', { browserId: winner, openedAt: at(1) }));
      expect(await stores.links.open('l9', 'b1', at(1))).toBe(false);
    });

    test('a link leads back once, and one that leads nowhere never does', async () => {
      await stores.links.insert(linkNamed('l1'));
      await stores.links.insert(linkNamed('l2', { returnUrl: null }));
      const marked = await Promise.all([1, 2, 3].map(() => stores.links.markReturned('l1', at(1))));
      expect(marked.filter(Boolean)).toHaveLength(1);
      expect(await stores.links.markReturned('l2', at(1))).toBe(false);
      expect(await stores.links.markReturned('l9', at(1))).toBe(false);
    });

    test('a reconnect link is found again while nobody opened it and it lives on', async () => {
      await stores.links.insert(linkNamed('asked', { expiresAt: at(9_000) }));
      await stores.links.insert(linkNamed('short', { kind: 'reconnect', expiresAt: at(100) }));
      await stores.links.insert(linkNamed('long', { kind: 'reconnect', expiresAt: at(500) }));
      await stores.links.insert(linkNamed('other', { kind: 'reconnect', expiresAt: at(900), userId: 'u2' }));
      expect((await stores.links.findReconnectLink('u1', at(50)))?.id).toBe('long');
      expect(await stores.links.findReconnectLink('u1', at(500))).toBeNull();
      await stores.links.open('long', 'b1', at(1));
      expect((await stores.links.findReconnectLink('u1', at(50)))?.id).toBe('short');
    });

    test('links that ended long ago are deleted', async () => {
      await stores.links.insert(linkNamed('old', { expiresAt: at(1) }));
      await stores.links.insert(linkNamed('new', { expiresAt: at(3) }));
      expect(await stores.links.deleteExpiredBefore(at(2))).toBe(1);
      expect([await stores.links.find('old'), (await stores.links.find('new'))?.id]).toEqual([null, 'new']);
    });
  });

  describe('a list of connections', () => {
    test('goes by the bytes of the user id, page by page, without what is sealed', async () => {
      for (const userId of ['b', 'a', 'B', 'ø', 'aa'])
        await authorize(stores, userId, grantNumbered(1, now), authorizedTerms(now));
      const first = await stores.connections.list({ status: null, after: null, limit: 2 });
      const rest = await stores.connections.list({ status: null, after: first.at(-1)?.userId ?? '', limit: 9 });
      expect([...first, ...rest].map(({ userId }) => userId)).toEqual(['B', 'a', 'aa', 'b', 'ø']);
      expect(JSON.stringify([...first, ...rest])).not.toMatch(/token|eyJ|sealed/i);
      expect(first[0]).toMatchObject({ status: 'pending', generation: 1, authorizedAt: now, refreshFailures: 0 });
      expect(first[0]?.scope).toEqual(grantNumbered(1, now).scope);
      expect(first[0]?.accessExpiresAt).toEqual(grantNumbered(1, now).expiresAt);
    });

    test('is narrowed to a status', async () => {
      for (const userId of ['u1', 'u2']) await authorize(stores, userId, grantNumbered(1, now), authorizedTerms(now));
      await stores.connections.disconnect('u1', now);
      const ended = await stores.connections.list({ status: 'disconnected', after: null, limit: 9 });
      expect(ended.map(({ userId }) => userId)).toEqual(['u1']);
    });
  });

  test('a timeline is read on from any of its events', async () => {
    const connection = await authorize(stores, 'u1', grantNumbered(1, now), authorizedTerms(now));
    await stores.connections.markNeedsReconnect(connection, 'grant_rejected', at(1));
    await stores.connections.disconnect('u1', at(2));
    const whole = await stores.events.listLatest(connection.id, 9);
    expect(whole.map(({ type }) => type)).toEqual(['disconnected', 'needs_reconnect', 'authorized']);
    const [last] = await stores.events.listLatest(connection.id, 1);
    expect(last).toEqual(whole[0]);
    expect(await stores.events.listLatest(connection.id, 9, last?.id)).toEqual(whole.slice(1));
    expect(await stores.events.listLatest(connection.id, 9, whole[2]?.id)).toEqual([]);
    expect(await stores.events.listLatest(connection.id, 9, '9'.repeat(15))).toEqual(whole);
  });

  test('a company that is chosen again without a change leaves no line', async () => {
    const connection = await authorize(stores, 'u1', grantNumbered(1, now), authorizedTerms(now));
    const organization = { id: '1', name: 'RN', vatNumber: null };
    expect(await stores.connections.chooseOrganization(connection, organization, at(1), null)).toBe(true);
    expect(await stores.events.listLatest(connection.id, 9)).toHaveLength(1);
  });
});
