import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Attempt, Grant } from '../../src/core/types.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';
import { createSqlStores, openTestDatabase } from '../support/sql-stores.ts';

const now = new Date('2026-11-20T10:00:00.000Z');
const later = new Date('2026-11-20T11:00:00.000Z');
const chosen = { id: '118244', name: 'RN', vatNumber: '12345678' };

function grantNumbered(number: number): Grant {
  return {
    accessToken: `access-${number}`,
    refreshToken: `refresh-${number}`,
    scope: ['dineropublicapi:read', 'offline_access'],
    expiresAt: later,
  };
}

function attemptNamed(id: string): Attempt {
  return {
    id,
    stateHash: `hash-of-${id}`,
    secrets: { nonce: 'n', codeVerifier: 'v' },
    browserId: 'b1',
    userId: 'u1',
    startedAt: now,
    expiresAt: later,
    returnedAt: null,
    response: null,
    responseHash: null,
    claimedAt: null,
    result: null,
  };
}

/** A consent to an attempt that started when it was given. */
async function authorize(stores: Stores, userId: string, grant: Grant, refreshExpiresAt: Date | null, at: Date) {
  const dates = { refreshExpiresAt, startedAt: at, now: at };
  const connection = await stores.connections.saveAuthorized(userId, grant, dates);
  if (!connection) throw new Error('the consent came too late');
  return connection;
}

let sql: Awaited<ReturnType<typeof openTestDatabase>>;
beforeAll(async () => {
  sql = await openTestDatabase();
});
afterAll(() => sql.remove());

async function emptySqlStores(): Promise<Stores> {
  for (const table of ['attempts', 'connections', 'revocations', 'identities', 'events']) {
    await sql.database.run((db) => db(table).delete());
  }
  return createSqlStores(sql.database);
}

describe.each([
  ['memory', async () => createMemoryStores()],
  ['SQLite', emptySqlStores],
])('stores on %s', (_name, open) => {
  let stores: Stores;
  beforeEach(async () => {
    stores = await open();
  });

  describe('attempts', () => {
    test('an attempt reads as it was stored', async () => {
      await stores.attempts.insert(attemptNamed('a1'));
      expect(await stores.attempts.find('a1')).toEqual(attemptNamed('a1'));
      expect(await stores.attempts.findByStateHash('hash-of-a1')).toEqual(attemptNamed('a1'));
      expect(await stores.attempts.find('a2')).toBeNull();
    });

    test('a state is used once', async () => {
      await stores.attempts.insert(attemptNamed('a1'));
      const first = { kind: 'code' as const, code: 'c', issuer: 'https://i' };
      for (const response of [first, { kind: 'error' as const, error: 'access_denied' }]) {
        await stores.attempts.markReturned('hash-of-a1', response, response.kind, now);
      }
      expect((await stores.attempts.find('a1'))?.response).toEqual(first);
      expect((await stores.attempts.find('a1'))?.responseHash).toBe('code');
      await stores.attempts.markReturned('hash-of-nobody', first, 'h', now);
    });

    test('of many who claim a returned attempt one gets it; an attempt that is not back cannot be claimed', async () => {
      await stores.attempts.insert(attemptNamed('a1'));
      expect(await stores.attempts.claim('a1', now)).toBe(false);
      await stores.attempts.markReturned('hash-of-a1', { kind: 'error', error: 'x' }, 'h', now);
      const claims = await Promise.all(Array.from({ length: 8 }, () => stores.attempts.claim('a1', now)));
      expect(claims.filter(Boolean)).toHaveLength(1);
    });

    test('a finished attempt keeps its result and forgets what was secret', async () => {
      await stores.attempts.insert(attemptNamed('a1'));
      await stores.attempts.markReturned('hash-of-a1', { kind: 'code', code: 'c', issuer: null }, 'h', now);
      await stores.attempts.finish('a1', { kind: 'connected', userId: 'u2' });
      expect(await stores.attempts.find('a1')).toMatchObject({
        result: { kind: 'connected', userId: 'u2' },
        response: null,
        responseHash: 'h',
        secrets: null,
      });
      await stores.attempts.insert(attemptNamed('a2'));
      await stores.attempts.finish('a2', { kind: 'failed', code: 'access_denied' });
      expect((await stores.attempts.find('a2'))?.result).toEqual({ kind: 'failed', code: 'access_denied' });
    });

    test('old attempts are deleted, young ones stay', async () => {
      await stores.attempts.insert(attemptNamed('old'));
      await stores.attempts.insert({ ...attemptNamed('young'), startedAt: later });
      expect(await stores.attempts.deleteStartedBefore(later)).toBe(1);
      expect(await stores.attempts.find('young')).not.toBeNull();
    });
  });

  describe('connections', () => {
    test('a first grant makes a pending connection', async () => {
      const connection = await authorize(stores, 'u1', grantNumbered(1), later, now);
      expect(connection).toMatchObject({
        userId: 'u1',
        status: 'pending',
        organization: null,
        grant: grantNumbered(1),
        generation: 1,
        authorizedAt: now,
        refreshExpiresAt: later,
      });
      expect(await stores.connections.findByUser('u1')).toEqual(connection);
      expect(await stores.connections.findByUser('u2')).toBeNull();
    });

    test('a grant without a refresh token is kept as such', async () => {
      const grant = { ...grantNumbered(1), refreshToken: null };
      expect((await authorize(stores, 'u1', grant, null, now)).grant).toEqual(grant);
    });

    test('two grants at once for a new user give one connection', async () => {
      const both = await Promise.all(
        [1, 2].map((number) => authorize(stores, 'u1', grantNumbered(number), later, now)),
      );
      expect(new Set(both.map(({ id }) => id)).size).toBe(1);
      expect((await stores.connections.findByUser('u1'))?.generation).toBe(2);
    });

    test('a new consent keeps id and organization, is pending, and raises the generation', async () => {
      const first = await authorize(stores, 'u1', grantNumbered(1), later, now);
      await stores.connections.chooseOrganization(first, chosen, now);
      const second = await authorize(stores, 'u1', grantNumbered(2), later, later);
      expect(second).toMatchObject({ id: first.id, status: 'pending', organization: chosen, generation: 2 });
    });

    test('of two refreshes of one generation the first is kept', async () => {
      const connection = await authorize(stores, 'u1', grantNumbered(1), later, now);
      expect(await stores.connections.saveRefreshed(connection, grantNumbered(2), later)).toBe(true);
      expect(await stores.connections.saveRefreshed(connection, grantNumbered(3), later)).toBe(false);
      expect(await stores.connections.findByUser('u1')).toMatchObject({ generation: 2, grant: grantNumbered(2) });
    });

    test('a choice connects, survives a refresh, and fails under an older consent', async () => {
      const first = await authorize(stores, 'u1', grantNumbered(1), later, now);
      await stores.connections.saveRefreshed(first, grantNumbered(2), later);
      expect(await stores.connections.chooseOrganization(first, chosen, later)).toBe(true);
      expect(await stores.connections.findByUser('u1')).toMatchObject({
        status: 'connected',
        organization: chosen,
        connectedAt: later,
      });
      await authorize(stores, 'u1', grantNumbered(3), later, later);
      expect(await stores.connections.chooseOrganization(first, chosen, later)).toBe(false);
    });

    test('connected since stays with the organization, over a new consent too, and starts anew with another one', async () => {
      const first = await authorize(stores, 'u1', grantNumbered(1), later, now);
      await stores.connections.chooseOrganization(first, chosen, now);
      const second = await authorize(stores, 'u1', grantNumbered(2), later, later);
      await stores.connections.chooseOrganization(second, chosen, later);
      expect((await stores.connections.findByUser('u1'))?.connectedAt).toEqual(now);
      await stores.connections.chooseOrganization(second, { ...chosen, id: '2' }, later);
      expect((await stores.connections.findByUser('u1'))?.connectedAt).toEqual(later);
    });

    test('a consent to an attempt from before the end of the connection is not stored', async () => {
      await authorize(stores, 'u1', grantNumbered(1), later, now);
      await stores.connections.disconnect('u1', later);
      const dates = { refreshExpiresAt: later, startedAt: now, now: later };
      expect(await stores.connections.saveAuthorized('u1', grantNumbered(2), dates)).toBeNull();
      expect(await stores.connections.findByUser('u1')).toMatchObject({ status: 'disconnected', grant: null });
      const afterwards = new Date(later.getTime() + 1);
      await authorize(stores, 'u1', grantNumbered(3), later, afterwards);
      expect((await stores.connections.findByUser('u1'))?.status).toBe('pending');
    });

    test('a need to reconnect is stored for its generation alone', async () => {
      const connection = await authorize(stores, 'u1', grantNumbered(1), later, now);
      await stores.connections.saveRefreshed(connection, grantNumbered(2), later);
      expect(await stores.connections.markNeedsReconnect(connection, 'grant_rejected')).toBe(false);
      const current = await stores.connections.findByUser('u1');
      expect(current && (await stores.connections.markNeedsReconnect(current, 'grant_rejected'))).toBe(true);
      expect(await stores.connections.findByUser('u1')).toMatchObject({
        status: 'needs_reconnect',
        reason: 'grant_rejected',
      });
    });

    test('an ended connection has no grant, no organization, and a revocation waits', async () => {
      const connection = await authorize(stores, 'u1', grantNumbered(1), later, now);
      await stores.connections.chooseOrganization(connection, chosen, now);
      expect(await stores.connections.disconnect('u1', now)).toBe(true);
      expect(await stores.connections.findByUser('u1')).toMatchObject({
        status: 'disconnected',
        grant: null,
        organization: null,
        connectedAt: null,
      });
      expect(await stores.revocations.listDue(now, 10)).toMatchObject([{ refreshToken: 'refresh-1', tries: 0 }]);
      expect(await stores.connections.disconnect('u1', now)).toBe(false);
      expect(await stores.connections.disconnect('nobody', now)).toBe(false);
    });

    test('a slower choice or refresh does not bring an ended connection back', async () => {
      const connection = await authorize(stores, 'u1', grantNumbered(1), later, now);
      await stores.connections.disconnect('u1', now);
      expect(await stores.connections.chooseOrganization(connection, chosen, now)).toBe(false);
      expect(await stores.connections.saveRefreshed(connection, grantNumbered(2), later)).toBe(false);
      expect((await stores.connections.findByUser('u1'))?.status).toBe('disconnected');
    });
  });

  test('a token that is queued for revocation is due at once', async () => {
    await stores.revocations.add('refresh-9', now);
    expect(await stores.revocations.listDue(now, 10)).toMatchObject([{ refreshToken: 'refresh-9', tries: 0 }]);
  });

  test('a revocation that failed is due again when it was said, and gone once done', async () => {
    await authorize(stores, 'u1', grantNumbered(1), later, now);
    await stores.connections.disconnect('u1', now);
    const [revocation] = await stores.revocations.listDue(now, 10);
    const id = revocation?.id ?? '';
    await stores.revocations.postpone(id, later);
    expect(await stores.revocations.listDue(now, 10)).toEqual([]);
    expect(await stores.revocations.listDue(later, 10)).toMatchObject([{ id, tries: 1 }]);
    await stores.revocations.delete(id);
    expect(await stores.revocations.listDue(later, 10)).toEqual([]);
  });

  test('an identity names one user for ever, and a user has one identity', async () => {
    const anna = { issuer: 'https://i', subject: 'anna' };
    const bo = { issuer: 'https://i', subject: 'bo' };
    expect(await stores.identities.nameUser(anna, 'u1', now)).toBe('u1');
    expect(await stores.identities.nameUser(anna, 'u2', now)).toBe('u1');
    const user = await stores.identities.nameUser(bo, 'u1', now);
    expect(user).not.toBe('u1');
    expect(await stores.identities.nameUser(bo, 'u3', now)).toBe(user);
    expect(await stores.identities.nameUser({ ...anna, issuer: 'https://other' }, 'u4', now)).toBe('u4');
  });

  test('events come newest first, as many as asked for, and old ones are deleted', async () => {
    await stores.events.append('c1', 'authorized', now);
    await stores.events.append('c1', 'organization_chosen', later);
    await stores.events.append('c2', 'authorized', later);
    expect(await stores.events.listLatest('c1', 10)).toEqual([
      { type: 'organization_chosen', at: later },
      { type: 'authorized', at: now },
    ]);
    expect(await stores.events.listLatest('c1', 1)).toHaveLength(1);
    expect(await stores.events.deleteBefore(later)).toBe(1);
    expect(await stores.events.listLatest('c1', 10)).toHaveLength(1);
  });
});
