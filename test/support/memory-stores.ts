// In-memory stores that pass the same contract suite as the SQL ones.

import { randomUUID } from 'node:crypto';
import type {
  AttemptStore,
  ConnectionStore,
  EventStore,
  IdentityStore,
  RevocationStore,
} from '../../src/core/ports.ts';
import type { Attempt, Connection, ConnectionEvent } from '../../src/core/types.ts';

export type Stores = {
  attempts: AttemptStore;
  connections: ConnectionStore;
  revocations: RevocationStore;
  identities: IdentityStore;
  events: EventStore;
};

type Revocation = { id: string; refreshToken: string; tries: number; dueAt: Date };

export function createMemoryStores(): Stores {
  const revocations = new Map<string, Revocation>();
  return {
    attempts: createMemoryAttempts(),
    connections: createMemoryConnections(revocations),
    revocations: createMemoryRevocations(revocations),
    identities: createMemoryIdentities(),
    events: createMemoryEvents(),
  };
}

function createMemoryAttempts(): AttemptStore {
  const attempts = new Map<string, Attempt>();
  const byState = (stateHash: string) => [...attempts.values()].find((attempt) => attempt.stateHash === stateHash);
  const copy = (attempt: Attempt | undefined) => (attempt ? structuredClone(attempt) : null);

  return {
    async insert(attempt) {
      if (byState(attempt.stateHash) || attempts.has(attempt.id)) throw new Error('not unique');
      attempts.set(attempt.id, structuredClone(attempt));
    },
    async markReturned(stateHash, response, responseHash, now) {
      const attempt = byState(stateHash);
      if (attempt && !attempt.returnedAt) Object.assign(attempt, { response, responseHash, returnedAt: now });
    },
    findByStateHash: async (stateHash) => copy(byState(stateHash)),
    find: async (id) => copy(attempts.get(id)),
    async claim(id, now) {
      const attempt = attempts.get(id);
      if (!attempt?.returnedAt || attempt.claimedAt) return false;
      attempt.claimedAt = now;
      return true;
    },
    async finish(id, result) {
      const attempt = attempts.get(id);
      if (attempt) Object.assign(attempt, { result, response: null, secrets: null });
    },
    async deleteStartedBefore(before) {
      const old = [...attempts.values()].filter(({ startedAt }) => startedAt < before);
      for (const { id } of old) attempts.delete(id);
      return old.length;
    },
  };
}

function createMemoryConnections(revocations: Map<string, Revocation>): ConnectionStore {
  const connections = new Map<string, Connection>();
  const endedAt = new Map<string, Date>();

  function replace(expected: Partial<Connection> & { id: string }, change: Partial<Connection>): boolean {
    const current = [...connections.values()].find(({ id }) => id === expected.id);
    if (!current || (expected.generation !== undefined && current.generation !== expected.generation)) return false;
    Object.assign(current, structuredClone(change));
    return true;
  }

  return {
    async findByUser(userId) {
      const connection = connections.get(userId);
      return connection ? structuredClone(connection) : null;
    },
    async saveAuthorized(userId, grant, { refreshExpiresAt, startedAt, now }) {
      const before = connections.get(userId);
      const ended = endedAt.get(userId);
      if (ended && ended > startedAt) return null;
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
      };
      connections.set(userId, connection);
      return structuredClone(connection);
    },
    saveRefreshed: async ({ id, generation }, grant, refreshExpiresAt) =>
      replace({ id, generation }, { grant, refreshExpiresAt, generation: generation + 1 }),
    async chooseOrganization({ id, authorizedAt }, organization, now) {
      const current = [...connections.values()].find((connection) => connection.id === id);
      if (!current || current.authorizedAt.getTime() !== authorizedAt.getTime()) return false;
      if (current.status !== 'pending' && current.status !== 'connected') return false;
      const connectedAt = current.organization?.id === organization.id ? (current.connectedAt ?? now) : now;
      return replace({ id }, { organization, status: 'connected', connectedAt });
    },
    markNeedsReconnect: async ({ id, generation }, reason) =>
      replace({ id, generation }, { status: 'needs_reconnect', reason }),
    async disconnect(userId, now) {
      const current = connections.get(userId);
      if (!current || current.status === 'disconnected') return false;
      endedAt.set(userId, now);
      if (current.grant?.refreshToken) {
        const id = randomUUID();
        revocations.set(id, { id, refreshToken: current.grant.refreshToken, tries: 0, dueAt: now });
      }
      return replace(
        { id: current.id },
        {
          status: 'disconnected',
          reason: null,
          organization: null,
          grant: null,
          generation: current.generation + 1,
          connectedAt: null,
          refreshExpiresAt: null,
        },
      );
    },
  };
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

function createMemoryEvents(): EventStore {
  const events: (ConnectionEvent & { connectionId: string })[] = [];
  return {
    async append(connectionId, type, at) {
      events.push({ connectionId, type, at });
    },
    listLatest: async (connectionId, limit) =>
      events
        .filter((event) => event.connectionId === connectionId)
        .reverse()
        .slice(0, limit)
        .map(({ type, at }) => ({ type, at })),
    async deleteBefore(before) {
      const old = events.filter(({ at }) => at < before);
      for (const event of old) events.splice(events.indexOf(event), 1);
      return old.length;
    },
  };
}
