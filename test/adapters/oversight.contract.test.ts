import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { OnboardingCount } from '../../src/core/onboarding-counts.ts';
import type { OverseenUser, UserPage } from '../../src/core/oversight.ts';
import type { Connection, EventDraft, RefreshOutcome } from '../../src/core/types.ts';
import type { WaitingWebhook } from '../../src/core/webhook-messages.ts';
import { createFixedClock } from '../support/clock.ts';
import { engineName, openTestDatabase } from '../support/databases.ts';
import { createFakeCore } from '../support/fake-core.ts';
import { authorize, authorizedTerms, grantNumbered } from '../support/grants.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';
import { emptySqlStores } from '../support/sql-stores.ts';

// What an operator's page needs of the stores.

const now = new Date('2026-11-20T10:00:00.000Z');
const at = (seconds: number) => new Date(now.getTime() + seconds * 1000);
const day = 86_400;
const everybody: UserPage = { status: null, after: null, limit: 100 };

let sql: Awaited<ReturnType<typeof openTestDatabase>>;
beforeAll(async () => {
  sql = await openTestDatabase();
});
afterAll(() => sql.remove());

const counted = (change: Partial<OnboardingCount> = {}): OnboardingCount => ({
  day: '2026-11-20',
  step: 'started',
  outcome: null,
  code: null,
  total: 1,
  ...change,
});

describe.each([
  ['memory', async () => createMemoryStores({ announce: true })],
  [engineName, (): Promise<Stores> => emptySqlStores(sql.database, { announce: true })],
])('an operator sees on %s', (_name, open) => {
  let stores: Stores;
  beforeEach(async () => {
    stores = await open();
  });

  const consent = (userId: string, endsIn: number | null = 100 * day) =>
    authorize(
      stores,
      userId,
      grantNumbered(1, now),
      authorizedTerms(now, { refreshExpiresAt: endsIn === null ? null : at(endsIn) }),
    );

  async function connect(userId: string, name = 'RN', id = '118244', vatNumber: string | null = '12345678') {
    const connection = await consent(userId);
    await stores.connections.chooseOrganization(connection, { id, name, vatNumber }, now, {
      type: 'organization_chosen',
    });
    return connection;
  }

  const read = async (userId: string) => (await stores.connections.findByUser(userId)) as Connection;

  /** So many failures in a row, a minute apart; the first is told of in the timeline. */
  async function fail(userId: string, failures: number, event: EventDraft = { type: 'refresh_delayed' }) {
    for (let count = 1; count <= failures; count += 1) {
      const lease = { owner: `${userId}-${count}`, until: at(count * 60) };
      const connection = await read(userId);
      await stores.connections.takeLease(connection, lease, at(count * 60));
      await stores.connections.releaseLease(
        connection,
        lease.owner,
        {
          state: { sentAt: null, failures: count, nextAttemptAt: at(count * 60 + 30) },
          dueAt: null,
          now: at(count * 60),
        },
        count === 1 ? event : null,
      );
    }
  }

  const idsOf = (users: OverseenUser[]) => users.map(({ userId }) => userId);

  describe('onboarding', () => {
    test('steps of a kind add up, by day, in any number of writes', async () => {
      const failed = counted({ step: 'finished', outcome: 'failed', code: 'access_denied', total: 2 });
      await stores.onboarding.add([counted(), failed, counted({ day: '2026-11-19' })]);
      await stores.onboarding.add([failed, counted({ total: 4 })]);
      expect(await stores.onboarding.listFrom('2026-11-19')).toEqual([
        counted({ day: '2026-11-19' }),
        { ...failed, total: 4 },
        counted({ total: 5 }),
      ]);
      expect(await stores.onboarding.listFrom('2026-11-20')).toHaveLength(2);
      expect(await stores.onboarding.listFrom('2026-11-21')).toEqual([]);
    });

    test('many writes at once lose nothing', async () => {
      await Promise.all(Array.from({ length: 20 }, () => stores.onboarding.add([counted()])));
      expect(await stores.onboarding.listFrom('2026-11-20')).toEqual([counted({ total: 20 })]);
    });

    test('old days are forgotten', async () => {
      await stores.onboarding.add([counted(), counted({ day: '2026-11-19' }), counted({ day: '2026-11-18' })]);
      expect(await stores.onboarding.deleteBefore('2026-11-20')).toBe(2);
      expect(await stores.onboarding.listFrom('2026-01-01')).toEqual([counted()]);
    });
  });

  test('how many connections there are in each status', async () => {
    expect(await stores.oversight.countStatuses()).toEqual({
      pending: 0,
      connected: 0,
      needs_reconnect: 0,
      disconnected: 0,
    });
    await connect('u1');
    await connect('u2');
    await consent('u3');
    await stores.connections.markNeedsReconnect(await connect('u4'), 'grant_rejected', now);
    await connect('u5');
    await stores.connections.disconnect('u5', now);
    expect(await stores.oversight.countStatuses()).toEqual({
      pending: 1,
      connected: 2,
      needs_reconnect: 1,
      disconnected: 1,
    });
  });

  test('how many connections in use end in a given time', async () => {
    for (const [userId, endsIn] of [
      ...[['u1', 3 * day] as const, ['u2', 3 * day + 60] as const, ['u3', 80 * day] as const],
      ...[['u4', 200 * day] as const, ['u5', -60] as const, ['u6', null] as const, ['u7', 3 * day] as const],
    ]) {
      await consent(userId, endsIn);
    }
    await stores.connections.disconnect('u7', now);
    expect(await stores.oversight.countEnds(now, at(91 * day))).toBe(3);
    expect(await stores.oversight.countEnds(at(3 * day), at(3 * day + 60))).toBe(1);
    expect(await stores.oversight.countEnds(at(81 * day), at(91 * day))).toBe(0);
  });

  test('which refreshes fail, the worst first, since when and why', async () => {
    for (const userId of ['u1', 'u2', 'u3']) await consent(userId);
    await fail('u1', 2);
    await fail('u3', 4, { type: 'client_rejected' });
    expect(await stores.oversight.countFailing(at(3_599))).toEqual({ total: 2, withoutAccess: 0 });
    expect(await stores.oversight.countFailing(at(3_600))).toEqual({ total: 2, withoutAccess: 2 });
    const [worst, other] = await stores.oversight.listFailing(10);
    expect(worst).toEqual({
      connectionId: (await read('u3')).id,
      userId: 'u3',
      failures: 4,
      since: at(60),
      cause: 'client_rejected',
      nextAttemptAt: at(270),
      accessExpiresAt: at(3_600),
    });
    expect(other).toMatchObject({ userId: 'u1', failures: 2, cause: 'refresh_delayed' });
    expect(await stores.oversight.listFailing(1)).toEqual([worst]);
  });

  test('since when refreshes fail whose first failure was an answer of no use, not since an older streak', async () => {
    const clock = createFixedClock(now);
    const refreshed = (number: number, seconds: number): RefreshOutcome => ({
      kind: 'refreshed',
      grant: grantNumbered(number, clock.now(), seconds),
      odd: false,
    });
    const unknown: RefreshOutcome = { kind: 'unknown', message: 'connection failed' };
    const answers = [() => unknown, () => refreshed(2, 3_600), () => refreshed(3, 0), () => unknown];
    const refresh = async () => answers.shift()?.() ?? unknown;
    const { accessTokens } = createFakeCore({ clock, ...stores, refresh });
    const delayed = () =>
      expect(accessTokens.get('u1', { minTtlSeconds: 60 })).rejects.toMatchObject({ code: 'provider_unavailable' });

    await authorize(stores, 'u1', grantNumbered(1, now, 0), authorizedTerms(now));
    await delayed();
    clock.advance(day);
    await accessTokens.get('u1', { minTtlSeconds: 60 });
    clock.advance(day);
    await delayed();
    clock.advance(60);
    await delayed();
    expect(answers).toEqual([]);
    expect(await stores.oversight.listFailing(10)).toMatchObject([
      { userId: 'u1', failures: 2, since: at(2 * day), cause: 'refresh_delayed' },
    ]);
  });

  test('the queue of webhooks', async () => {
    expect(await stores.oversight.countWebhooks()).toEqual({ waiting: 0, failing: 0, givenUp: 0, oldest: null });
    for (const userId of ['u1', 'u2', 'u3', 'u4']) await connect(userId);
    const due = await stores.webhooks.listDue(now, 10);
    const claim = async (index: number) => {
      const message = due[index] as WaitingWebhook;
      await stores.webhooks.claim(message, at(30));
      return { ...message, dueAt: at(30) };
    };
    await stores.webhooks.postpone(await claim(0), 'status 500', at(60));
    await stores.webhooks.giveUp(await claim(1), 'status 500', at(60));
    await stores.webhooks.markDelivered(await claim(2), at(60));
    expect(await stores.oversight.countWebhooks()).toEqual({ waiting: 2, failing: 1, givenUp: 1, oldest: now });
  });

  test('what a user’s integrator was told, the latest first', async () => {
    await connect('u1');
    await connect('u2');
    await stores.connections.disconnect('u1', at(60));
    const types = async (limit: number) =>
      (await stores.oversight.listWebhooks('u1', limit)).map(({ type, userId }) => [type, userId]);
    expect(await types(10)).toEqual([
      ['connection.disconnected', 'u1'],
      ['connection.connected', 'u1'],
    ]);
    expect(await types(1)).toHaveLength(1);
    expect(await stores.oversight.listWebhooks('u9', 10)).toEqual([]);
  });

  describe('users', () => {
    beforeEach(async () => {
      await connect('customer-1', 'Blomster og Blade', '118301', '87654321');
      await connect('customer-10', 'RN', '118244', '12345678');
      await connect('customer-2', 'blomster.dk', '118400', null);
      await connect('kunde_%', 'Ærø Fisk', '118500', null);
      await consent('Customer-3');
    });

    const search = async (text: string, page: Partial<UserPage> = {}) =>
      idsOf(await stores.oversight.search(text, { ...everybody, ...page }));

    test.each<[string, string[]]>([
      ['customer-1', ['customer-1', 'customer-10']],
      ['customer', ['customer-1', 'customer-10', 'customer-2']],
      ['kunde_%', ['kunde_%']],
      ['kunde%', []],
      ['c%', []],
      ['118244', ['customer-10']],
      ['1182', []],
      ['87654321', ['customer-1']],
      ['Blomster', ['customer-1']],
      ['blomster', ['customer-1', 'customer-2']],
      ['rn', ['customer-10']],
      ['ærø', ['kunde_%']],
      ["'; drop table connections; --", []],
      ['nobody', []],
      ['', ['Customer-3', 'customer-1', 'customer-10', 'customer-2', 'kunde_%']],
    ])('by %j', async (text, found) => {
      expect(await search(text)).toEqual(found);
    });

    test('page by page, each of them once', async () => {
      expect(await search('', { limit: 2 })).toEqual(['Customer-3', 'customer-1']);
      expect(await search('', { limit: 2, after: 'customer-1' })).toEqual(['customer-10', 'customer-2']);
      expect(await search('blomster', { limit: 1 })).toEqual(['customer-1']);
      expect(await search('blomster', { limit: 1, after: 'customer-1' })).toEqual(['customer-2']);
    });

    test('of one status alone', async () => {
      expect(await search('', { status: 'pending' })).toEqual(['Customer-3']);
      expect(await search('customer', { status: 'pending' })).toEqual([]);
    });

    test('by their connection, with nothing secret', async () => {
      const { id } = await read('customer-10');
      const user = await stores.oversight.find(id);
      expect(user).toEqual({
        connectionId: id,
        userId: 'customer-10',
        status: 'connected',
        reason: null,
        organization: { id: '118244', name: 'RN', vatNumber: '12345678' },
        generation: 1,
        authorizedAt: now,
        connectedAt: now,
        refreshExpiresAt: at(100 * day),
        warnedDays: null,
        scope: ['dineropublicapi:read', 'offline_access'],
        accessExpiresAt: at(3_600),
        refreshFailures: 0,
        nextAttemptAt: null,
      });
      expect(await stores.oversight.search('118244', everybody)).toEqual([user]);
      expect(await stores.oversight.find('customer-10')).toBeNull();
    });
  });
});
