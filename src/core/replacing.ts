// What becomes of a grant that came back: it makes a connection or takes the place of the one there is, and the person
// is asked first when that would lose something.

import { ConnectError, isConnectError } from './errors.ts';
import type { Organizations } from './organizations.ts';
import type { Ports } from './ports.ts';
import { nextDue, type RefreshTokenPolicy, refreshExpiryFrom } from './refresh-schedule.ts';
import type { Attempt, AttemptResult, Authorization, Connection, EventDraft, Objection } from './types.ts';

export type Replacing = ReturnType<typeof createReplacing>;
export type SuccessfulResult = Exclude<AttemptResult, { kind: 'failed' }>;
type Undecided = Extract<AttemptResult, { kind: 'undecided' }>;

export function createReplacing(
  ports: Pick<Ports, 'clock' | 'accountingApi' | 'attempts' | 'connections' | 'revocations'>,
  organizations: Organizations,
  options: { scopes: string[]; refreshTokenPolicy: RefreshTokenPolicy },
) {
  const { clock, accountingApi, attempts, connections, revocations } = ports;
  const policy = options.refreshTokenPolicy;

  /**
   * What speaks against replacing the user's grant by this one; null when nothing does, or when there is no company
   * to lose. Dinero may be out of reach: then only the person counts.
   */
  async function findObjection(userId: string, { grant, subject }: Authorization): Promise<Objection | null> {
    const before = await connections.findByUser(userId);
    if (!before?.organization) return null;
    if (subject !== null && before.subject !== null && subject !== before.subject) return 'other_person';
    const { id } = before.organization;
    try {
      const list = await accountingApi.listOrganizations(grant.accessToken);
      return list.some((organization) => organization.id === id) ? null : 'company_missing';
    } catch (error) {
      if (isConnectError(error)) return null;
      throw error;
    }
  }

  /**
   * Stores the grant in one statement, and keeps the company when it can be proven under it. Throws not_connected when
   * the person disconnected after `startedAt`.
   */
  async function replace(
    userId: string,
    { grant, subject }: Authorization,
    startedAt: Date,
  ): Promise<Exclude<SuccessfulResult, Undecided>> {
    const now = clock.now();
    const before = await connections.findByUser(userId);
    const refreshExpiresAt = refreshExpiryFrom(policy, grant, now);
    const dates = { refreshExpiresAt, warnedDays: null, authorizedAt: now };
    const events: EventDraft[] = [{ type: before?.grant ? 'reauthorized' : 'authorized' }];
    if (options.scopes.some((scope) => !grant.scope.includes(scope) && scope !== 'openid')) {
      events.push({ type: 'scope_reduced' });
    }
    const terms = { refreshExpiresAt, dueAt: nextDue(policy, grant, dates, now), subject, startedAt, now, events };
    const connection = await connections.saveAuthorized(userId, grant, terms);
    if (connection === null) {
      if (grant.refreshToken !== null) await revocations.add(grant.refreshToken, now);
      throw new ConnectError('not_connected', 'the connection was ended while this attempt was under way');
    }
    return { kind: (await keepOrganization(connection)) ? 'connected' : 'authorized', userId };
  }

  /** A reconnect keeps the company when it can still be proven; if not, whatever the reason, the person chooses. */
  async function keepOrganization(connection: Connection): Promise<boolean> {
    if (connection.organization === null) return false;
    try {
      await organizations.choose(connection.userId, connection.organization.id);
      return true;
    } catch (error) {
      if (isConnectError(error)) return false;
      throw error;
    }
  }

  /** Carries the person's answer out, the first one only. */
  async function decide(
    attempt: Attempt,
    { userId, objection }: Undecided,
    decision: 'replace' | 'keep',
  ): Promise<SuccessfulResult> {
    const parked = await attempts.takeParked(attempt.id);
    if (parked === null) return { kind: 'kept', userId };
    let result: SuccessfulResult = { kind: 'kept', userId };
    if (decision === 'replace') result = await replace(userId, parked, attempt.startedAt);
    else await discard(parked, objection);
    await attempts.finish(attempt.id, result, null);
    return result;
  }

  /**
   * Another person's grant is revoked. The same person's is only forgotten: nobody knows whether revoking it would end
   * the connection that is kept (decision 12).
   */
  async function discard({ grant }: Authorization, objection: Objection): Promise<void> {
    if (objection !== 'other_person' || grant.refreshToken === null) return;
    await revocations.add(grant.refreshToken, clock.now());
  }

  /** Attempts that were never decided leave the connection as it is. */
  async function keepUndecided(startedBefore: Date): Promise<void> {
    for (const attempt of await attempts.listUndecided(startedBefore)) {
      if (attempt.result?.kind === 'undecided') await decide(attempt, attempt.result, 'keep');
    }
  }

  return { findObjection, replace, decide, keepUndecided };
}
