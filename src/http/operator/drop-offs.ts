// Where people stopped on their way, in the few words that an operator acts by.

import type { ErrorCode } from '../../core/errors.ts';
import type { OnboardingDay } from '../../core/onboarding-counts.ts';

/**
 * `lost`: never came back from Visma Connect. `cancelled`: said no there. `late`: came back too late, or elsewhere.
 * `theirs`: Visma Connect or Dinero failed. `ours`: this app did, or its registration. `no_company`: gave access and
 * went no further: chose no company, or left a question open.
 */
export const dropOffs = ['lost', 'cancelled', 'late', 'theirs', 'ours', 'no_company'] as const;
export type DropOff = (typeof dropOffs)[number];

/** A code that is new does not compile until it counts somewhere. */
const dropOffOfCode: Record<ErrorCode, DropOff> = {
  access_denied: 'cancelled',
  attempt_unknown: 'late',
  attempt_expired: 'late',
  attempt_other_browser: 'late',
  attempt_unfinished: 'late',
  not_connected: 'late',
  authorization_failed: 'theirs',
  authorization_response_invalid: 'theirs',
  grant_rejected: 'theirs',
  id_token_invalid: 'theirs',
  provider_unavailable: 'theirs',
  dinero_unavailable: 'theirs',
  dinero_rate_limited: 'theirs',
  dinero_unauthorized: 'theirs',
  dinero_rejected: 'theirs',
  dinero_quota_exhausted: 'theirs',
  needs_reconnect: 'theirs',
  organization_unknown: 'no_company',
  organization_not_chosen: 'no_company',
  organization_not_pro: 'no_company',
  client_rejected: 'ours',
  link_unknown: 'ours',
  link_expired: 'ours',
  link_used: 'ours',
  return_url_refused: 'ours',
  database_unavailable: 'ours',
  deployment_foreign: 'ours',
  misconfigured: 'ours',
};

/** How many stopped where. What comes back after midnight counts for its own day, so that a day may be short of some. */
export function countDropOffs({ started, returned, authorized, connected, failures }: OnboardingDay) {
  const totals = { lost: Math.max(0, started - returned), cancelled: 0, late: 0, theirs: 0, ours: 0, no_company: 0 };
  totals.no_company = Math.max(0, authorized - connected);
  for (const { code, total } of failures) totals[dropOffOfCode[code] ?? 'ours'] += total;
  return totals;
}

/** Several days as one, named by the first. */
export function addUp(days: OnboardingDay[]): OnboardingDay {
  const sum = (read: (day: OnboardingDay) => number) => days.reduce((total, day) => total + read(day), 0);
  const failures = new Map<ErrorCode, number>();
  for (const { code, total } of days.flatMap((one) => one.failures)) {
    failures.set(code, (failures.get(code) ?? 0) + total);
  }
  return {
    day: days[0]?.day ?? '',
    started: sum(({ started }) => started),
    returned: sum(({ returned }) => returned),
    authorized: sum(({ authorized }) => authorized),
    connected: sum(({ connected }) => connected),
    failures: [...failures].map(([code, total]) => ({ code, total })).sort((a, b) => b.total - a.total),
  };
}

/** Days as they are, or from the latest back in weeks when there are too many to be seen side by side. */
export function gather(days: OnboardingDay[], mostColumns: number): OnboardingDay[] {
  if (days.length <= mostColumns) return days;
  const first = days.length % 7;
  const weeks = Array.from({ length: Math.floor(days.length / 7) }, (_, week) =>
    days.slice(first + week * 7, first + (week + 1) * 7),
  );
  return [...(first > 0 ? [days.slice(0, first)] : []), ...weeks].map(addUp);
}
