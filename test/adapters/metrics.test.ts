import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Counts } from '../../src/adapters/counts.ts';
import { createMetrics, type Metrics } from '../../src/adapters/metrics.ts';
import { createObserving } from '../../src/adapters/observing.ts';
import { ConnectError, errorCodes } from '../../src/core/errors.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { parseMetrics, sumOf } from '../support/prometheus.ts';

const counts: Counts = {
  connections: { pending: 1, connected: 7, needs_reconnect: 2, disconnected: 0 },
  due: 3,
  ending: 4,
  failing: 5,
  webhooksWaiting: 6,
  oldestWebhookAt: new Date('2026-11-20T09:59:00.000Z'),
};
const databaseGauges = ['connections', 'connections_due', 'connections_at_risk', 'webhooks_waiting'].concat(
  'webhooks_oldest_age_seconds',
);

let clock: FixedClock;
let metrics: Metrics;
let readings: number;
let read: () => Promise<Counts>;
let check: () => Promise<void>;
let observe: ReturnType<typeof createObserving>['observe'];

beforeEach(() => {
  clock = createFixedClock(new Date('2026-11-20T10:00:00.000Z'));
  metrics = createMetrics('1.2.3');
  readings = 0;
  read = async () => counts;
  check = async () => {};
  const checks = [
    { name: 'database', check: () => check() },
    { name: 'migrations', check: async () => {} },
  ];
  const readCounts = () => {
    readings += 1;
    return read();
  };
  ({ observe } = createObserving(clock, { checks, readCounts }));
});

async function scrape() {
  const parsed = parseMetrics(await metrics.render(await observe(), clock.now()));
  return (name: string, labels: Record<string, string> = {}) => sumOf(parsed, `dinero_connect_${name}`, labels);
}

describe('what the database holds', () => {
  test('is told as it was counted, and an age grows', async () => {
    const value = await scrape();
    expect(value('connections', { status: 'connected' })).toBe(7);
    expect(value('connections_due')).toBe(3);
    expect(value('connections_at_risk', { cause: 'ending' })).toBe(4);
    expect(value('connections_at_risk', { cause: 'failing' })).toBe(5);
    expect(value('webhooks_waiting')).toBe(6);
    expect(value('webhooks_oldest_age_seconds')).toBe(60);
    clock.advance(4);
    expect((await scrape())('webhooks_oldest_age_seconds')).toBe(64);
  });

  test('is absent while the database is down, all else is there, and it comes back', async () => {
    await scrape();
    read = () => Promise.reject(new ConnectError('database_unavailable', 'down'));
    check = read as () => Promise<never>;
    clock.advance(61);
    const down = await scrape();
    for (const name of databaseGauges) expect({ name, value: down(name) }).toEqual({ name, value: null });
    expect(down('ready', { check: 'database' })).toBe(0);
    expect(down('ready', { check: 'migrations' })).toBe(1);
    expect(down('build_info', { version: '1.2.3' })).toBe(1);
    read = async () => counts;
    check = async () => {};
    clock.advance(6);
    const back = await scrape();
    expect(back('connections', { status: 'connected' })).toBe(7);
    expect(back('ready', { check: 'database' })).toBe(1);
  });

  test('is absent when it takes longer than three seconds, and so is no answer', async () => {
    read = () => new Promise(() => {});
    check = () => new Promise(() => {});
    const reading = scrape();
    clock.advance(2.9);
    clock.advance(0.2);
    const value = await reading;
    expect(value('connections')).toBeNull();
    expect(value('ready', { check: 'database' })).toBe(0);
    expect(value('ready', { check: 'migrations' })).toBe(1);
  });

  test('is counted once for all who ask within five seconds', async () => {
    await Promise.all([scrape(), scrape()]);
    clock.advance(4.9);
    await scrape();
    expect(readings).toBe(1);
    clock.advance(0.2);
    await scrape();
    expect(readings).toBe(2);
  });

  test('is counted for a hundredth of the time at most, and is a minute old at most', async () => {
    const takes = (seconds: number) => async () => {
      clock.advance(seconds);
      return counts;
    };
    read = takes(0.2);
    await scrape();
    clock.advance(19);
    await scrape();
    expect(readings).toBe(1);
    clock.advance(6);
    read = takes(2);
    await scrape();
    expect(readings).toBe(2);
    clock.advance(59);
    await scrape();
    expect(readings).toBe(2);
    clock.advance(6);
    await scrape();
    expect(readings).toBe(3);
  });
});

test('every outcome that there is has its series from the start, so that the first of them is an increase', async () => {
  const value = await scrape();
  for (const code of errorCodes) {
    expect(value('onboarding_steps_total', { outcome: 'failed', code })).toBe(0);
    expect(value('token_handouts_total', { outcome: 'failed', code })).toBe(0);
  }
  expect(value('refreshes_total', { outcome: 'client_rejected' })).toBe(0);
  expect(value('webhook_deliveries_total', { outcome: 'given_up' })).toBe(0);
  expect(value('unreadable_grants_total')).toBe(0);
});

test('a hand-out that met a bug has a code of its own, a call its target and its seconds', async () => {
  metrics.handOut('failed', null);
  metrics.call('proof', '5xx', 1_500);
  metrics.unreadableGrant();
  const value = await scrape();
  expect(value('token_handouts_total', { code: 'internal' })).toBe(1);
  expect(value('outbound_request_duration_seconds_sum', { target: 'dinero', call: 'proof', outcome: '5xx' })).toBe(1.5);
  expect(value('outbound_request_duration_seconds_bucket', { call: 'proof', le: '1' })).toBe(0);
  expect(value('outbound_request_duration_seconds_bucket', { call: 'proof', le: '2.5' })).toBe(1);
  expect(value('unreadable_grants_total')).toBe(1);
});
