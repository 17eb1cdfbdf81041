import { beforeEach, expect, test } from '@jest/globals';
import { rememberRecentConnections } from '../../src/adapters/recent-connections.ts';
import type { ConnectionStore } from '../../src/core/stores.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { authorize, authorizedTerms, grantNumbered } from '../support/grants.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';

let clock: FixedClock;
let stores: Stores;
let remembering: ConnectionStore;
let reads: number;

beforeEach(async () => {
  clock = createFixedClock();
  stores = createMemoryStores();
  reads = 0;
  const { findByUser } = stores.connections;
  stores.connections.findByUser = (userId) => {
    reads += 1;
    return findByUser(userId);
  };
  remembering = rememberRecentConnections(stores.connections, clock);
  await authorize(stores, 'u1', grantNumbered(1, clock.now()), authorizedTerms(clock.now()));
  reads = 0;
});

const generation = async () => (await remembering.findRecent('u1'))?.generation;

test('what was read is answered again for a second, and then read anew', async () => {
  for (let asked = 0; asked < 5; asked += 1) expect(await generation()).toBe(1);
  expect(reads).toBe(1);
  await authorize(stores, 'u1', grantNumbered(2, clock.now()), authorizedTerms(clock.now()));
  expect(await generation()).toBe(1);
  clock.advance(1);
  expect(await generation()).toBe(2);
});

test('a user without a connection is looked up each time', async () => {
  expect(await remembering.findRecent('nobody')).toBeNull();
  expect(await remembering.findRecent('nobody')).toBeNull();
  expect(reads).toBe(2);
});

const now = () => clock.now();
const lease = () => ({ owner: 'o1', until: new Date(now().getTime() + 30_000) });
const rest = () => ({ state: { sentAt: null, failures: 1, nextAttemptAt: null }, dueAt: null, now: now() });
const writes: [string, (store: ConnectionStore) => Promise<unknown>][] = [
  ['a new grant', (store) => store.saveAuthorized('u1', grantNumbered(2, now()), authorizedTerms(now()))],
  ['an end', (store) => store.disconnect('u1', now())],
  ...(
    [
      ['a choice', (store, one) => store.chooseOrganization(one, { id: '1', name: 'x', vatNumber: null }, now(), null)],
      ['a refusal', (store, one) => store.markNeedsReconnect(one, 'grant_rejected', now())],
      ['a lease', (store, one) => store.takeLease(one, lease(), now())],
      ['a lease that is renewed', (store, one) => store.renewLease(one, lease())],
      ['a lease that is given back', (store, one) => store.releaseLease(one, 'o1', rest(), null)],
      ['a new date', (store, one) => store.reschedule(one, { dueAt: now(), warnedDays: null, now: now() }, null)],
      [
        'a refreshed grant',
        (store, one) =>
          store.saveRefreshed(one, grantNumbered(2, now()), {
            refreshExpiresAt: null,
            dueAt: null,
            state: { failures: 0, nextAttemptAt: null },
            now: now(),
            events: [],
          }),
      ],
    ] as [
      string,
      (
        store: ConnectionStore,
        one: NonNullable<Awaited<ReturnType<ConnectionStore['findByUser']>>>,
      ) => Promise<unknown>,
    ][]
  ).map(
    ([name, write]) =>
      [
        name,
        async (store: ConnectionStore) => {
          const one = await store.findByUser('u1');
          return one && write(store, one);
        },
      ] as [string, (store: ConnectionStore) => Promise<unknown>],
  ),
];

test.each(writes)('%s is seen at once', async (_name, write) => {
  await remembering.findRecent('u1');
  await write(remembering);
  reads = 0;
  expect(await remembering.findRecent('u1')).toEqual(await stores.connections.findByUser('u1'));
  expect(reads).toBe(2);
});

test('what was read beside a write is not remembered', async () => {
  const { findByUser } = stores.connections;
  let writing: Promise<unknown> | null = null;
  stores.connections.findByUser = async (userId) => {
    const before = await findByUser(userId);
    writing ??= remembering.disconnect('u1', now());
    await writing;
    return before;
  };
  expect((await remembering.findRecent('u1'))?.status).toBe('pending');
  expect((await remembering.findRecent('u1'))?.status).toBe('disconnected');
});
