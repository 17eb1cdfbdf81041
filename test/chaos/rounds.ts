// What happens to one process in its one life. Every round ends with SIGKILL.

import { type Point, points } from './points.ts';
import type { Random } from './random.ts';
import type { Plan } from './steps.ts';
import type { Times } from './time-scale.ts';

export type Round =
  | { kind: 'point'; point: Point; hit: number }
  /** Stopped there for so long, then continued. */
  | { kind: 'stop'; point: Point; hit: number; milliseconds: number; length: StopLength }
  | { kind: 'starting' | 'random'; afterMilliseconds: number }
  /** While it is asked for nothing. */
  | { kind: 'idle' }
  /** Every process at once, as when a machine loses its power. */
  | { kind: 'together'; afterMilliseconds: number };

/** Against the lease, and against the time after which others take over. */
export type StopLength = 'short' | 'past lease' | 'past patience';

/** Long enough for the sandbox's answer to be on its way, and for a commit to be in the middle of its writing. */
const withinMilliseconds: Partial<Record<Point, number>> = { during_token_call: 15, during_commit: 5 };

const stopPoints = points.filter((point) => point !== 'after_commit');
const killPoints: Point[] = [...points, 'during_commit'];

/** What the process itself has to do; null when the parent does it. */
export function planOf(round: Round): Plan | null {
  if (round.kind !== 'point' && round.kind !== 'stop') return null;
  const { point, hit, kind } = round;
  const signal = kind === 'stop' ? 'SIGSTOP' : 'SIGKILL';
  return { signal, point, hit, withinMilliseconds: withinMilliseconds[point] ?? 0 };
}

/** `at`: for whoever looks into one point. */
function drawRound(random: Random, times: Times, at: Point | null): Round {
  const chance = random.next();
  const hit = 1 + Math.floor(random.next() * 4);
  if (at) return chance < 0.5 ? { kind: 'point', point: at, hit } : drawStop(random, times, at, hit);
  if (chance < 0.66) return { kind: 'point', point: random.pick(killPoints), hit };
  if (chance < 0.82) return { kind: 'random', afterMilliseconds: random.between(0, 800) };
  if (chance < 0.86) return { kind: 'starting', afterMilliseconds: random.between(30, 700) };
  if (chance < 0.9) return { kind: 'idle' };
  if (chance < 0.92) return { kind: 'together', afterMilliseconds: random.between(100, 600) };
  return drawStop(random, times, random.pick(stopPoints), hit);
}

function drawStop(random: Random, times: Times, point: Point, hit: number): Round {
  // One that is stopped with the database's lock keeps everybody from writing: for no longer than others hold out.
  if (point === 'during_commit') return makeStop('short', times, point, hit);
  // One that was stopped between its last look at the clock and the sending cannot know of it: patience covers it.
  const lengths: StopLength[] =
    point === 'sending' ? ['short', 'past lease'] : ['short', 'past lease', 'past patience'];
  return makeStop(random.pick(lengths), times, point, hit);
}

/** Lease and patience, and what whoever was told to wait needs to come back and to look twice. */
const takeoverMilliseconds = ({ lease, patience }: Times) => lease + patience + 5_000;

function makeStop(length: StopLength, times: Times, point: Point, hit: number): Round {
  const { lease, tokenTimeout } = times;
  const milliseconds = {
    short: lease / 2,
    // And past the time limit of a token call, for its answer may be there and unread when the process goes on.
    'past lease': Math.max(lease * 2.5, point === 'during_token_call' ? tokenTimeout * 1.2 : 0),
    'past patience': takeoverMilliseconds(times),
  }[length];
  return { kind: 'stop', point, hit, milliseconds, length };
}

/**
 * A holder that is stopped until others have taken over, and others that live long enough for that: one round for each
 * process. Whoever is killed all the time takes nothing over.
 */
function listTakeover(times: Times, processes: number, ...stopped: Point[]): Round[] {
  const stops = stopped.map((point) => makeStop('past patience', times, point, 1));
  const afterMilliseconds = takeoverMilliseconds(times) + 2_000;
  const quiet = Array.from({ length: processes - stops.length }, (): Round => ({ kind: 'random', afterMilliseconds }));
  return [...stops, ...quiet];
}

/** One of everything for CI, with four processes. */
export function listShortRounds(times: Times): Round[] {
  const everyPoint = points.map((point, index): Round => ({ kind: 'point', point, hit: 1 + (index % 2) }));
  return [
    ...listTakeover(times, 4, 'before_token_call', 'after_answer'),
    makeStop('past lease', times, 'after_answer', 1),
    ...everyPoint,
    { kind: 'starting', afterMilliseconds: 200 },
    { kind: 'idle' },
    { kind: 'together', afterMilliseconds: 300 },
    makeStop('past lease', times, 'before_token_call', 1),
    ...everyPoint,
    { kind: 'random', afterMilliseconds: 300 },
  ];
}

/** So many, of which the first are takeovers when there are enough of them. */
export function drawRounds(random: Random, times: Times, count: number, processes: number, at: Point | null): Round[] {
  const stopped: Point[] = at ? [at] : ['before_token_call', 'after_lease', 'after_answer', 'before_commit'];
  const takeovers = stopped.flatMap((point) => listTakeover(times, processes, point));
  const first = count >= 2 * takeovers.length && processes > 1 ? takeovers : [];
  return [...first, ...Array.from({ length: count - first.length }, () => drawRound(random, times, at))];
}

/** For the true times, in which a stop takes minutes: each point once, and the stops that matter most. Four processes. */
export function listSlowRounds(times: Times): Round[] {
  return [
    makeStop('past patience', times, 'before_token_call', 1),
    makeStop('past patience', times, 'after_lease', 1),
    ...points.map((point): Round => ({ kind: 'point', point, hit: 1 })),
    { kind: 'random', afterMilliseconds: 400 },
    makeStop('past lease', times, 'during_token_call', 1),
    makeStop('past lease', times, 'after_answer', 1),
  ];
}
