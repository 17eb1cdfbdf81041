// A working access token for a user, refreshed when it is about to end: once per connection, whoever asks.
// Knows no HTTP and no SQL. The refresh protocol grows here (design, section 7).

import { ConnectError, isConnectError } from './errors.ts';
import type { Clock, ConnectionStore, EventStore, IdentityProvider, RevocationStore } from './ports.ts';
import type { RunningWork } from './running-work.ts';
import type { Connection, Grant } from './types.ts';

export type RefreshTokenPolicy = {
  /** The portal's setting: the same token until its fixed end, or a new one each time with a sliding end. */
  use: 're-use' | 'one-time';
  lifetimeSeconds: number;
};

export type AccessTokens = ReturnType<typeof createAccessTokens>;

const defaultMinTtlSeconds = 60;

/** End of a refresh token that was issued or slid at `now`; null when the grant has none. */
export function refreshExpiryFrom(policy: RefreshTokenPolicy, grant: Grant, now: Date): Date | null {
  return grant.refreshToken === null ? null : new Date(now.getTime() + policy.lifetimeSeconds * 1000);
}

export function createAccessTokens(
  ports: {
    clock: Clock;
    identityProvider: IdentityProvider;
    connections: ConnectionStore;
    revocations: RevocationStore;
    events: EventStore;
  },
  policy: RefreshTokenPolicy,
  work: RunningWork,
) {
  const { clock, identityProvider, connections, revocations, events } = ports;
  const running = new Map<string, Promise<AuthorizedConnection>>();

  /**
   * The user's connection with an access token that lives at least `minTtlSeconds` longer, refreshed if need be.
   * Throws not_connected, needs_reconnect, client_rejected, provider_unavailable.
   */
  async function get(userId: string, options: { minTtlSeconds?: number } = {}): Promise<AuthorizedConnection> {
    const connection = usable(await connections.findByUser(userId));
    const remaining = connection.grant.expiresAt.getTime() - clock.now().getTime();
    return remaining > (options.minTtlSeconds ?? defaultMinTtlSeconds) * 1000 ? connection : refreshOnce(connection);
  }

  /**
   * Runs `call` with a working token. When Dinero refuses the token itself, one forced refresh and one more call
   * follow, if there is a refresh token; then the refusal stands (requirements, F37).
   */
  async function use<T>(userId: string, call: (connection: AuthorizedConnection) => Promise<T>): Promise<T> {
    const connection = await get(userId);
    try {
      return await call(connection);
    } catch (error) {
      const refreshable = connection.grant.refreshToken !== null;
      if (!refreshable || !isConnectError(error, 'dinero_unauthorized')) throw error;
      return await call(await refreshOnce(connection));
    }
  }

  function refreshOnce(connection: AuthorizedConnection): Promise<AuthorizedConnection> {
    const already = running.get(connection.id);
    if (already) return already;
    const refreshing = work.track(refresh(connection)).finally(() => running.delete(connection.id));
    running.set(connection.id, refreshing);
    return refreshing;
  }

  async function refresh(asked: AuthorizedConnection): Promise<AuthorizedConnection> {
    // Whoever waited for a refresh that has just ended comes here with the grant before it.
    const connection = usable(await connections.findByUser(asked.userId));
    if (connection.generation !== asked.generation) return connection;
    const { refreshToken, scope } = connection.grant;
    if (refreshToken === null) return needsReconnect(connection, 'no_refresh_token');
    if (connection.refreshExpiresAt && connection.refreshExpiresAt <= clock.now()) {
      return needsReconnect(connection, 'refresh_expired');
    }
    try {
      return await save(connection, await identityProvider.refresh(refreshToken, scope));
    } catch (error) {
      if (isConnectError(error, 'grant_rejected')) return needsReconnect(connection, 'grant_rejected');
      throw error;
    }
  }

  async function save(connection: AuthorizedConnection, grant: Grant): Promise<AuthorizedConnection> {
    const now = clock.now();
    const expiresAt = policy.use === 'one-time' ? refreshExpiryFrom(policy, grant, now) : connection.refreshExpiresAt;
    if (await connections.saveRefreshed(connection, grant, expiresAt)) {
      await events.append(connection.id, 'refreshed', now);
    }
    const current = await connections.findByUser(connection.userId);
    const ended = current?.status === 'disconnected';
    if (ended && grant.refreshToken !== null) await revocations.add(grant.refreshToken, now);
    return usable(current);
  }

  /** Ends in a throw, unless somebody stored a newer grant while ours was being refused. */
  async function needsReconnect(
    connection: AuthorizedConnection,
    reason: 'grant_rejected' | 'no_refresh_token' | 'refresh_expired',
  ): Promise<AuthorizedConnection> {
    if (await connections.markNeedsReconnect(connection, reason)) {
      await events.append(connection.id, 'needs_reconnect', clock.now());
    }
    return usable(await connections.findByUser(connection.userId));
  }

  return { get, use };
}

export type AuthorizedConnection = Connection & { grant: Grant };

function usable(connection: Connection | null): AuthorizedConnection {
  if (connection?.status === 'needs_reconnect') {
    throw new ConnectError('needs_reconnect', `the connection needs a reconnect: ${connection.reason}`);
  }
  if (!connection?.grant) throw new ConnectError('not_connected', 'this user has no connection');
  return { ...connection, grant: connection.grant };
}
