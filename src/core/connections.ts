// What a user may see of the own connection: never a token.

import { ConnectError } from './errors.ts';
import type { ConnectionStore, EventStore } from './stores.ts';
import type { Connection, ConnectionEvent, ConnectionStatus } from './types.ts';

export type ConnectionSummary = Omit<Connection, 'grant' | 'subject' | 'refreshState' | 'dueAt'> & {
  scope: string[];
  /** Asked for and not granted (requirements, A16). */
  missingScope: string[];
  /** End of the current access token; null once disconnected. */
  accessExpiresAt: Date | null;
  /** The last try to refresh brought nothing; another one follows by itself. */
  refreshDelayed: boolean;
  /** The latest events, newest first. */
  events: ConnectionEvent[];
};

const shownEvents = 10;

export function createConnections(
  ports: { connections: ConnectionStore; events: EventStore },
  options: { scopes: string[] },
) {
  /** The user's connection, in whatever status; null when there never was one. */
  async function find(userId: string): Promise<ConnectionSummary | null> {
    const connection = await ports.connections.findByUser(userId);
    if (!connection) return null;
    const { grant, subject: _hint, refreshState, dueAt: _internal, ...rest } = connection;
    const scope = grant?.scope ?? [];
    return {
      ...rest,
      scope,
      missingScope: grant ? options.scopes.filter((asked) => asked !== 'openid' && !scope.includes(asked)) : [],
      accessExpiresAt: grant?.expiresAt ?? null,
      refreshDelayed: connection.status === 'connected' && refreshState.failures > 0,
      events: await ports.events.listLatest(connection.id, shownEvents),
    };
  }

  /**
   * A page of all connections by user id, from behind the user `after`. `next` is the user to go on behind; null on the
   * last page.
   */
  async function list(filter: { status: ConnectionStatus | null; after: string | null; limit: number }) {
    const found = await ports.connections.list({ ...filter, limit: filter.limit + 1 });
    const page = found.slice(0, filter.limit);
    return { page, next: found.length > filter.limit ? (page.at(-1)?.userId ?? null) : null };
  }

  /**
   * A page of the user's timeline, newest first, of what is older than the event `before`. `next` is the event to go on
   * before; null on the last page. Throws not_connected when there never was a connection.
   */
  async function listEvents(userId: string, { before, limit }: { before: string | null; limit: number }) {
    const connection = await ports.connections.findByUser(userId);
    if (!connection) throw new ConnectError('not_connected', 'this user never connected');
    const found = await ports.events.listLatest(connection.id, limit + 1, before);
    const page = found.slice(0, limit);
    return { page, next: found.length > limit ? (page.at(-1)?.id ?? null) : null };
  }

  return { find, list, listEvents };
}
