// The last trips to Visma Connect as a developer sees them: what became of each, without whose it was.

import type { ErrorCode } from './errors.ts';
import type { Clock } from './ports.ts';
import type { AttemptStore, ListedAttempt } from './stores.ts';
import type { AttemptResult } from './types.ts';

/** `away`: has not come back, and still may. `lost`: may not any more. `returned`: is back, and nobody went on. */
export type AttemptOutcome = 'away' | 'lost' | 'returned' | AttemptResult['kind'];

/**
 * What most likely keeps an attempt away. `gave_up`: others came back before it, so what is registered was right.
 * `passed`: only later ones came back, so whatever it was is over.
 */
export type Absence = 'signing_in' | 'gave_up' | 'passed' | 'stranded';

export type AttemptSummary = {
  startedAt: Date;
  ageSeconds: number;
  outcome: AttemptOutcome;
  /** Why it failed; null for every other outcome. */
  code: ErrorCode | null;
  /** Null for one that is back. */
  absence: Absence | null;
};

const shownAttempts = 20;
/** Whoever is quick with a second factor needs no longer; before that nothing has gone wrong yet. */
const usualSignInSeconds = 120;

export function createAttempts({ attempts, clock }: { attempts: AttemptStore; clock: Clock }) {
  /** The last twenty, the latest first. Throws database_unavailable. */
  async function listLatest(): Promise<AttemptSummary[]> {
    const now = clock.now();
    const latest = await attempts.listLatest(shownAttempts);
    return latest.map((attempt, index) => {
      const ageSeconds = Math.max(0, Math.floor((now.getTime() - attempt.startedAt.getTime()) / 1000));
      const others = { earlier: latest.slice(index + 1), later: latest.slice(0, index) };
      return {
        startedAt: attempt.startedAt,
        ageSeconds,
        outcome: outcomeOf(attempt, now),
        code: attempt.result?.kind === 'failed' ? attempt.result.code : null,
        absence: attempt.returnedAt === null ? absenceOf(ageSeconds, others) : null,
      };
    });
  }

  return { listLatest };
}

function outcomeOf({ result, returnedAt, expiresAt }: ListedAttempt, now: Date): AttemptOutcome {
  if (result) return result.kind;
  if (returnedAt) return 'returned';
  return expiresAt > now ? 'away' : 'lost';
}

function absenceOf(ageSeconds: number, others: Record<'earlier' | 'later', ListedAttempt[]>): Absence {
  const isBack = ({ returnedAt }: ListedAttempt) => returnedAt !== null;
  if (ageSeconds < usualSignInSeconds) return 'signing_in';
  if (others.earlier.some(isBack)) return 'gave_up';
  return others.later.some(isBack) ? 'passed' : 'stranded';
}
