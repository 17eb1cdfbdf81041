import { beforeEach, describe, expect, test } from '@jest/globals';
import { ConnectError } from '../../src/core/errors.ts';
import type { WebhookOutcome, WebhookReceiver } from '../../src/core/ports.ts';
import type { WebhookReport } from '../../src/core/webhooks.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { createFakeCore } from '../support/fake-core.ts';
import { authorize, authorizedTerms, grantNumbered } from '../support/grants.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';

const day = 86_400;
const delivered: WebhookOutcome = { kind: 'delivered' };
const refused: WebhookOutcome = { kind: 'failed', failure: 'status 500', retryAfterSeconds: null };
const waits = (retryAfterSeconds: number): WebhookOutcome => ({
  kind: 'failed',
  failure: 'status 429',
  retryAfterSeconds,
});

type Sent = { user: string; organization: string; id: string };

let clock: FixedClock;
let stores: Stores;
let sent: Sent[];
let reports: WebhookReport[];
beforeEach(() => {
  clock = createFixedClock(new Date('2026-11-20T10:00:00.000Z'));
  stores = createMemoryStores({ announce: true });
  sent = [];
  reports = [];
});

/** A process whose receiver answers like this. */
function createProcess(
  answer: (message: Sent) => WebhookOutcome | Promise<WebhookOutcome>,
  options: { isOurs?: () => boolean } = {},
) {
  const webhookReceiver: WebhookReceiver = {
    async send({ id, content }) {
      const { data } = JSON.parse(content) as { data: { userId: string; organization: { id: string } } };
      const message = { user: data.userId, organization: data.organization.id, id };
      sent.push(message);
      return answer(message);
    },
  };
  const core = createFakeCore({ clock, ...stores, ...options, webhookReceiver });
  return {
    deliver: (signal?: AbortSignal) => core.webhooks.deliver((report) => reports.push(report), signal),
    housekeeping: core.housekeeping,
  };
}

/** As many messages for this user, each about another organization. */
async function queue(user: string, count = 1): Promise<void> {
  const now = clock.now();
  let connection = await authorize(stores, user, grantNumbered(1, now), authorizedTerms(now));
  for (let number = 1; number <= count; number += 1) {
    const organization = { id: String(number), name: 'RN', vatNumber: null };
    await stores.connections.chooseOrganization(connection, organization, now, { type: 'organization_chosen' });
    connection = (await stores.connections.findByUser(user)) ?? connection;
  }
}

async function queueForMany(users: number): Promise<void> {
  for (let number = 1; number <= users; number += 1) await queue(`u${number}`);
}

const list = (state: 'waiting' | 'delivered' | 'failed') =>
  stores.webhooks.list({ state, since: null, after: 0 }, 1_000);
const organizations = () => sent.map(({ organization }) => organization);

describe('delivering', () => {
  test('sends each message once, in order for each user, and tells of it', async () => {
    await queue('u1', 3);
    await queue('u2', 2);
    const { deliver } = createProcess(() => delivered);
    await deliver();
    await deliver();
    const of = (wanted: string) => sent.filter(({ user }) => user === wanted).map(({ organization }) => organization);
    expect(of('u1')).toEqual(['1', '2', '3']);
    expect(of('u2')).toEqual(['1', '2']);
    expect(await list('delivered')).toHaveLength(5);
    expect(reports).toHaveLength(5);
    expect(reports[0]).toEqual({ messageId: sent[0]?.id, outcome: 'delivered', failure: null, tries: 1 });
  });

  test('looks for a lone message once, and claims it once, although eight could send it', async () => {
    await queue('u1');
    const calls: string[] = [];
    const { listDue, claim } = stores.webhooks;
    stores.webhooks = {
      ...stores.webhooks,
      listDue: (...args) => {
        calls.push('list');
        return listDue(...args);
      },
      claim: (...args) => {
        calls.push('claim');
        return claim(...args);
      },
    };
    await createProcess(() => delivered).deliver();
    expect(sent).toHaveLength(1);
    // Behind it there may be another one of the same user.
    expect(calls).toEqual(['list', 'claim', 'list']);
  });

  test('sends eight at once and no more', async () => {
    await queueForMany(20);
    let running = 0;
    let most = 0;
    await createProcess(async () => {
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(10);
      running -= 1;
      return delivered;
    }).deliver();
    expect(most).toBe(8);
    expect(sent).toHaveLength(20);
  });

  test('sends what is queued while a slow one is under way, behind the same limit', async () => {
    await queue('slow');
    let answerSlow = (_: WebhookOutcome) => {};
    const slow = new Promise<WebhookOutcome>((resolve) => {
      answerSlow = resolve;
    });
    const { deliver } = createProcess(({ user }) => (user === 'slow' ? slow : delivered));
    const first = deliver();
    await clock.sleep(20);
    await queue('quick');
    await deliver();
    expect(sent.map(({ user }) => user)).toEqual(['slow', 'quick']);
    answerSlow(delivered);
    await first;
    expect(await list('delivered')).toHaveLength(2);
  });

  test('of two processes on one database sends each message from one of them', async () => {
    await queueForMany(30);
    const answer = async () => {
      await clock.sleep(5);
      return delivered;
    };
    await Promise.all([createProcess(answer).deliver(), createProcess(answer).deliver()]);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(30);
    expect(sent).toHaveLength(30);
  });

  test('sends again what a process had taken that died, half a minute later', async () => {
    await queue('u1');
    void createProcess(() => new Promise(() => {})).deliver();
    await clock.sleep(20);
    expect(sent).toHaveLength(1);
    const { deliver } = createProcess(() => delivered);
    clock.advance(29);
    await deliver();
    expect(sent).toHaveLength(1);
    clock.advance(2);
    await deliver();
    expect(sent.map(({ id }) => id)).toEqual([sent[0]?.id, sent[0]?.id]);
  });

  test('notes what it has sent although the database is locked for a moment, so that it is not sent again', async () => {
    await queue('u1');
    const { markDelivered } = stores.webhooks;
    let locked = 2;
    stores.webhooks.markDelivered = async (...args) => {
      locked -= 1;
      if (locked >= 0) throw new ConnectError('database_unavailable', 'database: SQLITE_BUSY');
      return markDelivered(...args);
    };
    const { deliver } = createProcess(() => delivered);
    await deliver();
    clock.advance(60);
    await deliver();
    expect(sent).toHaveLength(1);
    expect(await list('delivered')).toHaveLength(1);
  });

  test('sends nothing from a copy of the database', async () => {
    await queue('u1');
    await createProcess(() => delivered, { isOurs: () => false }).deliver();
    expect(sent).toEqual([]);
    expect(await list('waiting')).toHaveLength(1);
  });

  test('stops when it is asked to: what is on its way ends, and nothing more is sent', async () => {
    await queueForMany(30);
    const stop = new AbortController();
    const { deliver } = createProcess(async () => {
      stop.abort();
      await clock.sleep(10);
      return delivered;
    });
    await deliver(stop.signal);
    expect(sent.length).toBeLessThanOrEqual(8);
    expect(await list('delivered')).toHaveLength(sent.length);
    expect(await list('waiting')).toHaveLength(30 - sent.length);
  });
});

describe('a message that is not taken', () => {
  /** Lets time go by until the next try, and answers how many seconds that took. */
  async function nextTryAfter(deliver: () => Promise<void>): Promise<number> {
    const [message] = await list('waiting');
    const seconds = ((message?.dueAt?.getTime() ?? 0) - clock.now().getTime()) / 1000;
    clock.advance(seconds);
    const before = sent.length;
    // A receiver that takes nothing is paused, too.
    for (let pauses = 0; sent.length === before && pauses < 100; pauses += 1) {
      await deliver();
      if (sent.length === before) clock.advance(1);
    }
    return seconds;
  }

  test('is tried again with growing pauses for three days, is given up then, and the next one goes', async () => {
    await queue('u1', 2);
    const { deliver } = createProcess(({ organization }) => (organization === '1' ? refused : delivered));
    await deliver();
    const pauses: number[] = [];
    while (reports.at(-1)?.outcome === 'failed') pauses.push(await nextTryAfter(deliver));
    expect(pauses).toHaveLength(10);
    for (const [number, usual] of [5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].entries()) {
      expect(pauses[number]).toBeGreaterThanOrEqual(usual * 0.9);
      expect(pauses[number]).toBeLessThanOrEqual(usual * 1.1);
    }
    const total = pauses.reduce((sum, seconds) => sum + seconds, 0);
    expect(total).toBeGreaterThan(2.8 * day);
    expect(total).toBeLessThan(3.5 * day);
    await deliver();
    const [given] = await list('failed');
    expect(given).toMatchObject({ tries: 11, failure: 'status 500', deliveredAt: null });
    expect(reports.find(({ outcome }) => outcome === 'given_up')).toEqual({
      messageId: given?.id,
      outcome: 'given_up',
      failure: 'status 500',
      tries: 11,
    });
    // The receiver is left alone for a moment before the next one is sent.
    clock.advance(60);
    await deliver();
    expect(organizations().at(-1)).toBe('2');
    expect(await list('delivered')).toHaveLength(1);
  });

  test('holds back those of its user, and nobody else’s', async () => {
    await queue('u1', 2);
    await queue('u2', 2);
    await createProcess(({ user }) => (user === 'u1' ? refused : delivered)).deliver();
    expect(sent.filter(({ user }) => user === 'u1').map(({ organization }) => organization)).toEqual(['1']);
    expect((await list('delivered')).map(({ userId }) => userId)).toEqual(['u2', 'u2']);
  });

  test('is tried again when the receiver said, and after six hours at the latest', async () => {
    await queue('u1');
    const { deliver } = createProcess(() => waits(sent.length === 1 ? 120 : 10 * day));
    await deliver();
    expect((await list('waiting'))[0]?.dueAt).toEqual(new Date(clock.now().getTime() + 120_000));
    clock.advance(120);
    await deliver();
    expect((await list('waiting'))[0]?.dueAt).toEqual(new Date(clock.now().getTime() + 6 * 3_600_000));
  });

  test('once it was given up and is replayed, has all its tries before it', async () => {
    await queue('u1');
    let up = false;
    const { deliver } = createProcess(() => (up ? delivered : refused));
    await deliver();
    while (reports.at(-1)?.outcome === 'failed') await nextTryAfter(deliver);
    const [given] = await list('failed');
    await stores.webhooks.replay([given?.id ?? ''], clock.now(), clock.now());
    clock.advance(60);
    await deliver();
    expect(reports.at(-1)).toMatchObject({ outcome: 'failed', tries: 1 });
    up = true;
    clock.advance(120);
    await deliver();
    expect(await list('delivered')).toMatchObject([{ id: given?.id, failure: null }]);
  });
});

describe('a receiver that is down', () => {
  test('costs one try at a time with growing pauses, and the rest of the queue stays as it is', async () => {
    await queueForMany(100);
    const { deliver } = createProcess(() => refused);
    await deliver();
    const first = sent.length;
    expect(first).toBeGreaterThanOrEqual(5);
    expect(first).toBeLessThanOrEqual(13);
    clock.advance(4);
    await deliver();
    expect(sent).toHaveLength(first);
    const tries: number[] = [];
    for (let second = 4; second <= 244; second += 1) {
      const before = sent.length;
      await deliver();
      if (sent.length > before) tries.push(second);
      expect(sent.length - before).toBeLessThanOrEqual(1);
      clock.advance(1);
    }
    // 5, 10, 20, 40, then 60 seconds.
    expect(tries).toEqual([5, 15, 35, 75, 135, 195]);
    expect((await list('waiting')).filter((message) => message.tries === 0).length).toBeGreaterThan(80);
  });

  test('gets everything when it is back', async () => {
    await queueForMany(100);
    let up = false;
    const { deliver } = createProcess(() => (up ? delivered : refused));
    await deliver();
    up = true;
    clock.advance(60);
    await deliver();
    expect(await list('delivered')).toHaveLength(100);
  });

  test('that takes some messages is not paused for those that it refuses', async () => {
    await queueForMany(40);
    const { deliver } = createProcess(({ user }) => (Number(user.slice(1)) % 2 ? refused : delivered));
    await deliver();
    expect(sent).toHaveLength(40);
  });

  test('once more is asked again as soon as the first time', async () => {
    await queueForMany(8);
    let up = false;
    const { deliver } = createProcess(() => (up ? delivered : refused));
    for (let minutes = 0; minutes < 5; minutes += 1) {
      await deliver();
      clock.advance(60);
    }
    up = true;
    clock.advance(3_600);
    await deliver();
    up = false;
    for (let number = 0; number < 8; number += 1) await queue(`later-${number}`);
    await deliver();
    const before = sent.length;
    clock.advance(4);
    await deliver();
    expect(sent).toHaveLength(before);
    clock.advance(1);
    await deliver();
    expect(sent).toHaveLength(before + 1);
  });

  test('is asked by a probe that finds nothing to send, and is asked again later', async () => {
    await queueForMany(8);
    let up = false;
    const { deliver } = createProcess(() => (up ? delivered : refused));
    await deliver();
    const due = await stores.webhooks.listDue(new Date(clock.now().getTime() + 6_000), 100);
    for (const message of due)
      await stores.webhooks.postpone(message, 'status 500', new Date(clock.now().getTime() + 20_000));
    clock.advance(10);
    await deliver();
    expect(sent).toHaveLength(8);
    up = true;
    clock.advance(20);
    await deliver();
    expect(await list('delivered')).toHaveLength(8);
  });

  test('that asks for time is left alone for it, ten minutes at most', async () => {
    await queue('u1');
    const { deliver } = createProcess(() => waits(day));
    await deliver();
    await queue('u2');
    clock.advance(599);
    await deliver();
    expect(sent).toHaveLength(1);
    clock.advance(2);
    await deliver();
    expect(sent.map(({ user }) => user)).toEqual(['u1', 'u2']);
  });
});

test('housekeeping forgets what was delivered a month ago, and what was never delivered after three', async () => {
  await queue('u1');
  await createProcess(() => delivered).deliver();
  await queue('u2');
  const { housekeeping } = createProcess(() => delivered);
  clock.advance(29 * day);
  expect(await housekeeping.run()).toMatchObject({ deletedWebhooks: 0 });
  clock.advance(2 * day);
  expect(await housekeeping.run()).toMatchObject({ deletedWebhooks: 1 });
  expect(await list('waiting')).toHaveLength(1);
  clock.advance(60 * day);
  expect(await housekeeping.run()).toMatchObject({ deletedWebhooks: 1 });
});
