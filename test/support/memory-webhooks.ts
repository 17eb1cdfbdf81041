// The outbox in memory; it passes the same contract suite as the SQL one.

import type { WebhookStore } from '../../src/core/outbox.ts';
import type { Connection, EventDraft } from '../../src/core/types.ts';
import { type QueuedWebhook, stateOf, type WaitingWebhook, writeWebhook } from '../../src/core/webhook-messages.ts';

/** The outbox, and what the connections of the same memory queue in it. */
export function createMemoryWebhooks() {
  const messages: QueuedWebhook[] = [];
  const find = (id: string) => messages.find((message) => message.id === id);
  const waiting = (userId: string) => messages.filter((one) => one.userId === userId && one.dueAt !== null);
  const isFirst = ({ userId, position }: QueuedWebhook) => waiting(userId)[0]?.position === position;
  const behind = ({ userId, position }: QueuedWebhook) => waiting(userId).filter((one) => one.position > position);
  const isDueAt = (message: QueuedWebhook | undefined, dueAt: Date) => message?.dueAt?.getTime() === dueAt.getTime();

  function move(asked: WaitingWebhook, to: Date, change: Partial<QueuedWebhook>): boolean {
    const message = find(asked.id);
    if (!message || !isDueAt(message, asked.dueAt) || !isFirst(message)) return false;
    Object.assign(message, { ...change, dueAt: to });
    for (const one of behind(message)) if (one.dueAt && one.dueAt < to) one.dueAt = to;
    return true;
  }

  function end(message: QueuedWebhook | undefined, change: Partial<QueuedWebhook>, now: Date): boolean {
    if (!message?.dueAt) return false;
    Object.assign(message, { ...change, dueAt: null, tries: message.tries + 1 });
    const [next] = behind(message);
    if (next) next.dueAt = now;
    return true;
  }

  function queue(connection: Connection, event: EventDraft, at: Date): void {
    const message = writeWebhook(connection, event, at);
    if (!message) return;
    const last = waiting(connection.userId).at(-1)?.dueAt;
    messages.push({
      ...message,
      position: (messages.at(-1)?.position ?? 0) + 1,
      userId: connection.userId,
      createdAt: at,
      dueAt: last && last > at ? last : at,
      tries: 0,
      deliveredAt: null,
      failure: null,
    });
  }

  const store: WebhookStore = {
    listDue: async (now, limit) =>
      messages
        .filter((one): one is WaitingWebhook => one.dueAt !== null && one.dueAt <= now && isFirst(one))
        .sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime() || a.position - b.position)
        .slice(0, limit)
        .map((message) => structuredClone(message)),
    claim: async (message, until) => move(message, until, {}),
    markDelivered: async ({ id }, now) => end(find(id), { deliveredAt: now, failure: null }, now),
    postpone: async (message, failure, until) => move(message, until, { failure, tries: message.tries + 1 }),
    giveUp: async ({ id, dueAt }, failure, now) => isDueAt(find(id), dueAt) && end(find(id), { failure }, now),
    find: async (id) => structuredClone(find(id) ?? null),
    list: async ({ state, since, after }, limit) =>
      structuredClone(
        messages
          .filter((one) => one.position > after && (state === null || stateOf(one) === state))
          .filter(({ createdAt }) => since === null || createdAt >= since)
          .slice(0, limit),
      ),
    async replay(ids, now, soon) {
      const again = messages.filter(({ id, dueAt }) => ids.includes(id) && (dueAt === null || dueAt > soon));
      for (const message of again) Object.assign(message, { dueAt: now, tries: 0, deliveredAt: null, failure: null });
      return again.length;
    },
    async deleteOld({ delivered, undelivered }) {
      const old = messages.filter(({ deliveredAt, createdAt }) =>
        deliveredAt ? deliveredAt < delivered : createdAt < undelivered,
      );
      for (const message of old) messages.splice(messages.indexOf(message), 1);
      return old.length;
    },
  };
  return { store, queue };
}
