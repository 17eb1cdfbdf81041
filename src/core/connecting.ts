// One trip to Visma Connect and back: start it, take what the callback brings, finish it once (design, section 5).

import { createHash, randomUUID } from 'node:crypto';
import { ConnectError, type ErrorCode, isConnectError } from './errors.ts';
import type { Clock, IdentityProvider, OnboardingWatch } from './ports.ts';
import type { Replacing, SuccessfulResult } from './replacing.ts';
import type { RunningWork } from './running-work.ts';
import type { AttemptStore, IdentityStore } from './stores.ts';
import type {
  Attempt,
  AttemptResult,
  Authorization,
  AuthorizationResponse,
  FirstResult,
  Identity,
  Language,
} from './types.ts';

/** An hour: a person with a second factor and a telephone call in between still gets through (decision 5). */
const attemptLifetimeSeconds = 3600;

const waitForOtherFinishMilliseconds = 250;
/** 45 seconds: a token call and two of Dinero may take that long. */
const waitForOtherFinishTries = 180;
const longestFinishMilliseconds = waitForOtherFinishMilliseconds * waitForOtherFinishTries;
/** For so long a second visit counts as part of the first one: a double click, a reload. */
const repeatMilliseconds = 120_000;

export function createConnecting(
  ports: {
    clock: Clock;
    identityProvider: IdentityProvider;
    attempts: AttemptStore;
    identities: IdentityStore;
    watchOnboarding: OnboardingWatch;
  },
  replacing: Replacing,
  work: RunningWork,
) {
  const { clock, identityProvider, attempts, identities, watchOnboarding } = ports;

  /** Stores an attempt and answers the URL to send this browser to. Throws provider_unavailable, database_unavailable. */
  async function start(who: {
    browserId: string;
    userId: string;
    linkId: string | null;
    language: Language;
    signInAgain: boolean;
  }): Promise<{ authorizationUrl: string }> {
    const { url, state, secrets } = await identityProvider.createAuthorizationRequest(who);
    const now = clock.now();
    await attempts.insert({
      id: randomUUID(),
      stateHash: hash(state),
      secrets,
      linkId: who.linkId,
      browserId: who.browserId,
      userId: who.userId,
      startedAt: now,
      expiresAt: new Date(now.getTime() + attemptLifetimeSeconds * 1000),
      returnedAt: null,
      response: null,
      claimedAt: null,
      result: null,
    });
    watchOnboarding({ step: 'started' });
    return { authorizationUrl: url };
  }

  /**
   * Parks what the callback brought on the attempt that `state` names, the first time only. Answers the attempt's id to
   * whoever brings what is parked, and `null` to everybody else: the id is the proof that this browser came back from
   * the consent. Without that, who starts an attempt could have somebody else consent to it (decision 1).
   */
  async function receive(state: string, response: AuthorizationResponse): Promise<string | null> {
    const responseHash = hash(
      JSON.stringify([response.kind, response.kind === 'code' ? response.code : response.error]),
    );
    return attempts.markReturned(hash(state), response, responseHash, clock.now());
  }

  /**
   * Finishes a returned attempt for the browser that started it: once; every further visit gets the first one's
   * result, and `isRepeat` when it comes so much later that it is no part of signing in any more. Another browser, or
   * none (`null`), ends the attempt: whoever consented was not who started.
   * Throws attempt_unknown, attempt_other_browser, attempt_expired, attempt_unfinished (not back yet, or its finish was
   * cut off), and whatever code the attempt failed with.
   */
  async function finish(
    attemptId: string,
    browserId: string | null,
  ): Promise<SuccessfulResult & { isRepeat: boolean; linkId: string | null }> {
    const attempt = await attempts.find(attemptId);
    if (!attempt) throw new ConnectError('attempt_unknown', 'no attempt has this id');
    if (attempt.browserId !== browserId) return refuseOtherBrowser(attempt);
    const result = succeed(attempt.result ?? (await work.track(finishOnce(attempt))));
    const now = clock.now().getTime();
    const isRepeat = now - (attempt.claimedAt?.getTime() ?? now) > repeatMilliseconds;
    return { ...result, isRepeat, linkId: attempt.linkId };
  }

  /** The link that this browser's attempt came by; null for none, and for an attempt of another browser. */
  async function findLink(attemptId: string, browserId: string | null): Promise<string | null> {
    const attempt = await attempts.find(attemptId);
    return attempt?.browserId === browserId ? attempt.linkId : null;
  }

  async function refuseOtherBrowser(attempt: Attempt): Promise<never> {
    const unused = await attempts.claim(attempt.id, clock.now());
    if (unused) await end(attempt, { kind: 'failed', code: 'attempt_other_browser' }, null);
    throw new ConnectError('attempt_other_browser', 'an attempt came back in another browser than it left from');
  }

  async function finishOnce(attempt: Attempt): Promise<AttemptResult> {
    if (!(await attempts.claim(attempt.id, clock.now()))) return waitForOtherFinish(attempt);
    try {
      const { result, parked } = await authorize(attempt);
      await end(attempt, result, parked);
      return result;
    } catch (error) {
      const code = isConnectError(error) ? error.code : 'attempt_unfinished';
      await end(attempt, { kind: 'failed', code }, null);
      throw error;
    }
  }

  async function end({ id }: Attempt, result: FirstResult, parked: Authorization | null): Promise<void> {
    await attempts.finish(id, result, parked);
    watchOnboarding({
      step: 'finished',
      outcome: result.kind,
      code: result.kind === 'failed' ? result.code : null,
    });
  }

  async function authorize(attempt: Attempt): ReturnType<Replacing['replaceOrAsk']> {
    const { response, secrets } = attempt;
    if (response === null || secrets === null) throw new ConnectError('attempt_unfinished', 'what was parked is gone');
    if (attempt.expiresAt <= clock.now()) throw new ConnectError('attempt_expired', 'the attempt came back too late');
    if (response.kind === 'error') throw new ConnectError(codeOf(response.error), 'the provider sent an error back');
    const { grant, subject, identity } = await identityProvider.exchangeCode(response, secrets);
    // Whom a link is for, its integrator has said; one person may sign in for several of its users.
    const userId = identity && attempt.linkId === null ? await nameUser(identity, attempt) : attempt.userId;
    return replacing.replaceOrAsk(userId, { grant, subject }, attempt.startedAt);
  }

  async function nameUser(identity: Identity, { userId }: Attempt): Promise<string> {
    const taken = await replacing.belongsToOther(userId, identity.subject);
    return identities.nameUser(identity, taken ? randomUUID() : userId, clock.now());
  }

  /** Another visit is exchanging the code right now, or died while it did. */
  async function waitForOtherFinish(attempt: Attempt): Promise<AttemptResult> {
    for (let tries = 0; tries < waitForOtherFinishTries; tries += 1) {
      const current = await attempts.find(attempt.id);
      if (current?.result) return current.result;
      if (!current?.claimedAt || clock.now().getTime() - current.claimedAt.getTime() > longestFinishMilliseconds) break;
      await clock.sleep(waitForOtherFinishMilliseconds);
    }
    return { kind: 'failed', code: 'attempt_unfinished' };
  }

  /**
   * What became of a finished attempt so far: while it is undecided, what the person has to be asked. Throws what
   * `decide` throws.
   */
  async function describe(attemptId: string, browserId: string | null): Promise<SuccessfulResult> {
    const attempt = await attempts.find(attemptId);
    if (!attempt?.result) throw new ConnectError('attempt_unknown', 'no finished attempt has this id');
    if (attempt.browserId !== browserId) {
      throw new ConnectError('attempt_other_browser', 'a decision was asked for in another browser than the attempt');
    }
    const result = succeed(attempt.result);
    if (result.kind === 'undecided' && attempt.expiresAt <= clock.now()) {
      throw new ConnectError('attempt_expired', 'the decision is asked for too late');
    }
    return result;
  }

  /**
   * The person's answer to an undecided attempt: `replace` what the connection had, or `keep` it. A second answer
   * changes nothing. Throws what `finish` throws for a wrong browser, an unknown or a late attempt.
   */
  async function decide(
    attemptId: string,
    browserId: string | null,
    decision: 'replace' | 'keep',
  ): Promise<SuccessfulResult> {
    const attempt = await attempts.find(attemptId);
    if (!attempt?.result) throw new ConnectError('attempt_unknown', 'no attempt waits for this decision');
    if (attempt.browserId !== browserId) {
      throw new ConnectError('attempt_other_browser', 'a decision came from another browser than the attempt');
    }
    const result = succeed(attempt.result);
    if (result.kind !== 'undecided') return result;
    if (attempt.expiresAt <= clock.now()) throw new ConnectError('attempt_expired', 'the decision came too late');
    return work.track(replacing.decide(attempt, result, decision));
  }

  return { start, receive, finish, findLink, describe, decide };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

function succeed(result: AttemptResult): SuccessfulResult {
  if (result.kind === 'failed') throw new ConnectError(result.code, 'this attempt has failed before');
  return result;
}

function codeOf(error: string): ErrorCode {
  if (error === 'access_denied') return 'access_denied';
  if (error === 'temporarily_unavailable' || error === 'server_error') return 'provider_unavailable';
  return 'authorization_failed';
}
