// Keys, links and imported grants in memory; they pass the same contract suite as the SQL ones.

import { ConnectError } from '../../src/core/errors.ts';
import type { ImportedGrantStore, WaitingGrant } from '../../src/core/imported-grants.ts';
import type { ApiKey, Link } from '../../src/core/integrator-types.ts';
import type { ApiKeyStore, ConnectionStore, LinkStore } from '../../src/core/stores.ts';

export function createMemoryApiKeys(): ApiKeyStore {
  const keys = new Map<string, ApiKey>();
  return {
    async insert(key) {
      keys.set(key.id, structuredClone(key));
    },
    async find(id) {
      const key = keys.get(id);
      return key ? structuredClone(key) : null;
    },
    list: async () =>
      [...keys.values()]
        .map((key) => structuredClone(key))
        .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime()),
    async revoke(id, now) {
      const key = keys.get(id);
      if (!key || key.revokedAt) return false;
      key.revokedAt = now;
      return true;
    },
    async markUsed(id, now) {
      const key = keys.get(id);
      if (key) key.usedAt = now;
    },
  };
}

export function createMemoryLinks(): LinkStore {
  const links = new Map<string, Link>();
  const returned = new Set<string>();
  return {
    async insert(link) {
      links.set(link.id, structuredClone(link));
    },
    async find(id) {
      const link = links.get(id);
      return link ? structuredClone(link) : null;
    },
    async findReconnectLink(userId, after) {
      const [link] = [...links.values()]
        .filter((one) => one.userId === userId && one.kind === 'reconnect' && one.browserId === null)
        .filter(({ expiresAt }) => expiresAt > after)
        .sort((a, b) => b.expiresAt.getTime() - a.expiresAt.getTime());
      return link ? structuredClone(link) : null;
    },
    async open(id, browserId, now) {
      const link = links.get(id);
      if (!link) return false;
      if (link.browserId === null) Object.assign(link, { browserId, openedAt: now });
      return link.browserId === browserId;
    },
    async markReturned(id) {
      const first = !returned.has(id) && links.get(id)?.returnUrl != null;
      if (first) returned.add(id);
      return first;
    },
    async deleteExpiredBefore(before) {
      const old = [...links.values()].filter(({ expiresAt }) => expiresAt < before);
      for (const { id } of old) links.delete(id);
      return old.length;
    },
  };
}

export function createMemoryImportedGrants(connections: ConnectionStore): ImportedGrantStore {
  const waiting = new Map<string, WaitingGrant>();
  const byUser = (a: WaitingGrant, b: WaitingGrant) => (a.userId < b.userId ? -1 : 1);
  return {
    async insertAll(grants, now, sealed) {
      for (const _each of grants) sealed();
      if (grants.some(({ userId }) => waiting.has(userId))) {
        throw new ConnectError('database_unavailable', 'another import was faster');
      }
      for (const grant of grants) {
        waiting.set(grant.userId, { ...structuredClone(grant), importedAt: now, activatedAt: null });
      }
    },
    find: async (userId) => structuredClone(waiting.get(userId) ?? null),
    list: async (after, limit) =>
      [...waiting.values()]
        .filter(({ userId }) => after === null || userId > after)
        .sort(byUser)
        .slice(0, limit)
        .map((grant) => structuredClone(grant)),
    async count() {
      const activated = [...waiting.values()].filter(({ activatedAt }) => activatedAt !== null).length;
      return { waiting: waiting.size - activated, activated };
    },
    async activate({ userId, refreshToken, scope, importedAt }, { now, dueAt, events }) {
      const grant = waiting.get(userId);
      if (!grant || grant.activatedAt) return false;
      const before = await connections.findByUser(userId);
      if (grant.activatedAt || (before && before.status !== 'disconnected')) return false;
      grant.activatedAt = now;
      const authorized = { accessToken: '', refreshToken, scope, expiresAt: new Date(0), obtainedAt: now };
      const terms = { refreshExpiresAt: null, dueAt, subject: null, startedAt: importedAt, now, events };
      if (await connections.saveAuthorized(userId, authorized, terms)) return true;
      grant.activatedAt = null;
      return false;
    },
    async delete(userId) {
      waiting.delete(userId);
    },
    async discard() {
      const unused = [...waiting.values()].filter(({ activatedAt }) => activatedAt === null);
      for (const { userId } of unused) waiting.delete(userId);
      return unused.length;
    },
  };
}
