import { beforeEach, describe, expect, test } from '@jest/globals';
import { ConnectError } from '../../src/core/errors.ts';
import type { RefreshTokenPolicy } from '../../src/core/refresh-schedule.ts';
import type { Connection, Grant, RefreshOutcome } from '../../src/core/types.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { createFakeCore } from '../support/fake-core.ts';
import { authorize, authorizedTerms, grantNumbered as grantAt } from '../support/grants.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';

// The refresh protocol, branch by branch (design, section 7). What goes over HTTP is in test/http/refreshing.test.ts,
// what takes several processes in test/journeys and in the chaos run.

let clock: FixedClock;
let stores: Stores;
let asked: string[];

beforeEach(() => {
  clock = createFixedClock(new Date('2026-11-20T10:00:00.000Z'));
  stores = createMemoryStores();
  asked = [];
});

const reuse: RefreshTokenPolicy = { use: 're-use', lifetimeSeconds: 30 * 86_400, graceSeconds: 0 };
const oneTime: RefreshTokenPolicy = { ...reuse, use: 'one-time' };
const withGrace: RefreshTokenPolicy = { ...oneTime, graceSeconds: 60 };

const inSeconds = (seconds: number) => new Date(clock.now().getTime() + seconds * 1000);
const grantNumbered = (number: number, seconds = 3600) => grantAt(number, clock.now(), seconds);
const refreshed = (number: number): RefreshOutcome => ({ kind: 'refreshed', grant: grantNumbered(number), odd: false });
const unknown: RefreshOutcome = { kind: 'unknown', message: 'connection failed' };
const rejected: RefreshOutcome = { kind: 'rejected' };
const clientRejected: RefreshOutcome = { kind: 'client_rejected', message: 'invalid_client' };
const later = (retryAfterSeconds: number | null = null): RefreshOutcome => ({
  kind: 'try_later',
  message: '503',
  retryAfterSeconds,
});

function connect(grant: Grant = grantNumbered(1, 0), userId = 'u1'): Promise<Connection> {
  const terms = authorizedTerms(clock.now(), {
    refreshExpiresAt: inSeconds(86_400),
    dueAt: inSeconds(80_000),
    events: [],
  });
  return authorize(stores, userId, grant, terms);
}

async function read(userId = 'u1'): Promise<Connection> {
  const connection = await stores.connections.findByUser(userId);
  if (!connection) throw new Error('no connection');
  return connection;
}

const timeline = async () => (await stores.events.listLatest((await read()).id, 20)).map(({ type }) => type).reverse();

type Answer = RefreshOutcome | ((maySend: () => boolean) => Promise<RefreshOutcome>);

/** One process's view of the same stores; the provider gives these answers in turn, the last one for ever. */
function createProcess(
  answers: Answer[],
  policy: RefreshTokenPolicy = reuse,
  options: { isOurs?: () => boolean } = {},
) {
  let calls = 0;
  return createFakeCore({
    clock,
    ...stores,
    ...options,
    policy,
    async refresh({ refreshToken }, maySend) {
      asked.push(refreshToken);
      const answer = answers[Math.min(calls, answers.length - 1)];
      calls += 1;
      if (!answer) throw new Error('not asked for here');
      return typeof answer === 'function' ? answer(maySend) : answer;
    },
  });
}

const get = (process: ReturnType<typeof createProcess>, minTtlSeconds = 60) =>
  process.accessTokens.get('u1', { minTtlSeconds });

describe('between processes', () => {
  test('whoever does not get the lease waits and gets what the other one stored', async () => {
    await connect();
    const slow = async () => {
      await clock.sleep(900);
      await clock.sleep(900);
      return refreshed(2);
    };
    const processes = [createProcess([slow]), createProcess([slow]), createProcess([slow])];
    const all = await Promise.all(processes.map((process) => get(process)));
    expect(all.map(({ grant }) => grant.accessToken)).toEqual(['access-2', 'access-2', 'access-2']);
    expect(asked).toEqual(['refresh-1']);
  });

  test('nobody refreshes without the lease: a token that is still good is answered, or a time to come back', async () => {
    const connection = await connect(grantNumbered(1, 30));
    await stores.connections.takeLease(connection, { owner: 'other', until: inSeconds(30) }, clock.now());
    const process = createProcess([]);
    expect(await get(process)).toMatchObject({ refreshDelayed: true, grant: { accessToken: 'access-1' } });
    await connect(grantNumbered(2, 0));
    const again = await read();
    await stores.connections.takeLease(again, { owner: 'other', until: inSeconds(30) }, clock.now());
    await expect(get(process)).rejects.toMatchObject({ code: 'provider_unavailable', retryAfterSeconds: 1 });
    expect(asked).toEqual([]);
  }, 20_000);

  test('a lease that a clock set far into the future is nobody’s', async () => {
    const connection = await connect();
    await stores.connections.takeLease(connection, { owner: 'other', until: inSeconds(86_400) }, clock.now());
    expect((await get(createProcess([refreshed(2)]))).grant.accessToken).toBe('access-2');
  });

  test('a holder that was stopped past its time does not send', async () => {
    await connect();
    const stopped = createProcess([
      async (maySend) => {
        clock.advance(25);
        return maySend() ? refreshed(2) : later();
      },
    ]);
    await expect(get(stopped)).rejects.toMatchObject({ code: 'provider_unavailable' });
    expect((await read()).grant?.accessToken).toBe('access-1');
  });

  test.each([
    ['forward', 3600],
    ['back', -3600],
  ])('a holder whose clock is set %s does not send', async (_way, seconds) => {
    await connect(grantNumbered(1, -7200));
    let set = 0;
    const now = () => new Date(clock.now().getTime() + set * 1000);
    const skewed = createFakeCore({
      ...stores,
      clock: { ...clock, now },
      policy: oneTime,
      async refresh(_before, maySend) {
        expect(maySend()).toBe(true);
        set = seconds;
        return maySend() ? refreshed(2) : later();
      },
    });
    await expect(skewed.accessTokens.get('u1')).rejects.toMatchObject({ code: 'provider_unavailable' });
  });

  test('a holder that was stopped still stores what came', async () => {
    await connect();
    const stopped = createProcess([() => stopFor(45, refreshed(2))], oneTime);
    await get(stopped).catch(() => {});
    await stopped.work.settled();
    expect((await read()).grant?.refreshToken).toBe('refresh-2');
  });

  test('a holder that was stopped writes nothing over a newer grant (the fence)', async () => {
    await connect();
    // While this one is stopped, for the others time goes on.
    const ahead = { ...clock, now: () => inSeconds(45) };
    const stopped = createProcess([
      async () => {
        await createFakeCore({ ...stores, clock: ahead, refresh: async () => refreshed(3) }).accessTokens.get('u1');
        return stopFor(45, refreshed(2));
      },
    ]);
    await get(stopped).catch(() => {});
    await stopped.work.settled();
    expect((await read()).grant?.refreshToken).toBe('refresh-3');
  });

  async function stopFor(seconds: number, outcome: RefreshOutcome): Promise<RefreshOutcome> {
    clock.advance(seconds);
    return outcome;
  }
});

describe('a process that died after it took the lease', () => {
  /** It may have sent the token; nobody knows. */
  async function leaveBehind(): Promise<void> {
    const connection = await connect();
    await stores.connections.takeLease(connection, { owner: 'dead', until: inSeconds(30) }, clock.now());
  }

  test('leaves a re-use token that is simply tried again when the lease is over', async () => {
    await leaveBehind();
    clock.advance(31);
    expect((await get(createProcess([refreshed(2)]))).grant.accessToken).toBe('access-2');
  });

  test('leaves a one-time token that is tried at once within the grace period', async () => {
    await leaveBehind();
    clock.advance(31);
    expect((await get(createProcess([refreshed(2)], withGrace))).grant.accessToken).toBe('access-2');
  });

  test.each([
    ['without a grace period', oneTime],
    ['after the grace period', { ...withGrace, graceSeconds: 20 }],
  ])('%s leaves a one-time token to the holder that may only be stopped, for some minutes', async (_when, policy) => {
    await leaveBehind();
    clock.advance(31);
    const process = createProcess([refreshed(2)], policy);
    await expect(get(process)).rejects.toMatchObject({ code: 'provider_unavailable', retryAfterSeconds: 299 });
    expect(asked).toEqual([]);
    clock.advance(300);
    expect((await get(process)).grant.accessToken).toBe('access-2');
  });

  test('after its answer and before the commit has lost a one-time token: one more try, then a reconnect that says why', async () => {
    await leaveBehind();
    clock.advance(400);
    const process = createProcess([rejected], oneTime);
    for (const _ of [1, 2, 3]) await expect(get(process)).rejects.toMatchObject({ code: 'needs_reconnect' });
    expect(asked).toEqual(['refresh-1']);
    expect((await read()).reason).toBe('answer_lost');
    expect(await timeline()).toEqual(['needs_reconnect']);
  });
});

describe('an outcome that nobody knows', () => {
  test.each([
    ['of a re-use token', reuse],
    ['of a one-time token without grace', oneTime],
  ])('%s is tried again later, and the grant is kept', async (_which, policy) => {
    await connect();
    const process = createProcess([unknown, refreshed(2)], policy);
    await expect(get(process)).rejects.toMatchObject({ code: 'provider_unavailable' });
    await expect(get(process)).rejects.toMatchObject({ code: 'provider_unavailable' });
    expect(asked).toHaveLength(1);
    expect(await read()).toMatchObject({ status: 'pending', refreshState: { failures: 1, sentAt: clock.now() } });
    clock.advance(6);
    expect((await get(process)).grant.accessToken).toBe('access-2');
    expect(await timeline()).toEqual(['refresh_delayed', 'refreshed']);
  });

  test('of a one-time token is tried once more at once within the grace period, not twice', async () => {
    await connect();
    expect((await get(createProcess([unknown, refreshed(2)], withGrace))).grant.accessToken).toBe('access-2');
    await connect(grantNumbered(3, 0));
    asked = [];
    await expect(get(createProcess([unknown], withGrace))).rejects.toMatchObject({ code: 'provider_unavailable' });
    expect(asked).toEqual(['refresh-3', 'refresh-3']);
  });

  test('that took longer than the grace period is not tried at once', async () => {
    await connect();
    const slow = async () => {
      clock.advance(19);
      return unknown;
    };
    await expect(get(createProcess([slow], { ...oneTime, graceSeconds: 15 }))).rejects.toMatchObject({
      code: 'provider_unavailable',
    });
    expect(asked).toHaveLength(1);
  });

  test('is told from a refusal: the reconnect says that the answer was lost', async () => {
    await connect();
    const process = createProcess([unknown, rejected], withGrace);
    await expect(get(process)).rejects.toMatchObject({ code: 'needs_reconnect' });
    expect((await read()).reason).toBe('answer_lost');
  });
});

describe('a lease under a long call', () => {
  /** A provider that takes this long, in steps in which the lease can be prolonged. */
  const slowly = (seconds: number[], then: (maySend: () => boolean) => Promise<RefreshOutcome>) =>
    createProcess([
      async (maySend) => {
        for (const step of seconds) {
          clock.advance(step);
          await clock.sleep(1);
        }
        return then(maySend);
      },
    ]);

  test('is prolonged, and may be relied on as long as it is', async () => {
    await connect();
    const process = slowly([11, 11, 2], async (maySend) => {
      const { refreshState } = await read();
      expect(refreshState.leaseUntil?.getTime()).toBeGreaterThan(inSeconds(20).getTime());
      expect(maySend()).toBe(true);
      return refreshed(2);
    });
    expect((await get(process)).grant.accessToken).toBe('access-2');
  });

  test('that turns out to be lost is not relied on any more', async () => {
    await connect();
    stores.connections.renewLease = async () => false;
    const process = slowly([11], async (maySend) => (maySend() ? refreshed(2) : later()));
    await expect(get(process)).rejects.toMatchObject({ code: 'provider_unavailable' });
  });

  test('that the database does not prolong runs out', async () => {
    await connect();
    stores.connections.renewLease = () => Promise.reject(new ConnectError('database_unavailable', 'SQLITE_BUSY'));
    const seen: boolean[] = [];
    const process = slowly([11], async (maySend) => {
      seen.push(maySend());
      clock.advance(10);
      seen.push(maySend());
      return later();
    });
    await get(process).catch(() => {});
    expect(seen).toEqual([true, false]);
  });

  test.each([
    ['the wall clock goes on and the other one stands still', 25, 0],
    ['the wall clock stands still and the other one goes on', 0, 25],
    ['the wall clock is set back', -2, 1],
  ])('is not relied on when %s', async (_how, wall, monotonic) => {
    await connect(grantNumbered(1, -3600));
    const shift = { wall: 0, monotonic: 0 };
    const seen: boolean[] = [];
    const core = createFakeCore({
      ...stores,
      clock: {
        ...clock,
        now: () => inSeconds(shift.wall),
        monotonic: () => clock.monotonic() + shift.monotonic * 1000,
      },
      async refresh(_before, maySend) {
        seen.push(maySend());
        Object.assign(shift, { wall, monotonic });
        seen.push(maySend());
        return later();
      },
    });
    await core.accessTokens.get('u1').catch(() => {});
    expect(seen).toEqual([true, false]);
  });

  test('that somebody’s new consent has ended is not used for a second try', async () => {
    await connect();
    const process = createProcess(
      [
        async () => {
          await connect(grantNumbered(7));
          return unknown;
        },
        refreshed(2),
      ],
      withGrace,
    );
    expect((await get(process)).grant.accessToken).toBe('access-7');
    expect(asked).toEqual(['refresh-1']);
  });
});

describe('a grace period', () => {
  async function leaveBehind(): Promise<void> {
    await stores.connections.takeLease(await connect(), { owner: 'dead', until: inSeconds(30) }, clock.now());
  }

  test('is counted from the first sending, whoever sent', async () => {
    await leaveBehind();
    clock.advance(45);
    const slow = async () => {
      clock.advance(15);
      return unknown;
    };
    await get(createProcess([slow], withGrace)).catch(() => {});
    expect(asked).toHaveLength(1);
  });

  test('is over a second early, for the way to the provider takes time', async () => {
    await leaveBehind();
    clock.advance(59.5);
    await expect(get(createProcess([refreshed(2)], withGrace))).rejects.toMatchObject({ code: 'provider_unavailable' });
    expect(asked).toEqual([]);
  });
});

test.each([
  ['an attempt', { sentAt: null, failures: 1, nextAttemptAt: 86_400 }],
  ['an attempt that may have spent the token', { sentAt: 0, failures: 1, nextAttemptAt: 86_400 }],
])('%s that a clock set far into the future is not waited for', async (_what, { sentAt, failures, nextAttemptAt }) => {
  const connection = await connect();
  await stores.connections.takeLease(connection, { owner: 'a', until: inSeconds(30) }, clock.now());
  const state = {
    sentAt: sentAt === null ? null : inSeconds(sentAt),
    failures,
    nextAttemptAt: inSeconds(nextAttemptAt),
  };
  await stores.connections.releaseLease(connection, 'a', { state, dueAt: null, now: clock.now() }, null);
  expect((await get(createProcess([refreshed(2)], oneTime))).grant.accessToken).toBe('access-2');
});

describe('a failed refresh', () => {
  test.each([
    ['unknown', unknown, oneTime, 6],
    ['unknown, with grace', unknown, withGrace, 6],
    ['try later, when it is due anyway', later(), oneTime, 80_001],
  ])('(%s) is due again: the sweep finds it', async (_how, outcome, policy, seconds) => {
    await connect();
    const process = createProcess([outcome, outcome, async () => refreshed(2)], policy);
    await get(process).catch(() => {});
    const { refreshState, dueAt } = await read();
    expect(dueAt?.getTime()).toBeGreaterThanOrEqual(refreshState.nextAttemptAt?.getTime() ?? Number.NaN);
    clock.advance(seconds);
    const calls = asked.length;
    await process.keepAlive.sweep();
    expect(asked.length).toBeGreaterThan(calls);
  });
});

describe('try later', () => {
  test('waits longer each time, with jitter, for a quarter of an hour at most, and is one line of the timeline', async () => {
    await connect();
    const process = createProcess([later()]);
    const waits: number[] = [];
    for (let failures = 1; failures <= 12; failures += 1) {
      const error = await get(process).catch((thrown: unknown) => thrown);
      waits.push((error as ConnectError).retryAfterSeconds ?? 0);
      clock.advance(waits.at(-1) ?? 0);
    }
    for (const [index, wait] of waits.entries()) {
      const full = Math.min(5 * 2 ** index, 900);
      expect(wait).toBeGreaterThanOrEqual(full * 0.75);
      expect(wait).toBeLessThanOrEqual(full);
    }
    expect(asked).toHaveLength(12);
    expect(await timeline()).toEqual(['refresh_delayed']);
  });

  test.each([
    [600, 600],
    [0, 5],
    [999_999, 3600],
  ])('as the provider asks: told %i seconds it waits %i, an hour at most', async (told, seconds) => {
    await connect();
    const error = await get(createProcess([later(told)])).catch((thrown: unknown) => thrown);
    expect((error as ConnectError).retryAfterSeconds).toBeGreaterThanOrEqual(seconds * 0.75);
    expect((error as ConnectError).retryAfterSeconds).toBeLessThanOrEqual(seconds);
  });

  test('answers a token that is still good, and says so', async () => {
    await connect(grantNumbered(1, 59));
    const process = createProcess([later()]);
    for (const _ of [1, 2]) {
      expect(await get(process)).toMatchObject({ refreshDelayed: true, grant: { accessToken: 'access-1' } });
    }
    expect(asked).toHaveLength(1);
    clock.advance(59);
    await expect(get(process)).rejects.toMatchObject({ code: 'provider_unavailable' });
  });

  test('leaves no mark of a token that surely was not spent', async () => {
    await connect();
    await expect(get(createProcess([later()], oneTime))).rejects.toMatchObject({ code: 'provider_unavailable' });
    expect((await read()).refreshState).toMatchObject({ sentAt: null, leaseOwner: null, failures: 1 });
  });

  test('is forgotten with the first success', async () => {
    await connect();
    const process = createProcess([later(), refreshed(2)]);
    await expect(get(process)).rejects.toThrow();
    clock.advance(5);
    await get(process);
    expect((await read()).refreshState).toMatchObject({ failures: 0, nextAttemptAt: null });
  });
});

describe('a provider that refuses our own client', () => {
  test('costs no grant, is asked once a minute for all users, and is over with the first answer', async () => {
    await connect();
    await connect(grantNumbered(7, 0), 'u2');
    const process = createProcess([clientRejected, clientRejected, refreshed(2)]);
    for (const userId of ['u1', 'u2', 'u1']) {
      await expect(process.accessTokens.get(userId)).rejects.toMatchObject({ code: 'client_rejected' });
    }
    expect(asked).toEqual(['refresh-1']);
    clock.advance(61);
    await expect(process.accessTokens.get('u2')).rejects.toMatchObject({ code: 'client_rejected' });
    await expect(process.accessTokens.get('u1')).rejects.toMatchObject({ code: 'client_rejected' });
    expect(asked).toEqual(['refresh-1', 'refresh-7']);
    expect(await read()).toMatchObject({ status: 'pending', reason: null, grant: grantAt(1, inSeconds(-61), 0) });
    clock.advance(61);
    await get(process);
    await expect(process.accessTokens.get('u2')).resolves.toBeDefined();
    expect(await timeline()).toEqual(['client_rejected', 'refreshed']);
  });

  test('is asked by one of all who come when the minute is over', async () => {
    const users = ['u1', 'u2', 'u3'];
    for (const userId of users) await connect(grantNumbered(1, 0), userId);
    const process = createProcess([clientRejected]);
    await Promise.allSettled(users.map((userId) => process.accessTokens.get(userId)));
    const before = asked.length;
    clock.advance(61);
    await Promise.allSettled(users.map((userId) => process.accessTokens.get(userId)));
    expect(asked.length - before).toBe(1);
  });

  test('and then refuses a grant has accepted our client again', async () => {
    await connect();
    await connect(grantNumbered(7, 0), 'u2');
    const process = createProcess([clientRejected, rejected, refreshed(8)]);
    await get(process).catch(() => {});
    clock.advance(61);
    await expect(get(process)).rejects.toMatchObject({ code: 'needs_reconnect' });
    expect((await process.accessTokens.get('u2')).grant.accessToken).toBe('access-8');
  });
});

describe('an odd answer', () => {
  test('with a good access token is used, and the timeline has it', async () => {
    await connect();
    const odd = { ...refreshed(2), odd: true } as RefreshOutcome;
    expect((await get(createProcess([odd]))).grant.accessToken).toBe('access-2');
    expect(await timeline()).toEqual(['refreshed', 'refresh_odd']);
  });

  test('with a refresh token alone is stored, and not asked for again at once', async () => {
    const { grant } = await connect();
    const kept = { kind: 'refreshed', grant: { ...(grant as Grant), refreshToken: 'refresh-2' }, odd: true } as const;
    const process = createProcess([kept, refreshed(3)], oneTime);
    for (const _ of [1, 2]) await expect(get(process)).rejects.toMatchObject({ code: 'provider_unavailable' });
    expect((await read()).grant?.refreshToken).toBe('refresh-2');
    expect(asked).toEqual(['refresh-1']);
    expect(await timeline()).toEqual(['refreshed', 'refresh_odd', 'refresh_delayed']);
    clock.advance(5);
    await get(process);
    expect(asked).toEqual(['refresh-1', 'refresh-2']);
  });
});

describe('a database that does not take the new grant', () => {
  /** Writes of grants fail as long as it is full; everything else works. */
  function fillDisk() {
    const { connections } = stores;
    const disk = { full: true, writes: 0 };
    stores.connections = {
      ...connections,
      async saveRefreshed(...write) {
        disk.writes += 1;
        if (disk.full) throw new ConnectError('database_unavailable', 'SQLITE_FULL');
        return connections.saveRefreshed(...write);
      },
    };
    return disk;
  }

  test('gets it as soon as it can, and the spent token is not sent meanwhile', async () => {
    await connect();
    const disk = fillDisk();
    const process = createProcess([refreshed(2), refreshed(9)], oneTime);
    await expect(get(process)).rejects.toMatchObject({ code: 'database_unavailable' });
    await expect(get(process)).rejects.toMatchObject({ code: 'database_unavailable' });
    disk.full = false;
    await process.work.settled();
    expect((await get(process)).grant).toMatchObject({ accessToken: 'access-2', refreshToken: 'refresh-2' });
    expect(asked).toEqual(['refresh-1']);
    expect(disk.writes).toBeGreaterThan(3);
  });

  test('is asked again whatever it says, also when that is a bug, and the connection is refreshed again later', async () => {
    await connect();
    const { connections } = stores;
    let tries = 0;
    stores.connections = {
      ...connections,
      async saveRefreshed(...write) {
        tries += 1;
        if (tries < 6) throw new Error('database: SQLITE_ERROR');
        return connections.saveRefreshed(...write);
      },
    };
    const process = createProcess([async () => refreshed(2), async () => refreshed(3)], oneTime);
    await expect(get(process)).rejects.toThrow('SQLITE_ERROR');
    await process.work.settled();
    expect((await read()).grant?.refreshToken).toBe('refresh-2');
    clock.advance(3600);
    expect((await get(process)).grant.refreshToken).toBe('refresh-3');
  });

  test('for longer than anybody is patient: once it heals, the holder is faster than who takes over', async () => {
    await connect();
    const disk = fillDisk();
    const holder = createProcess([refreshed(2)], oneTime);
    await expect(get(holder)).rejects.toMatchObject({ code: 'database_unavailable' });
    clock.advance(600);
    disk.full = false;
    const other = createProcess([rejected], oneTime);
    expect((await get(other)).grant.refreshToken).toBe('refresh-2');
    expect(asked).toEqual(['refresh-1']);
  });

  test('for a moment is not noticed by anybody', async () => {
    await connect();
    const disk = fillDisk();
    setTimeout(() => {
      disk.full = false;
    }, 5);
    expect((await get(createProcess([refreshed(2)], oneTime))).grant.accessToken).toBe('access-2');
  });

  test('and a connection that ends meanwhile: what came is queued for revocation', async () => {
    await connect();
    const disk = fillDisk();
    const process = createProcess([refreshed(2)], oneTime);
    await expect(get(process)).rejects.toMatchObject({ code: 'database_unavailable' });
    await stores.connections.disconnect('u1', clock.now());
    disk.full = false;
    await process.work.settled();
    const due = await stores.revocations.listDue(clock.now(), 10);
    expect(due.map(({ refreshToken }) => refreshToken).sort()).toEqual(['refresh-1', 'refresh-2']);
  });

  test('nor a lease starts no refresh at all; a token that is still good is answered', async () => {
    await connect(grantNumbered(1, 30));
    const full = () => Promise.reject(new ConnectError('database_unavailable', 'SQLITE_FULL'));
    stores.connections = { ...stores.connections, takeLease: full };
    const process = createProcess([refreshed(2)]);
    expect((await get(process)).refreshDelayed).toBe(true);
    clock.advance(30);
    await expect(get(process)).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(asked).toEqual([]);
  });
});

describe('a copy of the database under another identity', () => {
  test('serves what is still good, refreshes nothing, and revokes nothing, until it is adopted', async () => {
    await connect(grantNumbered(1, 30));
    let ours = false;
    const copy = createProcess([refreshed(2)], reuse, { isOurs: () => ours });
    expect(await get(copy)).toMatchObject({ refreshDelayed: true });
    clock.advance(30);
    await expect(get(copy)).rejects.toMatchObject({ code: 'deployment_foreign' });
    await stores.revocations.add('refresh-of-the-original', clock.now());
    expect(await copy.disconnecting.revokeDue()).toEqual({ failed: 0, abandoned: 0 });
    expect(await stores.revocations.listDue(clock.now(), 10)).toHaveLength(1);
    expect(asked).toEqual([]);
    ours = true;
    expect((await get(copy)).grant.accessToken).toBe('access-2');
  });
});

describe('a clock that is set', () => {
  test.each([
    ['five minutes back', -300, 0],
    ['six minutes back', -360, 1],
    ['a day back', -86_400, 1],
    ['five minutes forward', 300, 0],
    ['a day forward', 86_400, 1],
  ])(
    '%s costs each user who asks %3$i refreshes at most, and no token is good for ever',
    async (_how, seconds, calls) => {
      await connect(grantNumbered(1, 3600));
      clock.advance(seconds);
      const process = createProcess([async () => refreshed(2)]);
      await get(process);
      await get(process);
      expect(asked).toHaveLength(calls);
    },
  );
});

test('a clock that is set back does not end a connection without a refresh token', async () => {
  await connect({ ...grantNumbered(1), refreshToken: null });
  clock.advance(-600);
  expect(await get(createProcess([]))).toMatchObject({ refreshDelayed: true });
  expect((await read()).status).toBe('pending');
});

test('a refused re-use token was refused, whatever happened before; its end is set when it had none', async () => {
  await authorize(stores, 'u1', grantNumbered(1, 0), authorizedTerms(clock.now()));
  const process = createProcess([unknown, async () => refreshed(2), unknown, rejected]);
  await get(process).catch(() => {});
  clock.advance(6);
  await get(process);
  expect((await read()).refreshExpiresAt).toEqual(inSeconds(30 * 86_400));
  clock.advance(3600);
  await get(process).catch(() => {});
  clock.advance(6);
  await get(process).catch(() => {});
  expect((await read()).reason).toBe('grant_rejected');
});

test('whoever gives up waiting does not stop the refresh, and SIGTERM waits for it', async () => {
  await connect();
  const process = createProcess([
    async () => {
      clock.advance(26);
      await clock.sleep(900);
      return refreshed(2);
    },
  ]);
  await expect(get(process)).rejects.toMatchObject({ code: 'provider_unavailable' });
  await process.work.settled();
  expect((await read()).grant?.accessToken).toBe('access-2');
});
