// What an operator looks at, over the other stores in memory; it passes the same contract suite as the SQL one.

import type { OnboardingCount, OnboardingStore } from '../../src/core/onboarding-counts.ts';
import type { WebhookStore } from '../../src/core/outbox.ts';
import type { FailingRefresh, OverseenUser, OversightStore } from '../../src/core/oversight.ts';
import type { ConnectionStore, EventStore } from '../../src/core/stores.ts';
import type { Connection } from '../../src/core/types.ts';
import { stateOf } from '../../src/core/webhook-messages.ts';

export function createMemoryOnboarding(): OnboardingStore {
  const counts = new Map<string, OnboardingCount>();
  return {
    async add(added) {
      for (const one of added) {
        const kind = JSON.stringify([one.day, one.step, one.outcome, one.code]);
        counts.set(kind, { ...one, total: (counts.get(kind)?.total ?? 0) + one.total });
      }
    },
    listFrom: async (day) =>
      [...counts.entries()]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, one]) => ({ ...one }))
        .filter((one) => one.day >= day),
    async deleteBefore(day) {
      const old = [...counts.entries()].filter(([, one]) => one.day < day);
      for (const [kind] of old) counts.delete(kind);
      return old.length;
    },
  };
}

export function createMemoryOversight(stores: {
  connections: ConnectionStore;
  events: EventStore;
  webhooks: WebhookStore;
}): OversightStore {
  const { connections, events, webhooks } = stores;
  const everybody = { status: null, after: null, limit: Number.MAX_SAFE_INTEGER };
  const allWebhooks = () => webhooks.list({ state: null, since: null, after: 0 }, Number.MAX_SAFE_INTEGER);

  async function listAll(): Promise<{ connection: Connection; user: OverseenUser }[]> {
    const listed = await connections.list(everybody);
    return Promise.all(
      listed.map(async (one) => {
        const connection = (await connections.findByUser(one.userId)) as Connection;
        const { nextAttemptAt } = connection.refreshState;
        return { connection, user: { ...one, connectionId: connection.id, nextAttemptAt } };
      }),
    );
  }

  const listFailingConnections = async () =>
    (await listAll()).filter(({ connection }) => connection.refreshState.failures > 0);
  const isOver = ({ grant }: Connection, now: Date) => grant === null || grant.expiresAt <= now;

  async function toFailing({ id, userId, grant, refreshState }: Connection): Promise<FailingRefresh> {
    const timeline = await events.listLatest(id, Number.MAX_SAFE_INTEGER);
    const begun = timeline.find(({ type }) => type === 'refresh_delayed' || type === 'client_rejected');
    return {
      connectionId: id,
      userId,
      failures: refreshState.failures,
      since: begun?.at ?? null,
      cause: (begun?.type ?? null) as FailingRefresh['cause'],
      nextAttemptAt: refreshState.nextAttemptAt,
      accessExpiresAt: grant?.expiresAt ?? null,
    };
  }

  return {
    async countStatuses() {
      const totals = { pending: 0, connected: 0, needs_reconnect: 0, disconnected: 0 };
      for (const { user } of await listAll()) totals[user.status] += 1;
      return totals;
    },
    async countEnds(from, before) {
      const ends = (await listAll())
        .map(({ user }) => user)
        .filter(({ status }) => ['pending', 'connected'].includes(status));
      return ends.filter(({ refreshExpiresAt: end }) => end !== null && end >= from && end < before).length;
    },
    async countFailing(now) {
      const failing = await listFailingConnections();
      return {
        total: failing.length,
        withoutAccess: failing.filter(({ connection }) => isOver(connection, now)).length,
      };
    },
    async listFailing(limit) {
      const failing = (await listFailingConnections()).map(({ connection }) => connection);
      const worst = failing.sort((a, b) => b.refreshState.failures - a.refreshState.failures).slice(0, limit);
      return Promise.all(worst.map(toFailing));
    },
    async countWebhooks() {
      const all = await allWebhooks();
      const waiting = all.filter((one) => stateOf(one) === 'waiting');
      return {
        waiting: waiting.length,
        failing: waiting.filter(({ tries }) => tries > 0).length,
        givenUp: all.filter((one) => stateOf(one) === 'failed').length,
        oldest: waiting.map(({ createdAt }) => createdAt).sort((a, b) => a.getTime() - b.getTime())[0] ?? null,
      };
    },
    async search(text, { status, after, limit }) {
      const written = [text, text.charAt(0).toUpperCase() + text.slice(1), text.toUpperCase()];
      return (await listAll())
        .map(({ user }) => user)
        .filter((user) => (status === null || user.status === status) && (after === null || user.userId > after))
        .filter(
          ({ userId, organization }) =>
            userId.startsWith(text) ||
            organization?.id === text ||
            organization?.vatNumber === text ||
            written.some((name) => organization?.name.startsWith(name)),
        )
        .slice(0, limit);
    },
    find: async (connectionId) =>
      (await listAll()).find(({ connection }) => connection.id === connectionId)?.user ?? null,
    listWebhooks: async (userId, limit) =>
      (await allWebhooks())
        .filter((one) => one.userId === userId)
        .reverse()
        .slice(0, limit),
  };
}
