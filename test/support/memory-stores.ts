// In-memory stores that pass the same contract suite as the SQL ones.

import { randomUUID } from 'node:crypto';
import type { ImportedGrantStore } from '../../src/core/imported-grants.ts';
import type { OnboardingStore } from '../../src/core/onboarding-counts.ts';
import type { WebhookStore } from '../../src/core/outbox.ts';
import type { OversightStore } from '../../src/core/oversight.ts';
import type {
  ApiKeyStore,
  AttemptStore,
  ConnectionStore,
  DuePosition,
  EventStore,
  IdentityStore,
  LinkStore,
  RevocationStore,
} from '../../src/core/stores.ts';
import type { Attempt, Authorization, Connection, ConnectionEvent, EventDraft } from '../../src/core/types.ts';
import { createMemoryApiKeys, createMemoryImportedGrants, createMemoryLinks } from './memory-integrator-stores.ts';
import { createMemoryOnboarding, createMemoryOversight } from './memory-oversight.ts';
import { createMemoryWebhooks } from './memory-webhooks.ts';

export type Stores = {
  attempts: AttemptStore;
  connections: ConnectionStore;
  revocations: RevocationStore;
  identities: IdentityStore;
  events: EventStore;
  apiKeys: ApiKeyStore;
  links: LinkStore;
  importedGrants: ImportedGrantStore;
  webhooks: WebhookStore;
  onboarding: OnboardingStore;
  oversight: OversightStore;
};

type TimelineEvent = ConnectionEvent & { connectionId: string };
type Revocation = { id: string; refreshToken: string; tries: number; dueAt: Date };

/** With `announce`, what changes is queued for the integrator. */
export function createMemoryStores({ announce = false } = {}): Stores {
  const revocations = new Map<string, Revocation>();
  const timeline: TimelineEvent[] = [];
  const webhooks = createMemoryWebhooks();
  const connections = createMemoryConnections(revocations, timeline, announce ? webhooks.queue : () => {});
  const events = createMemoryEvents(timeline);
  return {
    attempts: createMemoryAttempts(),
    connections,
    revocations: createMemoryRevocations(revocations),
    identities: createMemoryIdentities(),
    events,
    apiKeys: createMemoryApiKeys(),
    links: createMemoryLinks(),
    importedGrants: createMemoryImportedGrants(connections),
    webhooks: webhooks.store,
    onboarding: createMemoryOnboarding(),
    oversight: createMemoryOversight({ connections, events, webhooks: webhooks.store }),
  };
}

function createMemoryAttempts(): AttemptStore {
  const attempts = new Map<string, Attempt>();
  const parkedGrants = new Map<string, Authorization>();
  const responseHashes = new Map<string, string>();
  const byState = (stateHash: string) => [...attempts.values()].find((attempt) => attempt.stateHash === stateHash);
  const copy = (attempt: Attempt | undefined) => (attempt ? structuredClone(attempt) : null);

  return {
    async insert(attempt) {
      if (byState(attempt.stateHash) || attempts.has(attempt.id)) throw new Error('not unique');
      attempts.set(attempt.id, structuredClone(attempt));
    },
    async markReturned(stateHash, response, responseHash, now) {
      const attempt = byState(stateHash);
      if (attempt && !attempt.returnedAt) {
        Object.assign(attempt, { response, returnedAt: now });
        responseHashes.set(stateHash, responseHash);
      }
      return attempt && responseHashes.get(stateHash) === responseHash ? attempt.id : null;
    },
    find: async (id) => copy(attempts.get(id)),
    async claim(id, now) {
      const attempt = attempts.get(id);
      if (!attempt?.returnedAt || attempt.claimedAt) return false;
      attempt.claimedAt = now;
      return true;
    },
    async finish(id, result, parked) {
      const attempt = attempts.get(id);
      if (attempt) Object.assign(attempt, { result, response: null, secrets: null });
      if (parked) parkedGrants.set(id, structuredClone(parked));
    },
    async takeParked(id) {
      const parked = parkedGrants.get(id) ?? null;
      parkedGrants.delete(id);
      return parked;
    },
    listUndecided: async (before) =>
      [...attempts.values()].filter(
        ({ id, startedAt, result }) => result?.kind === 'undecided' && startedAt < before && parkedGrants.has(id),
      ),
    async listLatest(limit) {
      const latest = [...attempts.values()].sort(
        (a, b) => b.startedAt.getTime() - a.startedAt.getTime() || (a.id < b.id ? 1 : -1),
      );
      return structuredClone(
        latest.slice(0, limit).map(({ id, startedAt, expiresAt, returnedAt, result }) => ({
          id,
          startedAt,
          expiresAt,
          returnedAt,
          result,
        })),
      );
    },
    async deleteStartedBefore(before) {
      const old = [...attempts.values()].filter(({ startedAt }) => startedAt < before);
      for (const { id } of old) attempts.delete(id);
      return old.length;
    },
  };
}

const rested = { leaseOwner: null, leaseUntil: null, sentAt: null, failures: 0, nextAttemptAt: null };

function createMemoryConnections(
  revocations: Map<string, Revocation>,
  timeline: TimelineEvent[],
  queue: (connection: Connection, event: EventDraft, at: Date) => void,
): ConnectionStore {
  const connections = new Map<string, Connection>();
  const endedAt = new Map<string, Date>();

  /** The change and its events, when the connection is as expected. */
  function replace(
    { id }: { id: string },
    expected: (current: Connection) => boolean,
    change: (current: Connection) => Partial<Connection>,
    events: EventDraft[] = [],
    at = new Date(0),
  ): boolean {
    const current = [...connections.values()].find((connection) => connection.id === id);
    if (!current || !expected(current)) return false;
    Object.assign(current, structuredClone(change(current)));
    tell(current, events, at);
    return true;
  }

  function tell(connection: Connection, events: EventDraft[], at: Date): void {
    for (const event of events) {
      addEvent(timeline, connection.id, event, at);
      queue(connection, event, at);
    }
  }

  const inUse = ({ status }: Connection) => status === 'pending' || status === 'connected';
  const time = (date: Date | null) => date?.getTime() ?? null;

  async function findByUser(userId: string): Promise<Connection | null> {
    const connection = connections.get(userId);
    return connection ? structuredClone(connection) : null;
  }

  return {
    findByUser,
    findRecent: findByUser,
    list: async ({ status, after, limit }) =>
      [...connections.values()]
        .filter((one) => (status === null || one.status === status) && (after === null || one.userId > after))
        .sort((a, b) => (a.userId < b.userId ? -1 : 1))
        .slice(0, limit)
        .map(({ grant, refreshState, id: _id, subject: _subject, dueAt: _dueAt, ...shown }) => ({
          ...structuredClone(shown),
          scope: grant?.scope ?? [],
          accessExpiresAt: grant?.expiresAt ?? null,
          refreshFailures: refreshState.failures,
        })),
    async saveAuthorized(userId, grant, { refreshExpiresAt, dueAt, subject, startedAt, now, events }) {
      const before = connections.get(userId);
      const ended = endedAt.get(userId);
      if (ended && ended > startedAt && ended <= now) return null;
      endedAt.delete(userId);
      const connection: Connection = {
        id: before?.id ?? randomUUID(),
        userId,
        status: 'pending',
        reason: null,
        organization: before?.organization ?? null,
        grant: structuredClone(grant),
        generation: (before?.generation ?? 0) + 1,
        authorizedAt: now,
        connectedAt: before?.connectedAt ?? null,
        refreshExpiresAt,
        subject,
        refreshState: rested,
        dueAt,
        warnedDays: null,
      };
      connections.set(userId, connection);
      tell(connection, events, now);
      return structuredClone(connection);
    },
    takeLease: async (connection, { owner, until }, now) =>
      replace(
        connection,
        (current) =>
          inUse(current) &&
          current.generation === connection.generation &&
          current.refreshState.leaseOwner === connection.refreshState.leaseOwner &&
          time(current.refreshState.leaseUntil) === time(connection.refreshState.leaseUntil) &&
          current.refreshState.failures === connection.refreshState.failures,
        ({ refreshState }) => ({
          refreshState: { ...refreshState, leaseOwner: owner, leaseUntil: until, sentAt: refreshState.sentAt ?? now },
          dueAt: until,
        }),
      ),
    renewLease: async (connection, { owner, until }) =>
      replace(
        connection,
        ({ generation, refreshState }) => generation === connection.generation && refreshState.leaseOwner === owner,
        ({ refreshState }) => ({ refreshState: { ...refreshState, leaseUntil: until }, dueAt: until }),
      ),
    releaseLease: async (connection, owner, { state, dueAt, now }, event) =>
      replace(
        connection,
        ({ generation, refreshState }) => generation === connection.generation && refreshState.leaseOwner === owner,
        () => ({ refreshState: { leaseOwner: null, leaseUntil: null, ...state }, dueAt }),
        event ? [event] : [],
        now,
      ),
    saveRefreshed: async (connection, grant, { refreshExpiresAt, dueAt, state, now, events }) =>
      replace(
        connection,
        ({ generation }) => generation === connection.generation,
        ({ generation, status, organization }) => ({
          status: status === 'needs_reconnect' ? (organization === null ? 'pending' : 'connected') : status,
          reason: null,
          grant,
          refreshExpiresAt,
          dueAt,
          refreshState: { ...rested, ...state },
          generation: generation + 1,
        }),
        connections.get(connection.userId)?.status === 'needs_reconnect' ? [...events, { type: 'recovered' }] : events,
        now,
      ),
    chooseOrganization: async (connection, organization, now, event) =>
      replace(
        connection,
        (current) =>
          inUse(current) &&
          current.status === connection.status &&
          time(current.authorizedAt) === time(connection.authorizedAt),
        (current) => ({
          organization,
          status: 'connected',
          connectedAt: current.organization?.id === organization.id ? (current.connectedAt ?? now) : now,
        }),
        event ? [event] : [],
        now,
      ),
    markNeedsReconnect: async (connection, reason, now) =>
      replace(
        connection,
        (current) => inUse(current) && current.generation === connection.generation,
        () => ({ status: 'needs_reconnect', reason, dueAt: null, refreshState: rested }),
        [{ type: 'needs_reconnect', reason }],
        now,
      ),
    async disconnect(userId, now) {
      const current = connections.get(userId);
      if (!current || current.status === 'disconnected') return false;
      endedAt.set(userId, now);
      if (current.grant?.refreshToken) {
        const id = randomUUID();
        revocations.set(id, { id, refreshToken: current.grant.refreshToken, tries: 0, dueAt: now });
      }
      return replace(
        current,
        () => true,
        ({ generation }) => ({
          status: 'disconnected',
          reason: null,
          organization: null,
          grant: null,
          generation: generation + 1,
          connectedAt: null,
          refreshExpiresAt: null,
          subject: null,
          refreshState: rested,
          dueAt: null,
          warnedDays: null,
        }),
        [{ type: 'disconnected' }],
        now,
      );
    },
    listDue: async (now, after, limit) =>
      [...connections.values()]
        .flatMap(({ userId, dueAt }) => (dueAt && dueAt <= now ? [{ userId, dueAt }] : []))
        .sort((a, b) => compare(a, b))
        .filter((one) => after === null || compare(one, after) > 0)
        .slice(0, limit),
    async scheduleForgotten(now) {
      const forgotten = [...connections.values()].filter(
        (one) => inUse(one) && one.grant !== null && one.dueAt === null,
      );
      for (const connection of forgotten) connection.dueAt = now;
      return forgotten.length;
    },
    reschedule: async (connection, { dueAt, warnedDays, now }, event) =>
      replace(
        connection,
        (current) => current.generation === connection.generation && time(current.dueAt) === time(connection.dueAt),
        () => ({ dueAt, warnedDays }),
        event ? [event] : [],
        now,
      ),
  };
}

function compare(a: DuePosition, b: DuePosition): number {
  return a.dueAt.getTime() - b.dueAt.getTime() || (a.userId < b.userId ? -1 : Number(a.userId > b.userId));
}

function createMemoryRevocations(revocations: Map<string, Revocation>): RevocationStore {
  return {
    async add(refreshToken, now) {
      const id = randomUUID();
      revocations.set(id, { id, refreshToken, tries: 0, dueAt: now });
    },
    listDue: async (now, limit) =>
      [...revocations.values()]
        .filter(({ dueAt }) => dueAt <= now)
        .sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime())
        .slice(0, limit)
        .map(({ id, refreshToken, tries }) => ({ id, refreshToken, tries })),
    async postpone(id, until) {
      const revocation = revocations.get(id);
      if (revocation) Object.assign(revocation, { dueAt: until, tries: revocation.tries + 1 });
    },
    async delete(id) {
      revocations.delete(id);
    },
  };
}

function createMemoryIdentities(): IdentityStore {
  const users = new Map<string, string>();
  return {
    async nameUser({ issuer, subject }, candidateUserId) {
      const key = JSON.stringify([issuer, subject]);
      const taken = [...users.values()].includes(candidateUserId);
      const userId = users.get(key) ?? (taken ? randomUUID() : candidateUserId);
      users.set(key, userId);
      return userId;
    },
  };
}

function addEvent(timeline: TimelineEvent[], connectionId: string, event: EventDraft, at: Date): void {
  const last = timeline.findLast((one) => one.connectionId === connectionId);
  const sameDay = last?.at.toISOString().slice(0, 10) === at.toISOString().slice(0, 10);
  if (event.type === 'refreshed' && last?.type === 'refreshed' && sameDay) last.at = at;
  else timeline.push({ ...event, id: String(timeline.length + 1), connectionId, at });
}

function createMemoryEvents(timeline: TimelineEvent[]): EventStore {
  return {
    listLatest: async (connectionId, limit, before = null) =>
      timeline
        .filter(
          (event) => event.connectionId === connectionId && (before === null || Number(event.id) < Number(before)),
        )
        .reverse()
        .slice(0, limit)
        .map(({ connectionId: _, ...event }) => event),
    async deleteBefore(before) {
      const old = timeline.filter(({ at }) => at < before);
      for (const event of old) timeline.splice(timeline.indexOf(event), 1);
      return old.length;
    },
  };
}
