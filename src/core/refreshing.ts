// The refresh protocol for one connection (design, section 7): whoever has the lease sends the token, and what comes
// back is stored whatever happens. Decision 11 tells what lease, marker and fence are there for.

import type { Circuit } from './circuit.ts';
import { ConnectError } from './errors.ts';
import { createLeasing, type HeldLease } from './leasing.ts';
import type { Ports, RefreshableGrant } from './ports.ts';
import {
  backoffSeconds,
  earliestAttempt,
  heldPauseMilliseconds,
  isInGrace,
  isLeased,
  livesLongerThan,
  mayComeBack,
  nextDue,
  type RefreshTokenPolicy,
  refreshExpiryFrom,
} from './refresh-schedule.ts';
import type { RunningWork } from './running-work.ts';
import { createStoring } from './storing-grants.ts';
import type { Connection, EventDraft, Grant, ReconnectReason, RefreshOutcome } from './types.ts';

export type AuthorizedConnection = Connection & { grant: Grant };

/** `busy`: somebody else is refreshing it. `delayed`: nobody may before that many seconds are over. */
export type RefreshResult =
  | { kind: 'current'; connection: AuthorizedConnection }
  | { kind: 'busy' }
  | { kind: 'delayed'; seconds: number; message: string };

export type Refreshing = ReturnType<typeof createRefreshing>;

type RefreshPorts = Pick<
  Ports,
  'clock' | 'identityProvider' | 'connections' | 'revocations' | 'deployment' | 'watchRefresh'
>;
/** One go at the provider. `firstSentAt` is null when every sending of this generation so far is accounted for. */
type Attempt = { connection: AuthorizedConnection; lease: HeldLease; firstSentAt: Date | null };
type FailedOutcome = Extract<RefreshOutcome, { message: string }>;

const clientRejectedPauseSeconds = 60;

export function createRefreshing(ports: RefreshPorts, policy: RefreshTokenPolicy, circuit: Circuit, work: RunningWork) {
  const { clock, identityProvider, connections, deployment, watchRefresh } = ports;
  const leasing = createLeasing(clock, connections);
  const storing = createStoring(ports, work);

  /**
   * Refreshes the grant that `asked` holds, unless a newer one is stored already, somebody else is at it, or it is too
   * early. Throws not_connected, needs_reconnect, client_rejected, deployment_foreign, database_unavailable.
   */
  async function refresh(asked: AuthorizedConnection): Promise<RefreshResult> {
    const connection = usable(await connections.findByUser(asked.userId));
    if (connection.generation !== asked.generation) return { kind: 'current', connection };
    const { refreshToken } = connection.grant;
    if (refreshToken === null) return endUnrefreshable(connection);
    storing.refuseHeld(connection.id);
    if (!(await deployment.isOurs())) {
      throw new ConnectError('deployment_foreign', 'the database belongs to another deployment: nothing is refreshed');
    }
    const now = clock.now();
    if (isLeased(connection.refreshState, now)) return { kind: 'busy' };
    const earliest = earliestAttempt(policy, connection.refreshState, now);
    if (earliest > now) return delay(earliest, 'the last attempt failed, and it is too early for another one');
    circuit.check();
    const lease = await leasing.take(connection);
    if (lease === null) return { kind: 'busy' };
    try {
      return await refreshUnderLease(connection, { ...connection.grant, refreshToken }, lease);
    } finally {
      await lease.end();
    }
  }

  async function refreshUnderLease(
    connection: AuthorizedConnection,
    grant: RefreshableGrant,
    lease: HeldLease,
  ): Promise<RefreshResult> {
    const { sentAt } = connection.refreshState;
    const now = clock.now();
    if (mayComeBack(policy, connection.refreshState, now) && (await hasComeBack(connection))) return { kind: 'busy' };
    const outcome = await send(connection, grant, lease);
    if (outcome.kind !== 'unknown') return conclude({ connection, lease, firstSentAt: sentAt }, outcome);
    const unanswered = { connection, lease, firstSentAt: sentAt ?? now };
    if (!isInGrace(policy, unanswered.firstSentAt, clock.now())) return conclude(unanswered, outcome);
    if (!(await lease.renew())) return { kind: 'busy' };
    return conclude(unanswered, await send(connection, grant, lease));
  }

  /** The last chance of a holder whose new grant the database did not take until now: it offers it again soon. */
  async function hasComeBack({ userId, generation }: Connection): Promise<boolean> {
    for (let waited = 0; waited <= heldPauseMilliseconds; waited += 1_000) await clock.sleep(1_000);
    return (await connections.findByUser(userId))?.generation !== generation;
  }

  async function send({ id }: Connection, grant: RefreshableGrant, { maySend }: HeldLease): Promise<RefreshOutcome> {
    const outcome = await identityProvider.refresh(grant, maySend);
    const message = 'message' in outcome ? outcome.message : null;
    watchRefresh({ connectionId: id, outcome: outcome.kind, message });
    return outcome;
  }

  async function conclude(attempt: Attempt, outcome: RefreshOutcome): Promise<RefreshResult> {
    switch (outcome.kind) {
      case 'refreshed':
        circuit.close();
        return save(attempt.connection, outcome.grant, outcome.odd);
      case 'rejected':
        circuit.close();
        return endGrant(attempt.connection, reasonOf(attempt));
      case 'client_rejected':
        circuit.open(outcome.message);
        await giveBack(attempt, outcome, clientRejectedPauseSeconds);
        throw new ConnectError('client_rejected', outcome.message, clientRejectedPauseSeconds);
      case 'try_later':
      case 'unknown': {
        const told = outcome.kind === 'try_later' ? outcome.retryAfterSeconds : null;
        const pauseSeconds = backoffSeconds(attempt.connection.refreshState.failures + 1, told);
        const next = await giveBack(attempt, outcome, pauseSeconds);
        return next === null ? { kind: 'busy' } : delay(next, outcome.message);
      }
    }
  }

  /** Ends the lease without a grant. Null when it was somebody else's by now. */
  async function giveBack(attempt: Attempt, { kind }: FailedOutcome, pauseSeconds: number): Promise<Date | null> {
    const { connection, lease, firstSentAt: sentAt } = attempt;
    const now = clock.now();
    const failures = connection.refreshState.failures + 1;
    const next = new Date(now.getTime() + pauseSeconds * 1000);
    const due = nextDue(policy, connection.grant, connection, now);
    const event: EventDraft = { type: kind === 'client_rejected' ? 'client_rejected' : 'refresh_delayed' };
    const given = await connections.releaseLease(
      connection,
      lease.owner,
      {
        // Once our client is accepted again, nobody has to wait: the circuit alone holds the others back.
        state: { sentAt, failures, nextAttemptAt: kind === 'client_rejected' ? null : next },
        dueAt: sentAt === null && due && due > next ? due : next,
        now,
      },
      failures === 1 ? event : null,
    );
    return given ? next : null;
  }

  async function save(connection: AuthorizedConnection, grant: Grant, odd: boolean): Promise<RefreshResult> {
    const now = clock.now();
    const slides = policy.use === 'one-time' || connection.refreshExpiresAt === null;
    const refreshExpiresAt = slides ? refreshExpiryFrom(policy, grant, now) : connection.refreshExpiresAt;
    const dueAt = nextDue(policy, grant, { ...connection, refreshExpiresAt }, now);
    const useless = !livesLongerThan(0, grant, now);
    const failures = useless ? connection.refreshState.failures + 1 : 0;
    const nextAttemptAt = useless ? new Date(now.getTime() + backoffSeconds(failures, null) * 1000) : null;
    const events: EventDraft[] = [{ type: 'refreshed' }];
    if (odd) events.push({ type: 'refresh_odd' });
    if (failures === 1) events.push({ type: 'refresh_delayed' });
    const state = { failures, nextAttemptAt };
    await storing.store(connection, grant, { refreshExpiresAt, dueAt, state, now, events });
    // An answer that brought a refresh token alone is worth keeping, and of no use to anybody yet.
    if (nextAttemptAt) return delay(nextAttemptAt, 'the answer held no access token that can be used');
    return { kind: 'current', connection: usable(await connections.findByUser(connection.userId)) };
  }

  /** Without a refresh token the access token is all there is, and serves to its end. */
  async function endUnrefreshable(connection: AuthorizedConnection): Promise<RefreshResult> {
    const { expiresAt } = connection.grant;
    if (expiresAt > clock.now()) return delay(expiresAt, 'there is no refresh token');
    return endGrant(connection, 'no_refresh_token');
  }

  /** Ends in a throw, unless somebody stored a newer grant meanwhile: that one is used. */
  async function endGrant(connection: AuthorizedConnection, reason: ReconnectReason): Promise<RefreshResult> {
    await connections.markNeedsReconnect(connection, reason, clock.now());
    return { kind: 'current', connection: usable(await connections.findByUser(connection.userId)) };
  }

  function reasonOf({ connection, firstSentAt }: Attempt): ReconnectReason {
    if (firstSentAt !== null && policy.use === 'one-time') return 'answer_lost';
    const { refreshExpiresAt } = connection;
    return refreshExpiresAt !== null && refreshExpiresAt <= clock.now() ? 'refresh_expired' : 'grant_rejected';
  }

  function delay(until: Date, message: string): RefreshResult {
    const seconds = Math.ceil((until.getTime() - clock.now().getTime()) / 1000);
    return { kind: 'delayed', seconds: Math.max(1, seconds), message };
  }

  return { refresh };
}

/** True when it has a grant that may be used. */
export function isUsable(connection: Connection): connection is AuthorizedConnection {
  return connection.grant !== null && connection.status !== 'needs_reconnect';
}

/** The connection when it has a grant that may be used. Throws needs_reconnect, not_connected. */
export function usable(connection: Connection | null): AuthorizedConnection {
  if (connection?.status === 'needs_reconnect') {
    throw new ConnectError('needs_reconnect', `the connection needs a reconnect: ${connection.reason}`);
  }
  if (!connection?.grant) throw new ConnectError('not_connected', 'this user has no connection');
  return { ...connection, grant: connection.grant };
}
