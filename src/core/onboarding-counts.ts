// How many got how far on the way to a connection, day by day: numbers that outlive the attempts, and are of nobody.
// Counting is never what a sign-in waits for or fails by.

import type { ErrorCode } from './errors.ts';
import type { Clock } from './ports.ts';
import type { RunningWork } from './running-work.ts';
import type { FirstResult, OnboardingStep } from './types.ts';

/** So many steps of one kind on one day. `outcome` and `code` are null where a step has none. */
export type OnboardingCount = {
  /** In UTC, like `2026-11-21`. */
  day: string;
  step: OnboardingStep['step'];
  outcome: FirstResult['kind'] | null;
  code: ErrorCode | null;
  total: number;
};

export type OnboardingStore = {
  /** Adds to what is counted already, all or nothing; no two of them of one kind. Throws database_unavailable. */
  add(counts: OnboardingCount[]): Promise<void>;
  /** Those of that day and later, by day. */
  listFrom(day: string): Promise<OnboardingCount[]>;
  /** Answers how many it deleted. */
  deleteBefore(day: string): Promise<number>;
};

/**
 * One day. `returned` are back from Visma Connect in whatever way, `authorized` gave access, `connected` have a company
 * that works after that. `failures` are the ones that came back with a failure, by its code.
 */
export type OnboardingDay = {
  day: string;
  started: number;
  returned: number;
  authorized: number;
  connected: number;
  failures: { code: ErrorCode; total: number }[];
};

export type OnboardingCounts = ReturnType<typeof createOnboardingCounts>;

const dayMilliseconds = 24 * 3600 * 1000;
const keptDays = 400;
/** Many steps become one write; a process that is killed loses this much of them. */
const gatherMilliseconds = 250;

export function createOnboardingCounts(ports: { clock: Clock; onboarding: OnboardingStore }, work: RunningWork) {
  const { clock, onboarding } = ports;
  let waiting = new Map<string, OnboardingCount>();
  let gathering = false;

  /** Counts one step, soon and in the background. */
  function count(step: OnboardingStep): void {
    const { outcome, code } = step.step === 'finished' ? step : { outcome: null, code: null };
    keep({ day: dayOf(clock.now()), step: step.step, outcome, code, total: 1 });
    if (gathering) return;
    gathering = true;
    // Whatever fails here is kept, and tried again with the next step or by housekeeping.
    work.track(gather()).catch(() => {});
  }

  async function gather(): Promise<void> {
    await clock.sleep(gatherMilliseconds);
    gathering = false;
    await flush();
  }

  function keep(one: OnboardingCount): void {
    const kind = JSON.stringify([one.day, one.step, one.outcome, one.code]);
    const total = (waiting.get(kind)?.total ?? 0) + one.total;
    waiting.set(kind, { ...one, total });
  }

  /** Writes what is counted and not yet stored. Throws database_unavailable; then nothing is lost. */
  async function flush(): Promise<void> {
    const counts = [...waiting.values()];
    if (counts.length === 0) return;
    waiting = new Map();
    try {
      await onboarding.add(counts);
    } catch (error) {
      counts.forEach(keep);
      throw error;
    }
  }

  /** The last days, today included, oldest first, those without anybody too. Throws database_unavailable. */
  async function listDays(days: number): Promise<OnboardingDay[]> {
    const names = Array.from({ length: days }, (_, ago) => dayBefore(days - 1 - ago));
    const counts = await onboarding.listFrom(dayBefore(days - 1));
    return names.map((day) =>
      sum(
        day,
        counts.filter((one) => one.day === day),
      ),
    );
  }

  function dayBefore(days: number): string {
    return dayOf(new Date(clock.now().getTime() - days * dayMilliseconds));
  }

  return { count, flush, listDays, deleteOld: () => onboarding.deleteBefore(dayBefore(keptDays)) };
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 'yyyy-mm-dd'.length);
}

function sum(day: string, counts: OnboardingCount[]): OnboardingDay {
  const totalOf = (fits: (one: OnboardingCount) => boolean) =>
    counts.filter(fits).reduce((total, one) => total + one.total, 0);
  const finished = counts.filter(({ step }) => step === 'finished');
  return {
    day,
    started: totalOf(({ step }) => step === 'started'),
    returned: totalOf(({ step }) => step === 'finished'),
    authorized: totalOf(({ step, outcome }) => step === 'finished' && outcome !== 'failed'),
    connected: totalOf(({ step }) => step === 'connected'),
    failures: finished.flatMap(({ code, total }) => (code === null ? [] : [{ code, total }])),
  };
}
