// What a series counts, and the invariants that it found broken.

import { appendFileSync } from 'node:fs';

export type Counts = ReturnType<typeof createCounts>;

export function createCounts(violationsFile: string) {
  const violations = new Map<string, number>();
  return {
    kills: new Map<string, number>(),
    stops: new Map<string, number>(),
    faults: new Map<string, number>(),
    /** Grants that ended, by what explains it. */
    lost: new Map<string, number>(),
    /** Connections that needed a reconnect, by the reason in their row. */
    reconnects: new Map<string, number>(),
    /** What callers were answered. */
    answers: new Map<string, number>(),
    replaysBesideSuccessor: 0,
    replaysWithoutSuccessor: 0,
    tokenCalls: 0,
    latencies: [] as number[],
    /** Broken invariants, and how often each was. */
    violations,
    /** `details`: whatever helps to look into it. */
    violate(invariant: string, details: string[]): void {
      add(violations, invariant);
      appendFileSync(violationsFile, [invariant, ...details, '', ''].join('\n'));
    },
  };
}

export function add(counts: Map<string, number>, what: string, times = 1): void {
  counts.set(what, (counts.get(what) ?? 0) + times);
}

export function total(counts: Map<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
