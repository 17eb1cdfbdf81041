// Delivers the outbox: at least once, in order for each user, over three days, from any number of processes at once.

import { takeOneByOne } from './batches.ts';
import { isConnectError } from './errors.ts';
import type { WebhookStore } from './outbox.ts';
import type { Clock, DeploymentGuard, WebhookOutcome, WebhookReceiver } from './ports.ts';
import type { RunningWork } from './running-work.ts';
import type { WaitingWebhook } from './webhook-messages.ts';
import { createWebhookPausing } from './webhook-pausing.ts';

export type Webhooks = ReturnType<typeof createWebhooks>;

/** How one try ended. `given_up`: it was the last one. `failure` is null when it was delivered. */
export type WebhookReport = {
  messageId: string;
  outcome: 'delivered' | 'failed' | 'given_up';
  failure: string | null;
  tries: number;
};

const concurrency = 8;
const batchSize = 100;
/** A try takes 15 seconds at most; what a dead process had taken is sent again after this. */
export const webhookLeaseMilliseconds = 30_000;
/** Before each next try: three days in all. */
const retrySeconds = [5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
const longestRetryAfterSeconds = 6 * 3_600;
/** What could not be noted is sent again: worth more patience than the database has, within the lease. */
const noteTries = 4;
const notePauseMilliseconds = 500;

export function createWebhooks(
  ports: {
    clock: Clock;
    webhooks: WebhookStore;
    webhookReceiver: WebhookReceiver | null;
    deployment: DeploymentGuard;
  },
  work: RunningWork,
) {
  const { clock, webhooks, webhookReceiver: receiver, deployment } = ports;
  const pausing = createWebhookPausing(clock);
  let senders = 0;

  /**
   * Sends what is due until nothing is, the receiver is to be left alone, or `signal` is aborted; what was on its way
   * then comes to its end. A call while another one is under way sends with what that one leaves of the places. Safe in
   * any number of processes. Tells `watch` of every try. Throws database_unavailable.
   */
  async function deliver(watch: (report: WebhookReport) => void, signal?: AbortSignal): Promise<void> {
    // In a copy of a database these messages are the other deployment's, which delivers them.
    if (receiver === null || senders >= concurrency || !(await deployment.isOurs())) return;
    const next = takeOneByOne(() => webhooks.listDue(clock.now(), batchSize));
    const sending = Array.from({ length: Math.max(concurrency - senders, 0) }, () =>
      work.track(sendAll({ receiver, next, watch, signal })),
    );
    const failed = (await Promise.allSettled(sending)).find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async function sendAll(pass: Pass): Promise<void> {
    senders += 1;
    try {
      while (!pass.signal?.aborted) {
        const permission = pausing.ask();
        if (permission === 'no') return;
        try {
          const message = await pass.next();
          if (message === null) return;
          await sendOnce(message, pass);
        } finally {
          if (permission === 'probe') pausing.endProbe();
        }
      }
    } finally {
      senders -= 1;
    }
  }

  async function sendOnce(message: WaitingWebhook, { receiver, watch }: Pass): Promise<void> {
    const until = new Date(clock.now().getTime() + webhookLeaseMilliseconds);
    if (!(await webhooks.claim(message, until))) return;
    const { id: messageId, content } = message;
    const outcome = await receiver.send({ id: messageId, content }, clock.now());
    const tries = message.tries + 1;
    if (outcome.kind === 'delivered') {
      pausing.noteDelivery();
      await note(() => webhooks.markDelivered(message, clock.now()));
      watch({ messageId, outcome: 'delivered', failure: null, tries });
      return;
    }
    pausing.noteTrouble(outcome.retryAfterSeconds);
    const { failure } = outcome;
    const again = nextTry(tries, outcome, clock.now());
    const claimed = { ...message, dueAt: until };
    const noted = await note(() =>
      again ? webhooks.postpone(claimed, failure, again) : webhooks.giveUp(claimed, failure, clock.now()),
    );
    if (noted) watch({ messageId, outcome: again ? 'failed' : 'given_up', failure, tries });
  }

  async function note(write: () => Promise<boolean>): Promise<boolean> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await write();
      } catch (error) {
        if (!isConnectError(error, 'database_unavailable') || tries === noteTries) throw error;
        await clock.sleep(notePauseMilliseconds);
      }
    }
  }

  return { deliver };
}

type Pass = {
  receiver: WebhookReceiver;
  next: () => Promise<WaitingWebhook | null>;
  watch: (report: WebhookReport) => void;
  signal: AbortSignal | undefined;
};

/** When to try again after that many tries; null when three days are over. */
function nextTry(tries: number, { retryAfterSeconds }: WebhookOutcome & { kind: 'failed' }, now: Date): Date | null {
  const usual = retrySeconds[tries - 1];
  if (usual === undefined) return null;
  const jittered = usual * (0.9 + Math.random() / 5);
  const asked = Math.min(retryAfterSeconds ?? 0, longestRetryAfterSeconds);
  return new Date(now.getTime() + Math.max(jittered, asked) * 1000);
}
