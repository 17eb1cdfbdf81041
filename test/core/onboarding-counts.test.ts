import { beforeEach, describe, expect, test } from '@jest/globals';
import { ConnectError } from '../../src/core/errors.ts';
import {
  createOnboardingCounts,
  type OnboardingCount,
  type OnboardingStore,
} from '../../src/core/onboarding-counts.ts';
import { createRunningWork } from '../../src/core/running-work.ts';
import { createFixedClock } from '../support/clock.ts';
import { createMemoryOnboarding } from '../support/memory-oversight.ts';

const day = 86_400;
const quiet = { started: 0, returned: 0, authorized: 0, connected: 0, failures: [] };

let clock: ReturnType<typeof createFixedClock>;
let work: ReturnType<typeof createRunningWork>;
let stored: OnboardingStore;
let writes: OnboardingCount[][];
let broken: boolean;
let counts: ReturnType<typeof createOnboardingCounts>;

beforeEach(() => {
  clock = createFixedClock(new Date('2026-11-21T12:00:00.000Z'));
  work = createRunningWork();
  stored = createMemoryOnboarding();
  writes = [];
  broken = false;
  const onboarding: OnboardingStore = {
    ...stored,
    async add(added) {
      writes.push(added);
      if (broken) throw new ConnectError('database_unavailable', 'database: SQLITE_BUSY');
      await stored.add(added);
    },
  };
  counts = createOnboardingCounts({ clock, onboarding }, work);
});

test('steps of one moment become one write, which a stop waits for', async () => {
  counts.count({ step: 'started' });
  counts.count({ step: 'started' });
  counts.count({ step: 'finished', outcome: 'failed', code: 'access_denied' });
  expect(writes).toEqual([]);
  await work.settled();
  expect(writes).toHaveLength(1);
  expect(await counts.listDays(1)).toEqual([
    { ...quiet, day: '2026-11-21', started: 2, returned: 1, failures: [{ code: 'access_denied', total: 1 }] },
  ]);
});

test('what the database did not take is neither lost nor counted twice, and nobody hears of it', async () => {
  broken = true;
  counts.count({ step: 'started' });
  await work.settled();
  await expect(counts.flush()).rejects.toThrow('SQLITE_BUSY');
  broken = false;
  counts.count({ step: 'started' });
  await work.settled();
  await counts.flush();
  expect(await stored.listFrom('2026-11-21')).toMatchObject([{ step: 'started', total: 2 }]);
});

test('a step counts for the day on which it was taken, in UTC', async () => {
  clock = createFixedClock(new Date('2026-11-21T23:59:59.900Z'));
  counts = createOnboardingCounts({ clock, onboarding: stored }, work);
  counts.count({ step: 'started' });
  clock.advance(1);
  counts.count({ step: 'started' });
  await work.settled();
  expect((await counts.listDays(2)).map((one) => [one.day, one.started])).toEqual([
    ['2026-11-21', 1],
    ['2026-11-22', 1],
  ]);
});

describe('a day says', () => {
  test('how many got how far', async () => {
    for (let count = 0; count < 8; count += 1) counts.count({ step: 'started' });
    for (const outcome of ['connected', 'authorized', 'authorized', 'undecided'] as const) {
      counts.count({ step: 'finished', outcome, code: null });
    }
    counts.count({ step: 'connected' });
    counts.count({ step: 'finished', outcome: 'failed', code: 'attempt_expired' });
    counts.count({ step: 'connected' });
    await work.settled();
    expect(await counts.listDays(2)).toEqual([
      { ...quiet, day: '2026-11-20' },
      {
        day: '2026-11-21',
        started: 8,
        returned: 5,
        authorized: 4,
        connected: 2,
        failures: [{ code: 'attempt_expired', total: 1 }],
      },
    ]);
  });

  test('nothing any more after 400 days', async () => {
    counts.count({ step: 'started' });
    await work.settled();
    clock.advance(400 * day);
    expect(await counts.deleteOld()).toBe(0);
    clock.advance(day);
    expect(await counts.deleteOld()).toBe(1);
  });
});
