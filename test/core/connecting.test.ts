import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { createCore } from '../../src/core/index.ts';
import type { AccountingApi, IdentityProvider } from '../../src/core/ports.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';

let clock: FixedClock;
let stores: Stores;
let exchanges: string[];
beforeEach(() => {
  clock = createFixedClock(new Date('2026-11-20T10:00:00.000Z'));
  stores = createMemoryStores();
  exchanges = [];
});

const scopes = ['dineropublicapi:read', 'offline_access'];
const who = { browserId: 'b1', userId: 'u1', language: 'da', signInAgain: false } as const;
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
      refreshToken: 'r',
      scope: scopes,
      expiresAt: new Date(clock.now().getTime() + 3_600_000),
    };
    return { grant, identity: null };
  },
  refresh: () => Promise.reject(new Error('not asked for here')),
  revoke: async () => {},
};
const accountingApi: AccountingApi = { listOrganizations: async () => [], proveAccess: async () => {} };

function createTestCore(change: Partial<Stores> = {}) {
  return createCore(
    { clock, identityProvider, accountingApi, ...stores, ...change },
    { scopes, refreshTokenPolicy: { use: 're-use', lifetimeSeconds: 86_400 } },
  );
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
    expect(await stores.attempts.find(id)).toMatchObject({ response: null, secrets: { nonce: '', codeVerifier: '' } });
  });

  test('of an attempt that is not back yet uses nothing up', async () => {
    const core = createTestCore();
    await core.connecting.start(who);
    const stateHash = createHash('sha256').update(`s${started}`).digest('base64url');
    const id = (await stores.attempts.findByStateHash(stateHash))?.id ?? '';
    await expect(core.connecting.finish(id, 'b1')).rejects.toMatchObject({ code: 'attempt_unfinished' });
    expect(await core.connecting.receive(`s${started}`, code)).toBe(id);
    expect(await core.connecting.finish(id, 'b1')).toEqual({ kind: 'authorized', userId: 'u1' });
  });
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
