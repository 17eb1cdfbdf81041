import { beforeEach, expect, test } from '@jest/globals';
import { createAttempts } from '../../src/core/attempts.ts';
import type { AttemptResult } from '../../src/core/types.ts';
import { createFixedClock } from '../support/clock.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';

const start = new Date('2026-11-20T10:00:00.000Z');
const at = (seconds: number) => new Date(start.getTime() + seconds * 1000);

let stores: Stores;
beforeEach(() => {
  stores = createMemoryStores();
});

let started = 0;
async function leave(seconds: number, end?: { back?: number; result?: AttemptResult }): Promise<void> {
  started += 1;
  const id = `a${String(started).padStart(4, '0')}`;
  await stores.attempts.insert({
    id,
    stateHash: id,
    secrets: { nonce: 'n', codeVerifier: 'v' },
    linkId: null,
    browserId: 'b1',
    userId: 'a-user-of-the-integrator',
    startedAt: at(seconds),
    expiresAt: at(seconds + 3600),
    returnedAt: null,
    response: null,
    claimedAt: null,
    result: null,
  });
  if (end?.back !== undefined) await stores.attempts.markReturned(id, { kind: 'error', error: 'x' }, 'h', at(end.back));
  if (end?.result) await stores.attempts.finish(id, end.result, null);
}

async function listAt(seconds: number) {
  const clock = createFixedClock(at(seconds));
  return createAttempts({ attempts: stores.attempts, clock }).listLatest();
}

test('an attempt that has just left is with a person who signs in', async () => {
  await leave(0);
  expect(await listAt(119)).toEqual([
    { startedAt: start, ageSeconds: 119, outcome: 'away', code: null, absence: 'signing_in' },
  ]);
});

test('one that is away for longer, and no other came back, is most likely stranded', async () => {
  await leave(0);
  expect(await listAt(120)).toMatchObject([{ outcome: 'away', absence: 'stranded' }]);
  expect(await listAt(3599)).toMatchObject([{ outcome: 'away', absence: 'stranded' }]);
  expect(await listAt(3600)).toMatchObject([{ outcome: 'lost', absence: 'stranded' }]);
});

test('after others came back, whoever is away gave up; before they did, it is over', async () => {
  await leave(0);
  await leave(200, { back: 230, result: { kind: 'failed', code: 'access_denied' } });
  await leave(300);
  expect(await listAt(900)).toMatchObject([
    { ageSeconds: 600, outcome: 'away', absence: 'gave_up' },
    { ageSeconds: 700, outcome: 'failed', code: 'access_denied', absence: null },
    { ageSeconds: 900, outcome: 'away', absence: 'passed' },
  ]);
});

test('one that is back is told by its result, without whose it was', async () => {
  const results: AttemptResult[] = [
    { kind: 'connected', userId: 'a-user-of-the-integrator' },
    { kind: 'authorized', userId: 'a-user-of-the-integrator' },
    { kind: 'kept', userId: 'a-user-of-the-integrator' },
    { kind: 'undecided', userId: 'a-user-of-the-integrator', objection: 'other_person' },
  ];
  for (const [index, result] of results.entries()) await leave(index, { back: 10, result });
  await leave(5, { back: 10 });
  const listed = await listAt(60);
  expect(listed.map(({ outcome }) => outcome)).toEqual(['returned', 'undecided', 'kept', 'authorized', 'connected']);
  expect(JSON.stringify(listed)).not.toContain('a-user-of-the-integrator');
});

test('the last twenty are listed, and a clock that was set back makes no age below nothing', async () => {
  for (let second = 0; second < 25; second += 1) await leave(second);
  const listed = await listAt(-10);
  expect(listed).toHaveLength(20);
  expect(listed[0]).toMatchObject({ startedAt: at(24), ageSeconds: 0 });
});
