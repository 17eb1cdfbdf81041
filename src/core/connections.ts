// What a user may see of the own connection: never a token.

import type { ConnectionStore, EventStore } from './ports.ts';
import type { Connection, ConnectionEvent } from './types.ts';

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
      missingScope: options.scopes.filter((asked) => asked !== 'openid' && !scope.includes(asked)),
      accessExpiresAt: grant?.expiresAt ?? null,
      refreshDelayed: connection.status === 'connected' && refreshState.failures > 0,
      events: await ports.events.listLatest(connection.id, shownEvents),
    };
  }

  return { find };
}
