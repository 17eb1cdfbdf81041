// When a grant may be, and when it has to be, refreshed, and when its end is near: arithmetic alone.

import type { Connection, Grant, RefreshState, WarningDays } from './types.ts';

/** The portal's setting (facts, section 1); no answer of the provider tells it. */
export type RefreshTokenPolicy = {
  /** The same token until its fixed end, or a new one each time with a sliding end. */
  use: 're-use' | 'one-time';
  lifetimeSeconds: number;
  /** For so long after its first use a spent one-time token is still answered. */
  graceSeconds: number;
};

/** Token calls take 20 seconds at most, so a lease that is kept prolonged never ends under a running call. */
export const leaseMilliseconds = 30_000;
/** After this much of a lease nothing is sent any more: clocks of two machines may differ by the rest. */
export const sendLimitMilliseconds = 20_000;
/** How often a grant that the database did not take is offered to it again. */
export const heldPauseMilliseconds = 1_000;
/** How long a holder that went silent may come back with what the provider answered (decision 11). */
const patienceMilliseconds = 5 * 60_000;
/** What the way to the provider may take, off the grace period. */
const graceMarginMilliseconds = 1_000;
const firstBackoffSeconds = 5;
const longestBackoffSeconds = 900;
const longestRetryAfterSeconds = 3_600;
/** A clock that was set back by less makes no difference (requirements, F23). */
const clockToleranceMilliseconds = 5 * 60_000;

const day = 24 * 3600 * 1000;
const warnings: WarningDays[] = [30, 7, 1];

type Dates = Pick<Connection, 'refreshExpiresAt' | 'warnedDays' | 'authorizedAt'>;

/** End of a refresh token that was issued or slid at `now`; null when the grant has none. */
export function refreshExpiryFrom(policy: RefreshTokenPolicy, grant: Grant, now: Date): Date | null {
  return grant.refreshToken === null ? null : new Date(now.getTime() + policy.lifetimeSeconds * 1000);
}

/** True when the access token is good for longer than `seconds`, by a clock that was not set back meanwhile. */
export function livesLongerThan(seconds: number, { expiresAt, obtainedAt }: Grant, now: Date): boolean {
  const setBack = obtainedAt.getTime() > now.getTime() + clockToleranceMilliseconds;
  return !setBack && expiresAt.getTime() - now.getTime() > seconds * 1000;
}

/** True while somebody has the right to refresh. A lease that ends much later than any can is a clock's mistake. */
export function isLeased({ leaseUntil }: RefreshState, now: Date): boolean {
  const left = (leaseUntil?.getTime() ?? 0) - now.getTime();
  return left > 0 && left <= leaseMilliseconds + clockToleranceMilliseconds;
}

/** True when a spent one-time token of this generation would still be answered. */
export function isInGrace(policy: RefreshTokenPolicy, sentAt: Date | null, now: Date): boolean {
  if (policy.use !== 'one-time' || sentAt === null) return false;
  const since = now.getTime() - sentAt.getTime();
  return since >= 0 && since < policy.graceSeconds * 1000 - graceMarginMilliseconds;
}

/** The first moment at which this generation's refresh token may be sent; `now` when that is at once. */
export function earliestAttempt(policy: RefreshTokenPolicy, state: RefreshState, now: Date): Date {
  const { leaseUntil, nextAttemptAt } = state;
  if (nextAttemptAt && isWithin(nextAttemptAt, now, longestRetryAfterSeconds * 1000)) return nextAttemptAt;
  if (leaseUntil === null || !mayComeBack(policy, state, now)) return now;
  const patient = new Date(leaseUntil.getTime() + patienceMilliseconds);
  return isWithin(patient, now, patienceMilliseconds + leaseMilliseconds + clockToleranceMilliseconds) ? patient : now;
}

/** True when a holder went silent that may have got a new token for this one, which is spent then. */
export function mayComeBack(policy: RefreshTokenPolicy, state: RefreshState, now: Date): boolean {
  const { leaseOwner, sentAt } = state;
  return policy.use === 'one-time' && leaseOwner !== null && sentAt !== null && !isInGrace(policy, sentAt, now);
}

function isWithin(time: Date, now: Date, milliseconds: number): boolean {
  return time > now && time.getTime() - now.getTime() <= milliseconds;
}

/** Seconds until the next attempt after that many failures in a row: doubling, with jitter, or as we were told. */
export function backoffSeconds(failures: number, retryAfterSeconds: number | null): number {
  const doubled = Math.min(firstBackoffSeconds * 2 ** (failures - 1), longestBackoffSeconds);
  const jittered = doubled * (0.75 + Math.random() / 4);
  return Math.min(Math.max(jittered, retryAfterSeconds ?? 0), longestRetryAfterSeconds);
}

/** When keep-alive has to look at a connection with these dates; null when never. */
export function nextDue(policy: RefreshTokenPolicy, grant: Grant, dates: Dates, now: Date): Date | null {
  const end = dates.refreshExpiresAt;
  if (grant.refreshToken === null || end === null) return grant.expiresAt;
  if (policy.use === 'one-time') {
    const spread = 0.4 + Math.random() / 10;
    return new Date(end.getTime() - policy.lifetimeSeconds * 1000 * spread);
  }
  // Past an end that the provider does not know of, the setting is wrong; a look a day keeps that from being forgotten.
  if (end <= now) return new Date(now.getTime() + day);
  const [days] = warningsLeft(dates);
  return days === undefined ? end : new Date(end.getTime() - days * day);
}

/** The warning that is due now: the tightest one, so that a long silence is not made up for. Null when none is. */
export function dueWarning(policy: RefreshTokenPolicy, dates: Dates, now: Date): WarningDays | null {
  const end = dates.refreshExpiresAt;
  if (policy.use === 'one-time' || end === null || end <= now) return null;
  return warningsLeft(dates).findLast((days) => end.getTime() - now.getTime() <= days * day) ?? null;
}

/** In their order; a grant that was given for less than a warning's time is not warned of so early. */
function warningsLeft({ refreshExpiresAt: end, warnedDays, authorizedAt }: Dates): WarningDays[] {
  if (end === null) return [];
  return warnings.filter(
    (days) => (warnedDays === null || days < warnedDays) && end.getTime() - authorizedAt.getTime() > days * day,
  );
}

/** True when a connection would lapse unless it is refreshed now, or when its end has to be found out. */
export function needsRefresh(policy: RefreshTokenPolicy, connection: Connection & { grant: Grant }, now: Date) {
  const { grant, refreshExpiresAt: end, refreshState } = connection;
  if (grant.refreshToken === null || end === null) return grant.expiresAt <= now;
  if (policy.use === 're-use') return end <= now;
  if (refreshState.sentAt !== null) return true;
  return end.getTime() - now.getTime() <= (policy.lifetimeSeconds * 1000) / 2;
}
