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
type Replaced = Extract<AttemptResult, { kind: 'connected' | 'authorized' }>;

/** `stays`: the connection from before works on, and no later consent has made it. */
type Settled = { result: SuccessfulResult; stays: boolean };

const waitForAnswerMilliseconds = 250;
/** 20 seconds: two calls of Dinero may take that long. */
const waitForAnswerTries = 80;

export function createReplacing(
  ports: Pick<Ports, 'clock' | 'accountingApi' | 'attempts' | 'connections' | 'revocations' | 'watchOnboarding'>,
  organizations: Organizations,
  options: { scopes: string[]; refreshTokenPolicy: RefreshTokenPolicy },
) {
  const { clock, accountingApi, attempts, connections, revocations, watchOnboarding } = ports;
  const policy = options.refreshTokenPolicy;

  /**
   * Whether this person may become that user: not when another person's connection is there. With `openid` people are
   * told apart for certain, and another person is another user.
   */
  async function belongsToOther(userId: string, subject: string): Promise<boolean> {
    const there = await connections.findByUser(userId);
    return there?.subject != null && there.subject !== subject;
  }

  /**
   * Stores the grant of an attempt that left at `startedAt`. When something speaks against that, nothing is replaced:
   * the result is undecided, and `parked` what waits for the person's decision. Throws what `replace` throws.
   */
  async function replaceOrAsk(
    userId: string,
    authorization: Authorization,
    startedAt: Date,
  ): Promise<{ result: Undecided | Replaced; parked: Authorization | null }> {
    const before = await connections.findByUser(userId);
    const objection = await findObjection(before, authorization);
    if (objection) return { result: { kind: 'undecided', userId, objection }, parked: authorization };
    return { result: await replace(userId, before, authorization, startedAt), parked: null };
  }

  /**
   * What speaks against replacing the grant of this connection; null when nothing does, or when there is no company to
   * lose. Dinero may be out of reach: then only the person counts.
   */
  async function findObjection(
    before: Connection | null,
    { grant, subject }: Authorization,
  ): Promise<Objection | null> {
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
    before: Connection | null,
    { grant, subject }: Authorization,
    startedAt: Date,
  ): Promise<Replaced> {
    const now = clock.now();
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

  /**
   * Carries the person's answer out, the first one only; whoever answers meanwhile gets its result. When it fails,
   * nothing was replaced, and the question stays open.
   */
  async function decide(
    attempt: Attempt,
    undecided: Undecided,
    decision: 'replace' | 'keep',
  ): Promise<SuccessfulResult> {
    const parked = await attempts.takeParked(attempt.id);
    if (parked === null) return waitForOtherAnswer(attempt, undecided);
    const { result, stays } = await settle(attempt, undecided, parked, decision);
    // Who takes the new access is counted by the choice of a company; who stays connected makes none.
    if (stays) watchOnboarding({ step: 'connected' });
    return result;
  }

  async function settle(
    attempt: Attempt,
    undecided: Undecided,
    parked: Authorization,
    decision: 'replace' | 'keep',
  ): Promise<Settled> {
    try {
      const settled = await carryOut(attempt, undecided, parked, decision);
      await attempts.finish(attempt.id, settled.result, null);
      return settled;
    } catch (error) {
      const ended = isConnectError(error, 'not_connected');
      if (ended) await attempts.finish(attempt.id, { kind: 'failed', code: 'not_connected' }, null);
      else await attempts.finish(attempt.id, undecided, parked);
      throw error;
    }
  }

  async function carryOut(
    { claimedAt, startedAt }: Attempt,
    { userId }: Undecided,
    parked: Authorization,
    decision: 'replace' | 'keep',
  ): Promise<Settled> {
    const current = await connections.findByUser(userId);
    // A consent that was given after the question was asked is the later word.
    const overtaken = current !== null && claimedAt !== null && current.authorizedAt > claimedAt;
    if (decision === 'replace' && !overtaken) {
      return { result: await replace(userId, current, parked, startedAt), stays: false };
    }
    await discard(parked, current);
    return { result: { kind: 'kept', userId }, stays: !overtaken && current?.status === 'connected' };
  }

  async function waitForOtherAnswer({ id }: Attempt, { userId }: Undecided): Promise<SuccessfulResult> {
    for (let tries = 0; tries < waitForAnswerTries; tries += 1) {
      const result = (await attempts.find(id))?.result;
      if (result?.kind === 'failed') throw new ConnectError(result.code, 'another answer to this question failed');
      if (result && result.kind !== 'undecided') return result;
      await clock.sleep(waitForAnswerMilliseconds);
    }
    return { kind: 'kept', userId };
  }

  /**
   * Another person's grant is revoked. The same person's is only forgotten: nobody knows whether revoking it would end
   * the connection that is kept (decision 12).
   */
  async function discard({ grant, subject }: Authorization, current: Connection | null): Promise<void> {
    const known = subject !== null && current?.subject != null;
    if (!known || subject === current.subject || grant.refreshToken === null) return;
    await revocations.add(grant.refreshToken, clock.now());
  }

  /**
   * Attempts that were never decided leave the connection as it is. They do not count as connected, even where it works:
   * these people gave access and went no further, which is what an operator wants to see of them.
   */
  async function keepUndecided(startedBefore: Date): Promise<void> {
    for (const attempt of await attempts.listUndecided(startedBefore)) {
      if (attempt.result?.kind !== 'undecided') continue;
      const parked = await attempts.takeParked(attempt.id);
      // Without it, somebody is answering right now.
      if (parked) await settle(attempt, attempt.result, parked, 'keep');
    }
  }

  return { belongsToOther, replaceOrAsk, decide, keepUndecided };
}
