// One of the app's processes: a real one, with its port and its journal, and the ways in which it ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { planOf, type Round } from './rounds.ts';
import type { Line, Orders } from './steps.ts';

export type AppProcess = {
  readonly id: number;
  readonly port: number;
  readonly pid: number;
  /** Null for one that serves until the end. */
  readonly round: Round | null;
  /** `resting`: alive, and to be asked for nothing. */
  state: 'starting' | 'ready' | 'resting' | 'stopped' | 'ended';
  /** Null when it did it itself, as its plan says. */
  killedAs: string | null;
  exit: { code: number | null; signal: NodeJS.Signals | null } | null;
  endedAt: number | null;
  stops: { from: number; until: number }[];
  output: string;
  /** The journal as far as it was read. */
  lines: Line[];
  readJournal(): void;
  /** Resolves also when it ended, or did not become ready in time. */
  ready: Promise<void>;
  ended: Promise<void>;
};

const crashPoints = resolve(import.meta.dirname, 'crash-points.ts');
const main = resolve(import.meta.dirname, '../../src/main.ts');
const startLimitMilliseconds = 30_000;
const stopLimitMilliseconds = 30_000;
const mostOutput = 20_000;

export function startProcess(
  where: { id: number; port: number; folder: string; scale: number; env: Record<string, string> },
  round: Round | null,
): AppProcess {
  const { id, port, folder, scale } = where;
  const journal = join(folder, `journal-${id}.jsonl`);
  closeSync(openSync(journal, 'w'));
  const orders: Orders = { journal, scale, plan: round && planOf(round) };
  const child = spawn(process.execPath, ['--import', crashPoints, main], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', ...where.env, PORT: String(port), CHAOS: JSON.stringify(orders) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const readNew = createReader(journal);
  const one: AppProcess = {
    id,
    port,
    pid: child.pid ?? 0,
    round,
    state: 'starting',
    killedAs: null,
    exit: null,
    endedAt: null,
    stops: [],
    output: '',
    lines: [],
    readJournal: () => {
      one.lines.push(...readNew());
    },
    ready: Promise.resolve(),
    ended: once(child, 'exit').then(([code, signal]) => {
      Object.assign(one, { state: 'ended', exit: { code, signal }, endedAt: Date.now() });
      one.readJournal();
    }),
  };
  const late = sleep(startLimitMilliseconds, undefined, { ref: false });
  one.ready = Promise.race([hearReady(child, one), one.ended, late]);
  return one;
}

function hearReady(child: ChildProcess, one: AppProcess): Promise<void> {
  return new Promise((done) => {
    const take = (chunk: Buffer) => {
      one.output = (one.output + chunk).slice(-mostOutput);
      if (one.state !== 'starting' || !one.output.includes('is ready')) return;
      one.state = 'ready';
      done();
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
  });
}

/** A line that is only half written yet, or for ever, is left for the next time. */
function createReader(file: string): () => Line[] {
  let position = 0;
  return () => {
    const journal = openSync(file, 'r');
    const unread = Buffer.alloc(Math.max(0, fstatSync(journal).size - position));
    const read = readSync(journal, unread, 0, unread.length, position);
    closeSync(journal);
    const whole = unread.subarray(0, unread.subarray(0, read).lastIndexOf('\n') + 1);
    position += whole.length;
    return whole
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  };
}

export function send(one: AppProcess, signal: NodeJS.Signals): void {
  if (one.state !== 'ended' && one.pid > 0) process.kill(one.pid, signal);
}

export async function kill(one: AppProcess, as: string): Promise<void> {
  if (one.state !== 'ended') one.killedAs ??= as;
  send(one, 'SIGKILL');
  await one.ended;
}

/** Ends as operators end it: what it has begun is to be finished. The exit code; null when it had to be killed. */
export async function terminate(one: AppProcess): Promise<number | null> {
  send(one, 'SIGTERM');
  await Promise.race([one.ended, sleep(stopLimitMilliseconds, undefined, { ref: false })]);
  if (one.state !== 'ended') await kill(one, 'did not end');
  return one.exit?.code ?? null;
}

/** True while the process is stopped by a signal. */
export function isStopped({ pid, state }: AppProcess): boolean {
  if (state === 'ended') return false;
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return status.slice(status.lastIndexOf(')') + 2).startsWith('T');
  } catch {
    return false;
  }
}

/** For so many milliseconds, at most, it was stopped without a pause while something lasted. */
export function longestStop({ stops }: AppProcess, from: number, until: number): number {
  const overlapping = stops.filter((stop) => stop.from <= until && stop.until >= from);
  return Math.max(0, ...overlapping.map((stop) => Math.min(stop.until, Date.now()) - stop.from));
}
