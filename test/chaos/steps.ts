// In the app's process: writes down each step of the refresh protocol before it is taken, and dies or stops at the one
// that the plan names. Tokens appear as fingerprints alone.

import { createHash } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Point } from './points.ts';

export type Step =
  | Point
  | 'lease_refused'
  | 'held_back'
  | 'commit_failed'
  | 'released'
  | 'authorized'
  | 'stopping'
  | 'continued';

export type Facts = {
  connection?: string;
  generation?: number;
  /** Fingerprint of the refresh token that is used or replaced. */
  token?: string | null;
  /** Fingerprint of the one that came. */
  successor?: string | null;
  outcome?: string;
  message?: string;
  /** Whether the row was still the one that was to be written. */
  written?: boolean;
};
export type Line = Facts & { at: number; step: Step };

/** `hit`: at the how manieth time. `withinMilliseconds`: a moment up to so much later, for what takes time. */
export type Plan = { signal: 'SIGKILL' | 'SIGSTOP'; point: Point; hit: number; withinMilliseconds: number };
/** What the parent hands in by the environment variable CHAOS. */
export type Orders = { journal: string; scale: number; plan: Plan | null };

export const orders = JSON.parse(process.env.CHAOS ?? 'null') as Orders | null;

const journal = orders ? openSync(orders.journal, 'a') : null;
const plan = orders?.plan ?? null;
const happensLater = plan?.point === 'during_token_call' || plan?.point === 'during_commit';
const strike = plan && happensLater ? prepareStrike(plan) : null;
let hits = 0;

export function fingerprint(token: string | null): string | null {
  return token === null ? null : createHash('sha256').update(token).digest('base64url').slice(0, 12);
}

export function note(step: Step, facts: Facts = {}): void {
  if (journal !== null) writeSync(journal, `${JSON.stringify({ at: Date.now(), step, ...facts })}\n`);
}

/** Notes the point, and does there what the plan says. */
export function reach(point: Point, facts: Facts = {}): void {
  note(point, facts);
  if (plan?.point !== point) return;
  hits += 1;
  if (hits !== plan.hit) return;
  if (strike) {
    strike();
    return;
  }
  if (plan.signal === 'SIGSTOP') note('stopping', facts);
  process.kill(process.pid, plan.signal);
  // A signal to oneself may be taken a moment later.
  if (plan.signal === 'SIGKILL') for (;;);
  note('continued', facts);
}

/** The main thread writes to SQLite without a pause, so somebody else has to strike meanwhile. */
function prepareStrike({ signal, withinMilliseconds }: Plan): () => void {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('./striker.ts', import.meta.url), {
    workerData: { shared, signal, delayMilliseconds: Math.random() * withinMilliseconds },
    execArgv: [],
  });
  worker.unref();
  return () => {
    Atomics.store(shared, 0, 1);
    Atomics.notify(shared, 0);
  };
}
