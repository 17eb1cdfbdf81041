// A working access token for a user, refreshed when it is about to end: once per connection, whoever asks and in
// whichever process. Knows no HTTP and no SQL; `refreshing.ts` is the protocol.

import { ConnectError, isConnectError } from './errors.ts';
import type { Clock, HandOutWatch } from './ports.ts';
import { livesLongerThan } from './refresh-schedule.ts';
import { type AuthorizedConnection, isUsable, type Refreshing, usable } from './refreshing.ts';
import type { RunningWork } from './running-work.ts';
import type { ConnectionStore } from './stores.ts';
import type { ChosenOrganization, Grant } from './types.ts';

export type AccessTokens = ReturnType<typeof createAccessTokens>;

/**
 * `refreshed`: for this request, or for another one that waited for the same. `refreshDelayed`: this token is good, and
 * shorter than asked for, because refreshing does not work right now.
 */
export type UsableConnection = AuthorizedConnection & { refreshed: boolean; refreshDelayed: boolean };

export type HandOut = Pick<UsableConnection, 'grant' | 'generation' | 'refreshDelayed'> & {
  organization: ChosenOrganization;
};

const defaultMinTtlSeconds = 60;
const newMilliseconds = 300_000;
const waitMilliseconds = 25_000;
const pollMilliseconds = 150;
const refusedMilliseconds = 60_000;

export function createAccessTokens(
  ports: { clock: Clock; connections: ConnectionStore; watchHandOut: HandOutWatch },
  refreshing: Refreshing,
  work: RunningWork,
) {
  const { clock, connections, watchHandOut } = ports;
  const running = new Map<string, Promise<AuthorizedConnection>>();
  /** Connections whose fresh token Dinero refused, and when. */
  const refused = new Map<string, number>();

  /**
   * The user's connection with an access token that lives at least `minTtlSeconds` longer, refreshed if need be, unless
   * it was obtained within the last five minutes: then a new one would hardly live longer. While
   * refreshing does not work, one that is still good is answered instead, with `refreshDelayed`.
   * Throws not_connected, needs_reconnect, client_rejected, provider_unavailable, deployment_foreign,
   * database_unavailable.
   */
  async function get(userId: string, options: { minTtlSeconds?: number } = {}): Promise<UsableConnection> {
    const connection = usable(await connections.findByUser(userId));
    if (isGoodFor(connection.grant, options)) return { ...connection, refreshed: false, refreshDelayed: false };
    return refreshFor(connection);
  }

  /**
   * A token to work with the chosen organization, as `get` gives it. Throws also organization_not_chosen: a token of
   * somebody who has yet to choose would be one for any of the companies.
   */
  async function handOut(userId: string, options: { minTtlSeconds?: number }): Promise<HandOut> {
    try {
      const recent = await connections.findRecent(userId);
      // What was read a moment ago is good enough to hand out, and not to refuse by.
      const chosen = recent?.status === 'connected' ? recent.organization : null;
      if (recent && chosen && isUsable(recent) && isGoodFor(recent.grant, options)) {
        watchHandOut('fresh', null);
        return { ...recent, organization: chosen, refreshDelayed: false };
      }
      const { organization, status, ...connection } = await get(userId, options);
      if (status === 'pending' || organization === null) {
        throw new ConnectError('organization_not_chosen', 'the user has not chosen an organization yet');
      }
      watchHandOut(outcomeOf(connection), null);
      return { ...connection, organization };
    } catch (error) {
      watchHandOut('failed', isConnectError(error) ? error.code : null);
      throw error;
    }
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
      if (!refreshable || !isConnectError(error, 'dinero_unauthorized') || isRefusedAnyway(connection.id)) throw error;
      const renewed = await refreshFor(connection);
      if (renewed.generation === connection.generation) throw error;
      return await call(renewed).catch((again: unknown) => {
        if (isConnectError(again, 'dinero_unauthorized')) refused.set(connection.id, clock.monotonic());
        throw again;
      });
    }
  }

  /** A fresh token did not help a moment ago: another one would only spend the provider's patience. */
  function isRefusedAnyway(connectionId: string): boolean {
    const before = clock.monotonic() - refusedMilliseconds;
    for (const [id, at] of refused) if (at < before) refused.delete(id);
    return refused.has(connectionId);
  }

  /** Waits for a refresh at most as long as people wait for a page. */
  async function refreshFor(connection: AuthorizedConnection): Promise<UsableConnection> {
    const waited = new AbortController();
    try {
      const renewed = await Promise.race([
        refreshOnce(connection),
        clock.sleep(waitMilliseconds, waited.signal).then(() => Promise.reject(createTooSlow())),
      ]);
      return { ...renewed, refreshed: true, refreshDelayed: false };
    } catch (error) {
      if (!isConnectError(error, ...passing) || connection.grant.expiresAt <= clock.now()) throw error;
      return { ...(await readAgain(connection)), refreshed: false, refreshDelayed: true };
    } finally {
      waited.abort();
    }
  }

  /** The wait may have been long: who disconnected meanwhile is disconnected. A database that is gone knows no better. */
  async function readAgain(connection: AuthorizedConnection): Promise<AuthorizedConnection> {
    try {
      return usable(await connections.findByUser(connection.userId));
    } catch (error) {
      if (isConnectError(error, 'database_unavailable')) return connection;
      throw error;
    }
  }

  /** A token that was got a moment ago is as long as they come: another one would be no longer. */
  function isGoodFor(grant: Grant, { minTtlSeconds = defaultMinTtlSeconds }: { minTtlSeconds?: number }): boolean {
    const now = clock.now();
    const isNew = now.getTime() - grant.obtainedAt.getTime() < newMilliseconds;
    return livesLongerThan(isNew ? Math.min(minTtlSeconds, defaultMinTtlSeconds) : minTtlSeconds, grant, now);
  }

  /** All who want this connection refreshed share one refresh; it goes on when they are gone. */
  function refreshOnce(connection: AuthorizedConnection): Promise<AuthorizedConnection> {
    const already = running.get(connection.id);
    if (already) return already;
    const task = work.track(refreshOrWait(connection)).finally(() => running.delete(connection.id));
    // Whoever gave up waiting hears no more of it.
    task.catch(() => {});
    running.set(connection.id, task);
    return task;
  }

  /** Another process may be at it: then what it stores is waited for, or the right to try after it. */
  async function refreshOrWait(connection: AuthorizedConnection): Promise<AuthorizedConnection> {
    for (let polls = 0; polls * pollMilliseconds < waitMilliseconds; polls += 1) {
      const result = await refreshing.refresh(connection);
      if (result.kind === 'current') return result.connection;
      if (result.kind === 'delayed') {
        throw new ConnectError('provider_unavailable', result.message, result.seconds);
      }
      await clock.sleep(pollMilliseconds);
    }
    throw createTooSlow();
  }

  /** Refreshes a connection that nobody asks for right now; throws what `get` throws, also when a token is good. */
  async function keepAlive(connection: AuthorizedConnection): Promise<void> {
    await refreshOnce(connection);
  }

  return { get, handOut, use, keepAlive, running: () => running.size };
}

/** Failures that end by themselves or by an operator's hand; meanwhile a token that is still good is good enough. */
const passing = ['provider_unavailable', 'client_rejected', 'deployment_foreign', 'database_unavailable'] as const;

function outcomeOf({ refreshed, refreshDelayed }: Pick<UsableConnection, 'refreshed' | 'refreshDelayed'>) {
  if (refreshDelayed) return 'delayed';
  return refreshed ? 'refreshed' : 'fresh';
}

function createTooSlow(): ConnectError {
  return new ConnectError('provider_unavailable', 'a refresh that others began has not ended in time', 1);
}
