// What core asks of the place where messages to the integrator wait. One contract suite runs against every
// implementation.

import type { QueuedWebhook, WaitingWebhook, WebhookState } from './webhook-messages.ts';

/**
 * The outbox of what the integrator is told. Its messages are written by the ConnectionStore, with what they tell of. A
 * message waits until all earlier ones of its user were delivered or given up.
 */
export type WebhookStore = {
  /** Those that may be sent now: due, and the first of their user that waits. The longest due first. */
  listDue(now: Date, limit: number): Promise<WaitingWebhook[]>;
  /**
   * Takes the right to send it, until `until`. False when somebody else has it, or anything changed since `message` was
   * read.
   */
  claim(message: WaitingWebhook, until: Date): Promise<boolean>;
  /** It was delivered, by whomever; the next one of its user is due at once. False when it did not wait any more. */
  markDelivered(message: WaitingWebhook, now: Date): Promise<boolean>;
  /**
   * It failed once more and is due again at `until`. `message.dueAt` is the end of the claim: false when it is not that
   * one's any more.
   */
  postpone(message: WaitingWebhook, failure: string, until: Date): Promise<boolean>;
  /** As `postpone`, but for good; the next one of its user is due at once. */
  giveUp(message: WaitingWebhook, failure: string, now: Date): Promise<boolean>;
  find(id: string): Promise<QueuedWebhook | null>;
  /** In their order, from behind the position `after`. */
  list(filter: WebhookFilter, limit: number): Promise<QueuedWebhook[]>;
  /**
   * Makes these due at once, with all their tries before them. Answers how many; one that is being sent, or will be
   * before `soon`, is left alone.
   */
  replay(ids: string[], now: Date, soon: Date): Promise<number>;
  /** Deletes what was delivered before the one date, or made before the other and never delivered; answers how many. */
  deleteOld(before: { delivered: Date; undelivered: Date }): Promise<number>;
};

/** Null: all states, all times. `since` is when they were made. */
export type WebhookFilter = { state: WebhookState | null; since: Date | null; after: number };
