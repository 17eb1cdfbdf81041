import { beforeEach, describe, expect, test } from '@jest/globals';
import { ConnectError } from '../../src/core/errors.ts';
import { nextDue, type RefreshTokenPolicy } from '../../src/core/refresh-schedule.ts';
import type { Connection, RefreshOutcome } from '../../src/core/types.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { createFakeCore } from '../support/fake-core.ts';
import { authorize, authorizedTerms, grantNumbered } from '../support/grants.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';

const day = 86_400;
const reuse: RefreshTokenPolicy = { use: 're-use', lifetimeSeconds: 180 * day, graceSeconds: 0 };
const oneTime: RefreshTokenPolicy = { use: 'one-time', lifetimeSeconds: 30 * day, graceSeconds: 0 };

let clock: FixedClock;
let stores: Stores;
let asked: string[];
beforeEach(() => {
  clock = createFixedClock(new Date('2026-11-20T10:00:00.000Z'));
  stores = createMemoryStores();
  asked = [];
});

const inSeconds = (seconds: number) => new Date(clock.now().getTime() + seconds * 1000);

/** A consent of now, with the dates that core itself would give it. */
async function connect(userId: string, policy: RefreshTokenPolicy): Promise<Connection> {
  const now = clock.now();
  const grant = { ...grantNumbered(1, now), refreshToken: `refresh-of-${userId}` };
  const dates = { refreshExpiresAt: inSeconds(policy.lifetimeSeconds), warnedDays: null, authorizedAt: now };
  const dueAt = nextDue(policy, grant, dates, now);
  return authorize(stores, userId, grant, authorizedTerms(now, { ...dates, dueAt, events: [] }));
}

type Answer = RefreshOutcome | (() => Promise<RefreshOutcome>);

function createProcess(
  policy: RefreshTokenPolicy,
  answer: Answer = refreshed,
  options: { isOurs?: () => boolean } = {},
) {
  return createFakeCore({
    clock,
    ...stores,
    ...options,
    policy,
    refresh: async ({ refreshToken }) => {
      asked.push(refreshToken);
      return typeof answer === 'function' ? answer() : answer;
    },
  });
}

async function refreshed(): Promise<RefreshOutcome> {
  return { kind: 'refreshed', grant: grantNumbered(2, clock.now()), odd: false };
}
const later: RefreshOutcome = { kind: 'try_later', message: '503', retryAfterSeconds: null };
const clientRejected: RefreshOutcome = { kind: 'client_rejected', message: 'invalid_client' };
const rejected: RefreshOutcome = { kind: 'rejected' };

const read = async (userId: string) => (await stores.connections.findByUser(userId)) as Connection;
const timeline = async (userId: string) =>
  (await stores.events.listLatest((await read(userId)).id, 20))
    .map(({ id: _name, at: _, ...event }) => event)
    .reverse();

describe('one-time tokens', () => {
  test('are refreshed once they were idle for half their lifetime, and then again after another half', async () => {
    await connect('u1', oneTime);
    const { keepAlive } = createProcess(oneTime);
    clock.advance(14.9 * day);
    expect(await keepAlive.sweep()).toMatchObject({ seen: 0 });
    clock.advance(3.1 * day);
    expect(await keepAlive.sweep()).toMatchObject({ seen: 1, refreshed: 1 });
    expect(await keepAlive.sweep()).toMatchObject({ seen: 0 });
    expect((await read('u1')).refreshExpiresAt).toEqual(inSeconds(30 * day));
    clock.advance(18 * day);
    expect(await keepAlive.sweep()).toMatchObject({ refreshed: 1 });
    expect(asked).toHaveLength(2);
  });

  test('of many connections of one moment are not due in one moment', async () => {
    for (let number = 0; number < 50; number += 1) await connect(`u${number}`, oneTime);
    const dues = await Promise.all(Array.from({ length: 50 }, async (_, number) => (await read(`u${number}`)).dueAt));
    const days = dues.map((due) => ((due?.getTime() ?? 0) - clock.now().getTime()) / 1000 / day);
    expect(Math.min(...days)).toBeGreaterThanOrEqual(15);
    expect(Math.max(...days)).toBeLessThanOrEqual(18);
    expect(new Set(dues.map(String)).size).toBeGreaterThan(40);
  });

  test('that a dead process may have sent are looked after as soon as they may be tried', async () => {
    const connection = await connect('u1', { ...oneTime, graceSeconds: 60 });
    await stores.connections.takeLease(connection, { owner: 'dead', until: inSeconds(30) }, clock.now());
    clock.advance(31);
    expect(await createProcess({ ...oneTime, graceSeconds: 60 }).keepAlive.sweep()).toMatchObject({ refreshed: 1 });
  });

  test('whose holder may only be stopped wait, without a sweep meeting them every time', async () => {
    const connection = await connect('u1', oneTime);
    await stores.connections.takeLease(connection, { owner: 'silent', until: inSeconds(30) }, clock.now());
    const { keepAlive } = createProcess(oneTime);
    clock.advance(31);
    expect(await keepAlive.sweep()).toMatchObject({ seen: 1, refreshed: 0, stopped: null });
    expect(await keepAlive.sweep()).toMatchObject({ seen: 0 });
    clock.advance(300);
    expect(await keepAlive.sweep()).toMatchObject({ refreshed: 1 });
  });
});

describe('re-use tokens', () => {
  test('are warned of 30, 7 and 1 day before their end, once each, and are never refreshed for their own sake', async () => {
    await connect('u1', reuse);
    const processes = [createProcess(reuse, rejected), createProcess(reuse, rejected)];
    const warned: string[] = [];
    for (let hours = 0; hours < 180 * 24; hours += 6) {
      for (const { keepAlive } of processes) {
        const report = await keepAlive.sweep();
        if (report.warned > 0) warned.push(`after ${hours / 24} days`);
      }
      clock.advance(6 * 3600);
    }
    expect(warned).toEqual(['after 150 days', 'after 173 days', 'after 179 days']);
    expect(await timeline('u1')).toEqual([
      { type: 'expiring', daysLeft: 30 },
      { type: 'expiring', daysLeft: 7 },
      { type: 'expiring', daysLeft: 1 },
    ]);
    expect(asked).toEqual([]);
    await Promise.all(processes.map(({ keepAlive }) => keepAlive.sweep()));
    expect(asked).toEqual(['refresh-of-u1']);
    expect(await read('u1')).toMatchObject({ status: 'needs_reconnect', reason: 'refresh_expired', dueAt: null });
  });

  test('are warned of although somebody uses them all the time', async () => {
    await connect('u1', reuse);
    const { keepAlive, accessTokens } = createProcess(reuse);
    clock.advance(150 * day + 60);
    await accessTokens.get('u1');
    expect(await keepAlive.sweep()).toMatchObject({ warned: 1 });
    await accessTokens.get('u1', { minTtlSeconds: 3600 });
    expect(await keepAlive.sweep()).toMatchObject({ seen: 0 });
  });

  test('get one warning, the tightest, after a long silence of the app', async () => {
    await connect('u1', reuse);
    clock.advance(175 * day);
    const { keepAlive } = createProcess(reuse);
    expect(await keepAlive.sweep()).toMatchObject({ warned: 1 });
    expect(await timeline('u1')).toEqual([{ type: 'expiring', daysLeft: 7 }]);
    clock.advance(4.1 * day);
    await keepAlive.sweep();
    expect(await timeline('u1')).toHaveLength(2);
  });

  test('that were given for a fortnight are not warned of 30 days before', async () => {
    const fortnight = { ...reuse, lifetimeSeconds: 14 * day };
    await connect('u1', fortnight);
    const { keepAlive } = createProcess(fortnight);
    await keepAlive.sweep();
    clock.advance(7 * day + 60);
    await keepAlive.sweep();
    expect(await timeline('u1')).toEqual([{ type: 'expiring', daysLeft: 7 }]);
  });

  test('that live on past the configured end are asked for once a day', async () => {
    await connect('u1', reuse);
    const { keepAlive } = createProcess(reuse);
    clock.advance(180 * day + 60);
    for (let hours = 0; hours < 48; hours += 1) {
      await keepAlive.sweep();
      clock.advance(3600);
    }
    const refreshes = asked.length;
    expect(refreshes).toBeGreaterThanOrEqual(2);
    expect(refreshes).toBeLessThanOrEqual(3);
    expect((await read('u1')).status).toBe('pending');
  });

  test('of a new consent are warned of anew', async () => {
    await connect('u1', reuse);
    const { keepAlive } = createProcess(reuse);
    clock.advance(150 * day);
    await keepAlive.sweep();
    await connect('u1', reuse);
    clock.advance(150 * day);
    expect(await keepAlive.sweep()).toMatchObject({ warned: 1 });
  });
});

test('an access token without a refresh token ends as a connection that needs a reconnect', async () => {
  const grant = { ...grantNumbered(1, clock.now()), refreshToken: null };
  await authorize(stores, 'u1', grant, authorizedTerms(clock.now(), { dueAt: grant.expiresAt, events: [] }));
  const { keepAlive } = createProcess(reuse);
  clock.advance(3600);
  await keepAlive.sweep();
  expect(await read('u1')).toMatchObject({ status: 'needs_reconnect', reason: 'no_refresh_token' });
});

test('a connection of the version before is looked at once and then when it has to be', async () => {
  const grant = { ...grantNumbered(1, clock.now()), obtainedAt: new Date(0) };
  const terms = { refreshExpiresAt: inSeconds(180 * day), dueAt: clock.now(), events: [] };
  await authorize(stores, 'u1', grant, authorizedTerms(clock.now(), terms));
  const { keepAlive } = createProcess(reuse);
  expect(await keepAlive.sweep()).toMatchObject({ seen: 1, warned: 0, refreshed: 0 });
  expect((await read('u1')).dueAt).toEqual(inSeconds(150 * day));
});

describe('a sweep', () => {
  async function connectDue(count: number): Promise<void> {
    for (let number = 0; number < count; number += 1) await connect(`u${String(number).padStart(4, '0')}`, oneTime);
    clock.advance(18 * day);
  }

  test('has a few refreshes under way at once, whatever is due, and meets each connection once', async () => {
    await connectDue(350);
    let running = 0;
    let most = 0;
    const process = createProcess(oneTime, async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
      return refreshed();
    });
    expect(await process.keepAlive.sweep()).toMatchObject({ seen: 350, refreshed: 350 });
    expect(new Set(asked).size).toBe(350);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
  });

  test.each([
    ['does not answer', later, 4],
    ['refuses our client', clientRejected, 4],
  ])('ends soon when the provider %s, and rests a minute', async (_how, answer, mostCalls) => {
    await connectDue(100);
    const { keepAlive } = createProcess(oneTime, answer as RefreshOutcome);
    expect(await keepAlive.sweep()).toMatchObject({ stopped: expect.any(String) });
    expect(asked.length).toBeLessThanOrEqual(mostCalls + 3);
    const calls = asked.length;
    expect(await keepAlive.sweep()).toMatchObject({ seen: 0 });
    clock.advance(61);
    await keepAlive.sweep();
    expect(asked.length).toBeGreaterThan(calls);
    expect(asked.length).toBeLessThanOrEqual(2 * (mostCalls + 3));
  });

  test('rests as long as the provider asks for', async () => {
    await connectDue(20);
    const { keepAlive } = createProcess(oneTime, { kind: 'try_later', message: '429', retryAfterSeconds: 600 });
    await keepAlive.sweep();
    const calls = asked.length;
    clock.advance(590);
    expect(await keepAlive.sweep()).toMatchObject({ seen: 0 });
    clock.advance(20);
    await keepAlive.sweep();
    expect(asked.length).toBeGreaterThan(calls);
  });

  test('over a restored backup tries each spent token once, and never again', async () => {
    await connectDue(30);
    const { keepAlive } = createProcess(oneTime, rejected);
    for (let sweeps = 0; sweeps < 5; sweeps += 1) {
      await keepAlive.sweep();
      clock.advance(3600);
    }
    expect(asked).toHaveLength(30);
    expect(new Set(asked).size).toBe(30);
    expect((await read('u0000')).status).toBe('needs_reconnect');
  });

  test('goes on when one connection meets a bug, and tells of it', async () => {
    await connectDue(40);
    const { findByUser } = stores.connections;
    stores.connections.findByUser = async (userId) => {
      if (userId === 'u0003') throw new RangeError('Invalid time value');
      return findByUser(userId);
    };
    const report = await createProcess(oneTime).keepAlive.sweep();
    expect(report).toMatchObject({ seen: 40, refreshed: 39, failed: 1, bug: expect.any(RangeError), stopped: null });
  });

  test('that the database fails under leaves no worker behind', async () => {
    await connectDue(400);
    const { listDue } = stores.connections;
    let lists = 0;
    stores.connections.listDue = (...args) => {
      lists += 1;
      return lists > 1 ? Promise.reject(new ConnectError('database_unavailable', 'SQLITE_IOERR')) : listDue(...args);
    };
    await expect(createProcess(oneTime).keepAlive.sweep()).rejects.toMatchObject({ code: 'database_unavailable' });
    const calls = asked.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(asked).toHaveLength(calls);
  });

  test('is not stopped by single failures among many that work', async () => {
    await connectDue(60);
    let calls = 0;
    const process = createProcess(oneTime, async () => {
      calls += 1;
      return calls % 10 === 0 ? later : refreshed();
    });
    expect(await process.keepAlive.sweep()).toMatchObject({ seen: 60, failed: 6, stopped: null });
    expect(await process.keepAlive.sweep()).toMatchObject({ seen: 0 });
  });

  test('leaves a connection alone that somebody is refreshing right now', async () => {
    await connectDue(1);
    const connection = await read('u0000');
    await stores.connections.takeLease(connection, { owner: 'other', until: inSeconds(30) }, clock.now());
    await stores.connections.reschedule(
      await read('u0000'),
      { dueAt: clock.now(), warnedDays: null, now: clock.now() },
      null,
    );
    const started = Date.now();
    expect(await createProcess(oneTime).keepAlive.sweep()).toMatchObject({ seen: 1, failed: 0 });
    expect(Date.now() - started).toBeLessThan(10_000);
    expect(asked).toEqual([]);
  });

  test('looks at a grant that does not open once a day, until its key is back', async () => {
    await connectDue(1);
    const { findByUser } = stores.connections;
    let keyIsMissing = true;
    stores.connections.findByUser = async (userId) => {
      const connection = await findByUser(userId);
      if (!connection || !keyIsMissing) return connection;
      return { ...connection, grant: null, status: 'needs_reconnect', reason: 'grant_unreadable' };
    };
    const { keepAlive } = createProcess(oneTime);
    expect(await keepAlive.sweep()).toMatchObject({ seen: 1 });
    expect(await keepAlive.sweep()).toMatchObject({ seen: 0 });
    keyIsMissing = false;
    clock.advance(day);
    expect(await keepAlive.sweep()).toMatchObject({ refreshed: 1 });
  });

  test('lets people go first', async () => {
    await connectDue(12);
    const started: string[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const process = createFakeCore({
      clock,
      ...stores,
      policy: oneTime,
      refresh: async ({ refreshToken }) => {
        started.push(refreshToken);
        await gate;
        return refreshed();
      },
    });
    const people = Array.from({ length: 8 }, (_, number) => process.accessTokens.get(`u000${number}`));
    const sweep = process.keepAlive.sweep();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(started).toHaveLength(8);
    release();
    await Promise.all(people);
    await sweep;
    expect(started).toHaveLength(12);
  });

  test('stops when it is asked to', async () => {
    await connectDue(50);
    const stop = new AbortController();
    const { keepAlive } = createProcess(oneTime, async () => {
      stop.abort();
      return refreshed();
    });
    expect((await keepAlive.sweep(stop.signal)).seen).toBeLessThanOrEqual(4);
  });

  test('in a copy under another identity does nothing', async () => {
    await connectDue(3);
    const { keepAlive } = createProcess(oneTime, refreshed, { isOurs: () => false });
    expect(await keepAlive.sweep()).toMatchObject({ seen: 0 });
    expect(asked).toEqual([]);
  });

  test('of a database that fails ends with its error, not with a loop', async () => {
    await connectDue(3);
    stores.connections.listDue = () => Promise.reject(new ConnectError('database_unavailable', 'SQLITE_IOERR'));
    await expect(createProcess(oneTime).keepAlive.sweep()).rejects.toMatchObject({ code: 'database_unavailable' });
  });
});
