import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { createQuota, type Quota } from '../../src/core/quota.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';

const limits = { calls: 3, windowMilliseconds: 60_000, longestWaitMilliseconds: 15_000 };
const nobodyLeaves = new AbortController().signal;

let clock: FixedClock;
let quota: Quota;
beforeEach(() => {
  clock = createFixedClock();
  quota = createQuota(clock, limits);
});

const exhausted = (seconds: number) => ({ code: 'dinero_quota_exhausted', retryAfterSeconds: seconds });
const take = (line = 'a', signal = nobodyLeaves) => quota.take(line, signal);

async function takeAll(count: number, line = 'a'): Promise<void> {
  for (let calls = 0; calls < count; calls += 1) expect(await take(line)).toBe(0);
}

/** Notes who went, in order, and for how long each one waited. */
function watch(calls: Record<string, Promise<number>>) {
  const went: [string, number | object][] = [];
  for (const [name, call] of Object.entries(calls)) {
    call.then(
      (waited) => went.push([name, waited]),
      (error) => went.push([name, error]),
    );
  }
  return went;
}

async function advance(seconds: number): Promise<void> {
  clock.advance(seconds);
  await nextTurn();
}

test('calls within the limit begin at once; each line has its own', async () => {
  await takeAll(3);
  await takeAll(3, 'b');
});

test('a call that would wait too long is told at once after how many seconds there is a place', async () => {
  await take();
  clock.advance(20);
  await takeAll(2);
  clock.advance(20.5);
  await expect(take()).rejects.toMatchObject(exhausted(20));
  clock.advance(4);
  await expect(take()).rejects.toMatchObject(exhausted(16));
});

test('a call waits its turn for the place that becomes free, first come, first served', async () => {
  await take();
  clock.advance(5);
  await takeAll(2);
  clock.advance(45);
  const went = watch({ first: take(), second: take(), third: take() });
  await advance(9.9);
  expect(went).toEqual([]);
  await advance(0.1);
  expect(went).toEqual([['first', 10_000]]);
  // The place is for the ones who wait, not for whoever comes at the right moment.
  await expect(take()).rejects.toMatchObject(exhausted(60));
  await advance(5);
  expect(went).toEqual([
    ['first', 10_000],
    ['second', 15_000],
    ['third', 15_000],
  ]);
});

test('who comes in the moment in which places become free is behind the ones who wait for them', async () => {
  await takeAll(3);
  clock.advance(50);
  const went: string[] = [];
  const first = take().then(() => went.push('first'));
  clock.advance(10);
  const late = take().then(() => went.push('late'));
  await Promise.all([first, late]);
  expect(went).toEqual(['first', 'late']);
});

test('no sixty seconds ever see more calls than the limit', async () => {
  const began: number[] = [];
  const start = clock.monotonic();
  for (let second = 0; second < 298; second += 2) {
    take().then(
      () => began.push(clock.monotonic() - start),
      () => {},
    );
    await nextTurn();
    await advance(2);
  }
  expect(began.length).toBe(15);
  for (const from of began) {
    expect(began.filter((at) => at >= from && at < from + 60_000).length).toBeLessThanOrEqual(3);
  }
});

test('no queue is longer than the limit: whoever is behind would wait for a second minute', async () => {
  await takeAll(3);
  clock.advance(50);
  const went = watch(Object.fromEntries(['a', 'b', 'c'].map((name) => [name, take()])));
  await expect(take()).rejects.toMatchObject(exhausted(70));
  await advance(10);
  expect(went.map(([name]) => name)).toEqual(['a', 'b', 'c']);
});

describe('a caller who hangs up', () => {
  test('leaves the queue, and the ones behind move up', async () => {
    await take();
    clock.advance(10);
    await takeAll(2);
    clock.advance(48);
    const caller = new AbortController();
    const went = watch({ leaving: take('a', caller.signal), behind: take() });
    caller.abort();
    await nextTurn();
    await advance(2);
    expect(went).toEqual([
      ['leaving', caller.signal.reason],
      ['behind', 2_000],
    ]);
  });

  test('as the last one leaves nothing behind that waits', async () => {
    await takeAll(3);
    clock.advance(50);
    const { sleep } = clock;
    const signals: (AbortSignal | undefined)[] = [];
    clock.sleep = (milliseconds, signal) => {
      signals.push(signal);
      return sleep(milliseconds, signal);
    };
    const callers = [new AbortController(), new AbortController()];
    watch(Object.fromEntries(callers.map(({ signal }, index) => [index, take('a', signal)])));
    callers[0]?.abort();
    expect(signals.map((signal) => signal?.aborted)).toEqual([false]);
    callers[1]?.abort();
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  });

  test('before it is its turn to ask takes no place', async () => {
    await expect(take('a', AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    await takeAll(3);
  });
});

describe('a rest', () => {
  test('holds every call of the line back, and no other line’s', async () => {
    quota.rest('a', 12);
    await takeAll(1, 'b');
    const went = watch({ waiting: take() });
    await advance(11.9);
    expect(went).toEqual([]);
    await advance(0.1);
    expect(went).toEqual([['waiting', 12_000]]);
    await takeAll(2);
  });

  test('refuses at once who would now wait too long, and keeps the others', async () => {
    await takeAll(3);
    clock.advance(50);
    const went = watch({ early: take() });
    clock.advance(5);
    const later = watch({ later: take() });
    quota.rest('a', 12);
    await nextTurn();
    expect(went).toEqual([['early', expect.objectContaining(exhausted(12))]]);
    await advance(12);
    expect(later).toEqual([['later', 12_000]]);
    await takeAll(2);
  });

  test('says how long it lasts, and is not cut short by a shorter one', async () => {
    quota.rest('a', 300);
    quota.rest('a', 1);
    clock.advance(100);
    await expect(take()).rejects.toMatchObject(exhausted(200));
    clock.advance(200);
    await takeAll(1);
  });
});

test('lines that nobody uses are forgotten, and the ones in use are not', async () => {
  for (let line = 0; line < 10_000; line += 1) await take(String(line));
  quota.rest('resting', 100);
  expect(quota.lines()).toBe(10_001);
  clock.advance(60);
  await take('new');
  expect(quota.lines()).toBe(2);
  await expect(take('resting')).rejects.toMatchObject(exhausted(40));
});
