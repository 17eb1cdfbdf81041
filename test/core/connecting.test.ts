import { beforeEach, describe, expect, test } from '@jest/globals';
import type { AccountingApi, IdentityProvider } from '../../src/core/ports.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { createFakeCore } from '../support/fake-core.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';

let clock: FixedClock;
let stores: Stores;
let exchanges: string[];
let revoked: string[];
let refusing: boolean;
beforeEach(() => {
  clock = createFixedClock(new Date('2026-11-20T10:00:00.000Z'));
  stores = createMemoryStores();
  exchanges = [];
  revoked = [];
  refusing = false;
});

const scopes = ['dineropublicapi:read', 'offline_access'];
const who = { browserId: 'b1', userId: 'u1', linkId: null, language: 'da', signInAgain: false } as const;
const code = { kind: 'code', code: 'c1', issuer: 'https://i' } as const;
let started = 0;

const identityProvider: IdentityProvider = {
  async createAuthorizationRequest() {
    started += 1;
    return { url: `https://i/?state=s${started}`, state: `s${started}`, secrets: { nonce: 'n', codeVerifier: 'v' } };
  },
  async exchangeCode(response) {
    exchanges.push(response.code);
    const grant = {
      accessToken: 'a',
      refreshToken: `r${exchanges.length}`,
      scope: scopes,
      expiresAt: new Date(clock.now().getTime() + 3_600_000),
      obtainedAt: clock.now(),
    };
    return { grant, identity: null, subject: null };
  },
  refresh: () => Promise.reject(new Error('not asked for here')),
  async revoke(refreshToken) {
    revoked.push(refreshToken);
    if (refusing) throw new Error('not confirmed');
  },
};
const accountingApi: AccountingApi = { listOrganizations: async () => [], proveAccess: async () => {} };

function createTestCore(change: Partial<Stores> = {}) {
  return createFakeCore({ clock, identityProvider, accountingApi, scopes, ...stores, ...change });
}

async function returned(core = createTestCore()) {
  await core.connecting.start(who);
  const id = await core.connecting.receive(`s${started}`, code);
  if (id === null) throw new Error('nothing was received');
  return id;
}

describe('a finish', () => {
  test('whose process died leaves an attempt that says so, and exchanges nothing again', async () => {
    const core = createTestCore();
    const id = await returned(core);
    await stores.attempts.claim(id, clock.now());
    await expect(core.connecting.finish(id, 'b1')).rejects.toMatchObject({ code: 'attempt_unfinished' });
    expect(exchanges).toEqual([]);
  });

  test('that meets a bug ends the attempt and lets the bug through', async () => {
    const connections = { ...stores.connections, saveAuthorized: () => Promise.reject(new TypeError('a bug')) };
    const core = createTestCore({ connections });
    const id = await returned(core);
    await expect(core.connecting.finish(id, 'b1')).rejects.toThrow('a bug');
    await expect(core.connecting.finish(id, 'b1')).rejects.toMatchObject({ code: 'attempt_unfinished' });
    expect(exchanges).toEqual(['c1']);
  });

  test('in two processes at once is one', async () => {
    const [one, other] = [createTestCore(), createTestCore()];
    const id = await returned(one);
    const results = await Promise.all([one, other, one, other].map((core) => core.connecting.finish(id, 'b1')));
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['authorized']));
    expect(exchanges).toEqual(['c1']);
  });

  test('forgets the secrets and the code', async () => {
    const core = createTestCore();
    const id = await returned(core);
    await core.connecting.finish(id, 'b1');
    expect(await stores.attempts.find(id)).toMatchObject({ response: null, secrets: null });
  });

  test('of an attempt that is not back yet uses nothing up', async () => {
    const core = createTestCore();
    await core.connecting.start(who);
    const [{ id } = { id: '' }] = await stores.attempts.listLatest(1);
    await expect(core.connecting.finish(id, 'b1')).rejects.toMatchObject({ code: 'attempt_unfinished' });
    expect(await core.connecting.receive(`s${started}`, code)).toBe(id);
    expect(await core.connecting.finish(id, 'b1')).toMatchObject({ kind: 'authorized', userId: 'u1' });
  });
});

describe('a disconnect', () => {
  test('while a reconnect is under way is the later word; what the reconnect brought is revoked', async () => {
    const core = createTestCore();
    await core.connecting.finish(await returned(core), 'b1');
    const id = await returned(core);
    clock.advance(5);
    expect(await core.disconnecting.disconnect('u1')).toBe(true);
    await expect(core.connecting.finish(id, 'b1')).rejects.toMatchObject({ code: 'not_connected' });
    expect((await stores.connections.findByUser('u1'))?.status).toBe('disconnected');
    await core.work.settled();
    await core.housekeeping.run();
    expect(revoked).toEqual(['r1', 'r2']);
  });

  test('is told to the provider in the background, and in the timeline', async () => {
    const core = createTestCore();
    await core.connecting.finish(await returned(core), 'b1');
    const id = (await stores.connections.findByUser('u1'))?.id ?? '';
    await core.disconnecting.disconnect('u1');
    await core.work.settled();
    expect(revoked).toEqual(['r1']);
    expect((await stores.events.listLatest(id, 1))[0]?.type).toBe('disconnected');
  });

  test('that the provider does not confirm is told again after one minute, then two, then four', async () => {
    const core = createTestCore();
    await core.connecting.finish(await returned(core), 'b1');
    refusing = true;
    await core.disconnecting.disconnect('u1');
    await core.work.settled();
    const told: number[] = [];
    for (let minute = 1; minute <= 8; minute += 1) {
      clock.advance(60);
      const before = revoked.length;
      await core.housekeeping.run();
      if (revoked.length > before) told.push(minute);
    }
    expect(told).toEqual([1, 3, 7]);
  });

  test('of many at once sends each token once', async () => {
    const core = createTestCore();
    await core.connecting.finish(await returned(core), 'b1');
    await core.disconnecting.disconnect('u1');
    await Promise.all(Array.from({ length: 5 }, () => core.housekeeping.run()));
    expect(revoked).toEqual(['r1']);
  });
});

test('work that nobody waits for any more is waited for before the end', async () => {
  const core = createTestCore();
  const id = await returned(core);
  const finishing = core.connecting.finish(id, 'b1');
  while (exchanges.length === 0) await clock.sleep(1);
  await core.work.settled();
  expect((await stores.attempts.find(id))?.result).not.toBeNull();
  await finishing;
});

test('a visit two minutes after the finish is a repeat', async () => {
  const core = createTestCore();
  const id = await returned(core);
  expect(await core.connecting.finish(id, 'b1')).toMatchObject({ isRepeat: false });
  clock.advance(60);
  expect(await core.connecting.finish(id, 'b1')).toMatchObject({ isRepeat: false });
  clock.advance(61);
  expect(await core.connecting.finish(id, 'b1')).toMatchObject({ isRepeat: true });
});

test('housekeeping deletes attempts after two days and events after 400', async () => {
  const core = createTestCore();
  const id = await returned(core);
  await core.connecting.finish(id, 'b1');
  clock.advance(2 * 86_400 - 1);
  expect(await core.housekeeping.run()).toMatchObject({ deletedAttempts: 0, deletedEvents: 0 });
  clock.advance(2);
  expect(await core.housekeeping.run()).toMatchObject({ deletedAttempts: 1, deletedEvents: 0 });
  clock.advance(399 * 86_400);
  expect(await core.housekeeping.run()).toMatchObject({ deletedEvents: 1 });
});
