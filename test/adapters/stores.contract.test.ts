import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Attempt } from '../../src/core/types.ts';
import { engineName, openTestDatabase } from '../support/databases.ts';
import { authorize, authorizedTerms, grantNumbered, refreshedTerms } from '../support/grants.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';
import { emptySqlStores } from '../support/sql-stores.ts';

const now = new Date('2026-11-20T10:00:00.000Z');
const later = new Date('2026-11-20T11:00:00.000Z');
const choice = { type: 'organization_chosen' } as const;
const chosen = { id: '118244', name: 'RN', vatNumber: '12345678' };

function attemptNamed(id: string): Attempt {
  return {
    id,
    stateHash: `hash-of-${id}`,
    secrets: { nonce: 'n', codeVerifier: 'v' },
    linkId: `link-of-${id}`,
    browserId: 'b1',
    userId: 'u1',
    startedAt: now,
    expiresAt: later,
    returnedAt: null,
    response: null,
    claimedAt: null,
    result: null,
  };
}

const grant = (number: number) => grantNumbered(number, now);
const at = (seconds: number) => new Date(now.getTime() + seconds * 1000);

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

  describe('attempts', () => {
    test('an attempt reads as it was stored', async () => {
      await stores.attempts.insert(attemptNamed('a1'));
      expect(await stores.attempts.find('a1')).toEqual(attemptNamed('a1'));
      expect(await stores.attempts.find('a2')).toBeNull();
    });

    test('a state is used once', async () => {
      await stores.attempts.insert(attemptNamed('a1'));
      const first = { kind: 'code' as const, code: 'c', issuer: 'https://i' };
      const other = { kind: 'error' as const, error: 'access_denied' };
      const answers = [];
      for (const response of [first, other, first]) {
        answers.push(await stores.attempts.markReturned('hash-of-a1', response, response.kind, now));
      }
      expect(answers).toEqual(['a1', null, 'a1']);
      expect((await stores.attempts.find('a1'))?.response).toEqual(first);
      expect(await stores.attempts.markReturned('hash-of-nobody', first, 'h', now)).toBeNull();
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
      await stores.attempts.finish('a1', { kind: 'connected', userId: 'u2' }, null);
      expect(await stores.attempts.find('a1')).toMatchObject({
        result: { kind: 'connected', userId: 'u2' },
        response: null,
        secrets: null,
      });
      await stores.attempts.insert(attemptNamed('a2'));
      await stores.attempts.finish('a2', { kind: 'failed', code: 'access_denied' }, null);
      expect((await stores.attempts.find('a2'))?.result).toEqual({ kind: 'failed', code: 'access_denied' });
    });

    test('the attempts that started last are listed first, so many of them, without what is sealed', async () => {
      await stores.attempts.insert({ ...attemptNamed('first'), startedAt: at(-60) });
      await stores.attempts.insert(attemptNamed('second-a'));
      await stores.attempts.insert(attemptNamed('second-b'));
      await stores.attempts.markReturned('hash-of-second-b', { kind: 'error', error: 'x' }, 'h', at(5));
      await stores.attempts.finish('second-b', { kind: 'failed', code: 'access_denied' }, null);
      await stores.attempts.insert({ ...attemptNamed('last'), startedAt: at(60) });
      const listed = { expiresAt: later, returnedAt: null, result: null };
      expect(await stores.attempts.listLatest(3)).toEqual([
        { ...listed, id: 'last', startedAt: at(60) },
        {
          ...listed,
          id: 'second-b',
          startedAt: now,
          returnedAt: at(5),
          result: { kind: 'failed', code: 'access_denied' },
        },
        { ...listed, id: 'second-a', startedAt: now },
      ]);
      expect(await stores.attempts.listLatest(10)).toHaveLength(4);
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
      const connection = await authorize(stores, 'u1', grant(1), authorizedTerms(now, { refreshExpiresAt: later }));
      expect(connection).toMatchObject({
        userId: 'u1',
        status: 'pending',
        organization: null,
        grant: grant(1),
        generation: 1,
        authorizedAt: now,
        refreshExpiresAt: later,
      });
      expect(await stores.connections.findByUser('u1')).toEqual(connection);
      expect(await stores.connections.findByUser('u2')).toBeNull();
    });

    test('a grant without a refresh token is kept as such', async () => {
      const unrefreshable = { ...grant(1), refreshToken: null };
      expect((await authorize(stores, 'u1', unrefreshable, authorizedTerms(now))).grant).toEqual(unrefreshable);
    });

    test('two grants at once for a new user give one connection', async () => {
      const both = await Promise.all(
        [1, 2].map((number) =>
          authorize(stores, 'u1', grant(number), authorizedTerms(now, { refreshExpiresAt: later })),
        ),
      );
      expect(new Set(both.map(({ id }) => id)).size).toBe(1);
      expect((await stores.connections.findByUser('u1'))?.generation).toBe(2);
    });

    test('a new consent keeps id and organization, is pending, and raises the generation', async () => {
      const first = await authorize(stores, 'u1', grant(1), authorizedTerms(now, { refreshExpiresAt: later }));
      await stores.connections.chooseOrganization(first, chosen, now, choice);
      const second = await authorize(stores, 'u1', grant(2), authorizedTerms(later, { refreshExpiresAt: later }));
      expect(second).toMatchObject({ id: first.id, status: 'pending', organization: chosen, generation: 2 });
    });

    test('of two refreshes of one generation the first is kept', async () => {
      const connection = await authorize(stores, 'u1', grant(1), authorizedTerms(now, { refreshExpiresAt: later }));
      expect(await stores.connections.saveRefreshed(connection, grant(2), refreshedTerms(now))).toBe(true);
      expect(await stores.connections.saveRefreshed(connection, grant(3), refreshedTerms(now))).toBe(false);
      expect(await stores.connections.findByUser('u1')).toMatchObject({ generation: 2, grant: grant(2) });
    });

    test('a choice connects, survives a refresh, and fails under an older consent', async () => {
      const first = await authorize(stores, 'u1', grant(1), authorizedTerms(now, { refreshExpiresAt: later }));
      await stores.connections.saveRefreshed(first, grant(2), refreshedTerms(now));
      expect(await stores.connections.chooseOrganization(first, chosen, later, choice)).toBe(true);
      expect(await stores.connections.findByUser('u1')).toMatchObject({
        status: 'connected',
        organization: chosen,
        connectedAt: later,
      });
      await authorize(stores, 'u1', grant(3), authorizedTerms(later, { refreshExpiresAt: later }));
      expect(await stores.connections.chooseOrganization(first, chosen, later, choice)).toBe(false);
    });

    test('of two choices that were made of the same pending connection one is stored', async () => {
      const pending = await authorize(stores, 'u1', grant(1), authorizedTerms(now, { refreshExpiresAt: later }));
      const choices = [1, 2].map(() => stores.connections.chooseOrganization(pending, chosen, later, choice));
      expect((await Promise.all(choices)).sort()).toEqual([false, true]);
      expect((await linesOf(pending.id)).filter(({ type }) => type === choice.type)).toHaveLength(1);
    });

    test('connected since stays with the organization, over a new consent too, and starts anew with another one', async () => {
      const first = await authorize(stores, 'u1', grant(1), authorizedTerms(now, { refreshExpiresAt: later }));
      await stores.connections.chooseOrganization(first, chosen, now, choice);
      const second = await authorize(stores, 'u1', grant(2), authorizedTerms(later, { refreshExpiresAt: later }));
      await stores.connections.chooseOrganization(second, chosen, later, choice);
      const connected = await stores.connections.findByUser('u1');
      expect(connected?.connectedAt).toEqual(now);
      await stores.connections.chooseOrganization(connected ?? second, { ...chosen, id: '2' }, later, choice);
      expect((await stores.connections.findByUser('u1'))?.connectedAt).toEqual(later);
    });

    test('a consent to an attempt from before the end of the connection is not stored', async () => {
      await authorize(stores, 'u1', grant(1), authorizedTerms(now, { refreshExpiresAt: later }));
      await stores.connections.disconnect('u1', later);
      const dates = authorizedTerms(later, { startedAt: now });
      expect(await stores.connections.saveAuthorized('u1', grant(2), dates)).toBeNull();
      expect(await stores.connections.findByUser('u1')).toMatchObject({ status: 'disconnected', grant: null });
      const afterwards = new Date(later.getTime() + 1);
      await authorize(stores, 'u1', grant(3), authorizedTerms(afterwards, { refreshExpiresAt: later }));
      expect((await stores.connections.findByUser('u1'))?.status).toBe('pending');
    });

    test('an end that a clock has set into the future keeps nobody from connecting again', async () => {
      await authorize(stores, 'u1', grant(1), authorizedTerms(now));
      await stores.connections.disconnect('u1', later);
      expect(await stores.connections.saveAuthorized('u1', grant(2), authorizedTerms(at(60)))).not.toBeNull();
    });

    test('a need to reconnect is stored for its generation alone', async () => {
      const connection = await authorize(stores, 'u1', grant(1), authorizedTerms(now, { refreshExpiresAt: later }));
      await stores.connections.saveRefreshed(connection, grant(2), refreshedTerms(now));
      expect(await stores.connections.markNeedsReconnect(connection, 'grant_rejected', now)).toBe(false);
      const current = await stores.connections.findByUser('u1');
      expect(current && (await stores.connections.markNeedsReconnect(current, 'grant_rejected', now))).toBe(true);
      expect(await stores.connections.findByUser('u1')).toMatchObject({
        status: 'needs_reconnect',
        reason: 'grant_rejected',
      });
    });

    test('an ended connection has no grant, no organization, and a revocation waits', async () => {
      const connection = await authorize(stores, 'u1', grant(1), authorizedTerms(now, { refreshExpiresAt: later }));
      await stores.connections.chooseOrganization(connection, chosen, now, choice);
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
      const connection = await authorize(stores, 'u1', grant(1), authorizedTerms(now, { refreshExpiresAt: later }));
      await stores.connections.disconnect('u1', now);
      expect(await stores.connections.chooseOrganization(connection, chosen, now, choice)).toBe(false);
      expect(await stores.connections.saveRefreshed(connection, grant(2), refreshedTerms(now))).toBe(false);
      expect((await stores.connections.findByUser('u1'))?.status).toBe('disconnected');
    });
  });

  test('a token that is queued for revocation is due at once', async () => {
    await stores.revocations.add('refresh-9', now);
    expect(await stores.revocations.listDue(now, 10)).toMatchObject([{ refreshToken: 'refresh-9', tries: 0 }]);
  });

  test('a revocation that failed is due again when it was said, and gone once done', async () => {
    await authorize(stores, 'u1', grant(1), authorizedTerms(now, { refreshExpiresAt: later }));
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

  /** Without the ids that name the lines. */
  const linesOf = async (connectionId: string) =>
    (await stores.events.listLatest(connectionId, 10)).map(({ id: _name, ...line }) => line);

  test('events come newest first, as many as asked for, and old ones are deleted', async () => {
    const { id } = await authorize(stores, 'u1', grant(1), authorizedTerms(now));
    const current = await authorize(stores, 'u1', grant(2), authorizedTerms(later, { events: [] }));
    await stores.connections.chooseOrganization(current, chosen, later, choice);
    await authorize(stores, 'u2', grant(3), authorizedTerms(later));
    expect(await linesOf(id)).toEqual([
      { type: 'organization_chosen', at: later },
      { type: 'authorized', at: now },
    ]);
    expect(await stores.events.listLatest(id, 1)).toHaveLength(1);
    expect(await stores.events.deleteBefore(later)).toBe(1);
    expect(await stores.events.listLatest(id, 10)).toHaveLength(1);
  });

  test('an event keeps its reason or its days, and refreshes of one day in a row are one line', async () => {
    const day = 86_400;
    let connection = await authorize(stores, 'u1', grant(1), authorizedTerms(at(0), { events: [], dueAt: at(1) }));
    for (const seconds of [10, 3_600, day, day + 20]) {
      const terms = refreshedTerms(at(seconds), { dueAt: at(1) });
      expect(await stores.connections.saveRefreshed(connection, grant(2), terms)).toBe(true);
      connection = (await stores.connections.findByUser('u1')) ?? connection;
    }
    const next = { dueAt: null, warnedDays: 7, now: at(2 * day) } as const;
    await stores.connections.reschedule(connection, next, { type: 'expiring', daysLeft: 7 });
    await stores.connections.markNeedsReconnect(connection, 'answer_lost', at(3 * day));
    expect(await linesOf(connection.id)).toEqual([
      { type: 'needs_reconnect', reason: 'answer_lost', at: at(3 * day) },
      { type: 'expiring', daysLeft: 7, at: at(2 * day) },
      { type: 'refreshed', at: at(day + 20) },
      { type: 'refreshed', at: at(3_600) },
    ]);
  });

  test('a write that comes too late tells nothing', async () => {
    const connection = await authorize(stores, 'u1', grant(1), authorizedTerms(now, { events: [] }));
    await stores.connections.disconnect('u1', now);
    await stores.connections.saveRefreshed(connection, grant(2), refreshedTerms(now));
    await stores.connections.chooseOrganization(connection, chosen, now, choice);
    await stores.connections.markNeedsReconnect(connection, 'grant_rejected', now);
    expect(await linesOf(connection.id)).toEqual([{ type: 'disconnected', at: now }]);
  });

  describe('a lease', () => {
    const lease = (owner: string, seconds = 30) => ({ owner, until: at(seconds) });
    const read = async () => {
      const connection = await stores.connections.findByUser('u1');
      if (!connection) throw new Error('no connection');
      return connection;
    };
    beforeEach(async () => {
      await authorize(stores, 'u1', grant(1), authorizedTerms(now));
    });

    test('of many who ask at once one gets it, and the token counts as sent', async () => {
      const connection = await read();
      const owners = Array.from({ length: 8 }, (_, number) => `owner-${number}`);
      const taken = await Promise.all(
        owners.map((owner) => stores.connections.takeLease(connection, lease(owner), now)),
      );
      expect(taken.filter(Boolean)).toHaveLength(1);
      expect(await read()).toMatchObject({
        refreshState: { leaseOwner: owners[taken.indexOf(true)], leaseUntil: at(30), sentAt: now, failures: 0 },
        dueAt: at(30),
        generation: 1,
      });
    });

    test('is refused to whoever read before somebody else had it, even when it was given back', async () => {
      const before = await read();
      await stores.connections.takeLease(before, lease('a'), now);
      expect(await stores.connections.takeLease(before, lease('b'), now)).toBe(false);
      const state = { sentAt: now, failures: 1, nextAttemptAt: null };
      await stores.connections.releaseLease(before, 'a', { state, dueAt: null, now }, null);
      expect(await stores.connections.takeLease(before, lease('b'), now)).toBe(false);
      expect(await stores.connections.takeLease(await read(), lease('b'), now)).toBe(true);
    });

    test('that its owner has prolonged since somebody saw it end is not taken away', async () => {
      await stores.connections.takeLease(await read(), lease('a'), now);
      const late = await read();
      await stores.connections.renewLease(late, lease('a', 90));
      expect(await stores.connections.takeLease(late, lease('b', 90), at(60))).toBe(false);
    });

    test('whose token was refused by mistake: what its holder brings revives the connection', async () => {
      const connection = await read();
      await stores.connections.takeLease(connection, lease('a'), now);
      await stores.connections.markNeedsReconnect(connection, 'answer_lost', at(400));
      expect(await stores.connections.saveRefreshed(connection, grant(2), refreshedTerms(at(401)))).toBe(true);
      expect(await read()).toMatchObject({ status: 'pending', reason: null, grant: grant(2) });
      const second = await read();
      await stores.connections.chooseOrganization(second, chosen, now, choice);
      await stores.connections.markNeedsReconnect(second, 'answer_lost', at(402));
      await stores.connections.saveRefreshed(second, grant(3), refreshedTerms(at(403)));
      expect((await read()).status).toBe('connected');
    });

    test('that ran out goes to one who saw it end, and the first sending stays noted', async () => {
      await stores.connections.takeLease(await read(), lease('a'), now);
      const late = await read();
      expect(await stores.connections.takeLease(late, lease('b', 90), at(60))).toBe(true);
      expect(await stores.connections.takeLease(late, lease('c', 90), at(60))).toBe(false);
      expect((await read()).refreshState).toMatchObject({ leaseOwner: 'b', sentAt: now });
    });

    test('is not given for a grant that was replaced, refused or ended', async () => {
      const first = await read();
      await stores.connections.saveRefreshed(first, grant(2), refreshedTerms(now));
      expect(await stores.connections.takeLease(first, lease('a'), now)).toBe(false);
      const second = await read();
      await stores.connections.markNeedsReconnect(second, 'grant_rejected', now);
      expect(await stores.connections.takeLease(second, lease('a'), now)).toBe(false);
      await stores.connections.disconnect('u1', now);
      expect(await stores.connections.takeLease(await read(), lease('a'), now)).toBe(false);
    });

    test('is prolonged and given back by its owner alone', async () => {
      const connection = await read();
      await stores.connections.takeLease(connection, lease('a'), now);
      const state = { sentAt: null, failures: 2, nextAttemptAt: later };
      const rest = { state, dueAt: later, now };
      expect(await stores.connections.renewLease(connection, lease('b', 60))).toBe(false);
      expect(await stores.connections.releaseLease(connection, 'b', rest, { type: 'refresh_delayed' })).toBe(false);
      expect(await stores.connections.renewLease(connection, lease('a', 60))).toBe(true);
      expect((await read()).refreshState.leaseUntil).toEqual(at(60));
      expect(await stores.connections.releaseLease(connection, 'a', rest, { type: 'refresh_delayed' })).toBe(true);
      expect(await read()).toMatchObject({
        refreshState: { leaseOwner: null, leaseUntil: null, ...state },
        dueAt: later,
        grant: grant(1),
      });
      expect(await stores.connections.renewLease(connection, lease('a', 90))).toBe(false);
      expect((await stores.events.listLatest(connection.id, 1))[0]?.type).toBe('refresh_delayed');
    });

    test('that ran out does not keep its holder from storing what came, unless a newer grant is there', async () => {
      const connection = await read();
      await stores.connections.takeLease(connection, lease('a'), now);
      await stores.connections.takeLease(await read(), lease('b', 90), at(60));
      expect(await stores.connections.saveRefreshed(connection, grant(2), refreshedTerms(at(61)))).toBe(true);
      expect(await stores.connections.saveRefreshed(connection, grant(3), refreshedTerms(at(62)))).toBe(false);
      expect(await read()).toMatchObject({ grant: grant(2), generation: 2 });
    });

    test.each([
      ['a refresh', async () => stores.connections.saveRefreshed(await read(), grant(2), refreshedTerms(now))],
      ['a new consent', () => authorize(stores, 'u1', grant(2), authorizedTerms(now))],
      ['the end', () => stores.connections.disconnect('u1', now)],
    ])('and all failures are over with %s', async (_what, write) => {
      await stores.connections.takeLease(await read(), lease('a'), now);
      const state = { sentAt: now, failures: 3, nextAttemptAt: later };
      await stores.connections.releaseLease(await read(), 'a', { state, dueAt: later, now }, null);
      await stores.connections.takeLease(await read(), lease('b'), now);
      await write();
      expect((await read()).refreshState).toEqual({
        leaseOwner: null,
        leaseUntil: null,
        sentAt: null,
        failures: 0,
        nextAttemptAt: null,
      });
    });
  });

  describe('what is due', () => {
    test('is listed by its time, in pages, and nothing that is due later or never', async () => {
      const due = { c: 10, a: 10, b: 5, later: 100, never: null };
      for (const [userId, seconds] of Object.entries(due)) {
        await authorize(
          stores,
          userId,
          grant(1),
          authorizedTerms(now, { dueAt: seconds === null ? null : at(seconds) }),
        );
      }
      const first = await stores.connections.listDue(at(50), null, 2);
      expect(first).toEqual([
        { userId: 'b', dueAt: at(5) },
        { userId: 'a', dueAt: at(10) },
      ]);
      const rest = await stores.connections.listDue(at(50), first.at(-1) ?? null, 2);
      expect(rest.map(({ userId }) => userId)).toEqual(['c']);
    });

    test('is not rescheduled by who read an older grant', async () => {
      const old = await authorize(stores, 'u1', grant(1), authorizedTerms(now, { dueAt: at(1) }));
      await stores.connections.saveRefreshed(old, grant(2), refreshedTerms(now, { dueAt: at(1) }));
      const next = { dueAt: later, warnedDays: null, now };
      expect(await stores.connections.reschedule(old, next, null)).toBe(false);
    });

    test('becomes what a former version has stored without a due date, while it has a grant', async () => {
      for (const userId of ['forgotten', 'ended', 'refused']) {
        await authorize(stores, userId, grant(1), authorizedTerms(now));
      }
      await authorize(stores, 'fine', grant(1), authorizedTerms(now, { dueAt: later }));
      await stores.connections.disconnect('ended', now);
      const refused = await stores.connections.findByUser('refused');
      if (refused) await stores.connections.markNeedsReconnect(refused, 'grant_rejected', now);
      expect(await stores.connections.scheduleForgotten(at(5))).toBe(1);
      expect(await stores.connections.listDue(at(5), null, 10)).toEqual([{ userId: 'forgotten', dueAt: at(5) }]);
    });

    test('is rescheduled by one of those who saw it', async () => {
      const connection = await authorize(stores, 'u1', grant(1), authorizedTerms(now, { dueAt: at(1) }));
      const next = { dueAt: later, warnedDays: 30, now } as const;
      const both = await Promise.all(
        [1, 2].map(() => stores.connections.reschedule(connection, next, { type: 'expiring', daysLeft: 30 })),
      );
      expect(both.filter(Boolean)).toHaveLength(1);
      expect(await stores.connections.findByUser('u1')).toMatchObject({ dueAt: later, warnedDays: 30 });
      expect((await stores.events.listLatest(connection.id, 10)).map(({ type }) => type)).toEqual([
        'expiring',
        'authorized',
      ]);
    });
  });

  describe('an undecided attempt', () => {
    const parked = () => ({ grant: grant(5), subject: 'sub-5' });
    beforeEach(async () => {
      await stores.attempts.insert(attemptNamed('a1'));
      await stores.attempts.finish('a1', { kind: 'undecided', userId: 'u1', objection: 'company_missing' }, parked());
    });

    test('keeps what came for one who decides', async () => {
      expect((await stores.attempts.find('a1'))?.result).toEqual({
        kind: 'undecided',
        userId: 'u1',
        objection: 'company_missing',
      });
      const taken = await Promise.all(Array.from({ length: 8 }, () => stores.attempts.takeParked('a1')));
      expect(taken.filter((one) => one !== null)).toEqual([parked()]);
    });

    test('is listed when it is old, until it is decided', async () => {
      expect(await stores.attempts.listUndecided(now)).toEqual([]);
      expect((await stores.attempts.listUndecided(later)).map(({ id }) => id)).toEqual(['a1']);
      await stores.attempts.takeParked('a1');
      expect(await stores.attempts.listUndecided(later)).toEqual([]);
    });
  });

  describe('imported grants', () => {
    const imported = (userId: string) => ({
      userId,
      refreshToken: `refresh-of-${userId}`,
      scope: ['dineropublicapi:read', 'offline_access'],
      organizationId: '118244',
    });
    const store = (...userIds: string[]) => stores.importedGrants.insertAll(userIds.map(imported), now, () => {});
    const activate = (userId: string, seconds = 60) =>
      stores.importedGrants.activate(
        { ...imported(userId), importedAt: now },
        { now: at(seconds), dueAt: at(seconds + 3_600), events: [{ type: 'authorized' }] },
      );

    test('read as they were stored, by user id, in pages', async () => {
      await store('b', 'a/å', 'c');
      const first = await stores.importedGrants.list(null, 2);
      expect(first).toEqual([
        { ...imported('a/å'), importedAt: now, activatedAt: null },
        { ...imported('b'), importedAt: now, activatedAt: null },
      ]);
      expect((await stores.importedGrants.list('b', 2)).map(({ userId }) => userId)).toEqual(['c']);
      expect(await stores.importedGrants.find('b')).toEqual(first[1]);
      expect(await stores.importedGrants.find('nobody')).toBeNull();
      expect(await stores.importedGrants.count()).toEqual({ waiting: 3, activated: 0 });
    });

    test('of which one waits already are not stored, none of them, however many they are', async () => {
      await store('u1');
      const many = Array.from({ length: 250 }, (_, number) => `user-${number}`);
      await expect(store(...many, 'u1')).rejects.toMatchObject({ code: 'database_unavailable' });
      expect(await stores.importedGrants.count()).toEqual({ waiting: 1, activated: 0 });
      let told = 0;
      await stores.importedGrants.insertAll(many.map(imported), now, () => {
        told += 1;
      });
      expect([told, (await stores.importedGrants.count()).waiting]).toEqual([250, 251]);
    });

    test('activated make a pending connection whose access token has ended, with its line in the timeline', async () => {
      await store('u1', 'u2');
      expect(await activate('u1')).toBe(true);
      const connection = await stores.connections.findByUser('u1');
      expect(connection).toMatchObject({
        status: 'pending',
        reason: null,
        organization: null,
        generation: 1,
        authorizedAt: at(60),
        refreshExpiresAt: null,
        dueAt: at(3_660),
        subject: null,
        refreshState: { leaseOwner: null, leaseUntil: null, sentAt: null, failures: 0, nextAttemptAt: null },
        grant: { accessToken: '', refreshToken: 'refresh-of-u1', scope: imported('u1').scope, obtainedAt: at(60) },
      });
      expect(connection?.grant?.expiresAt.getTime()).toBeLessThan(now.getTime());
      expect(await stores.events.listLatest(connection?.id ?? '', 10)).toMatchObject([{ type: 'authorized' }]);
      expect((await stores.importedGrants.find('u1'))?.activatedAt).toEqual(at(60));
      expect(await stores.importedGrants.count()).toEqual({ waiting: 1, activated: 1 });
    });

    test('are activated by one of many who try at once', async () => {
      await store('u1');
      const tries = await Promise.all(Array.from({ length: 8 }, (_, number) => activate('u1', number)));
      expect(tries.filter(Boolean)).toHaveLength(1);
      expect((await stores.connections.findByUser('u1'))?.generation).toBe(1);
    });

    test('that are gone are not activated', async () => {
      await store('u1');
      await stores.importedGrants.delete('u1');
      expect(await activate('u1')).toBe(false);
      expect(await stores.connections.findByUser('u1')).toBeNull();
    });

    test.each(['pending', 'connected', 'needs_reconnect'])('leave a connection that is %s as it is', async (status) => {
      await store('u1');
      const own = await authorize(stores, 'u1', grant(1), authorizedTerms(at(1)));
      if (status === 'connected') await stores.connections.chooseOrganization(own, chosen, at(2), choice);
      if (status === 'needs_reconnect') await stores.connections.markNeedsReconnect(own, 'grant_rejected', at(2));
      const before = await stores.connections.findByUser('u1');
      expect(before?.status).toBe(status);
      expect(await activate('u1')).toBe(false);
      expect(await stores.connections.findByUser('u1')).toEqual(before);
      expect((await stores.importedGrants.find('u1'))?.activatedAt).toBeNull();
    });

    test('revive a connection that was ended before the import, and none that was ended after it', async () => {
      const first = await authorize(stores, 'u1', grant(1), authorizedTerms(at(-20)));
      await stores.connections.disconnect('u1', at(-10));
      await authorize(stores, 'u2', grant(2), authorizedTerms(at(-20)));
      await stores.connections.disconnect('u2', at(10));
      await store('u1', 'u2');
      expect([await activate('u1'), await activate('u2')]).toEqual([true, false]);
      expect(await stores.connections.findByUser('u1')).toMatchObject({
        id: first.id,
        status: 'pending',
        generation: 3,
        grant: { refreshToken: 'refresh-of-u1' },
      });
      expect(await stores.connections.findByUser('u2')).toMatchObject({ status: 'disconnected', grant: null });
      expect((await stores.importedGrants.find('u2'))?.activatedAt).toBeNull();
    });

    test('are discarded while they were not activated', async () => {
      await store('u1', 'u2', 'u3');
      await activate('u1');
      expect(await stores.importedGrants.discard()).toBe(2);
      expect(await stores.importedGrants.count()).toEqual({ waiting: 0, activated: 1 });
    });
  });
});
