// How many got how far, day by day, in SQL.

import type { ErrorCode } from '../core/errors.ts';
import type { OnboardingCount, OnboardingStore } from '../core/onboarding-counts.ts';
import type { Database } from './database.ts';

/** Empty texts where there is no outcome or no code. */
type Row = { day: string; step: string; outcome: string; code: string; total: number | string };

export function createOnboardingStore(database: Database): OnboardingStore {
  return {
    async add(counts) {
      // In one order, so that no two processes wait for each other's rows.
      const rows = counts.map(toRow).sort((a, b) => (kindOf(a) < kindOf(b) ? -1 : 1));
      await database.runUnsynced((db) =>
        db<Row>('onboarding_counts')
          .insert(rows)
          .onConflict(['day', 'step', 'outcome', 'code'])
          .merge({ total: db.raw('onboarding_counts.total + excluded.total') as unknown as number }),
      );
    },

    async listFrom(day) {
      const rows = await database.run((db) =>
        db<Row>('onboarding_counts').where('day', '>=', day).orderBy(['day', 'step', 'outcome', 'code']),
      );
      return rows.map(toCount);
    },

    deleteBefore: (day) => database.run((db) => db<Row>('onboarding_counts').where('day', '<', day).delete()),
  };
}

function kindOf({ day, step, outcome, code }: Row): string {
  return `${day} ${step} ${outcome} ${code}`;
}

function toRow({ outcome, code, ...count }: OnboardingCount): Row {
  return { ...count, outcome: outcome ?? '', code: code ?? '' };
}

function toCount({ day, step, outcome, code, total }: Row): OnboardingCount {
  return {
    day,
    step: step as OnboardingCount['step'],
    outcome: outcome === '' ? null : (outcome as OnboardingCount['outcome']),
    code: code === '' ? null : (code as ErrorCode),
    total: Number(total),
  };
}
