// The command line: one series by its options, or a set of series by name.

import { parseArgs } from 'node:util';
import { engineName } from '../support/databases.ts';
import { type Point, points } from './points.ts';

export type SeriesOptions = {
  name: string;
  /** `short` and `slow`: one round of everything. */
  rounds: number | 'short' | 'slow';
  processes: number;
  customers: number;
  seed: number;
  use: 're-use' | 'one-time';
  graceSeconds: 0 | 60;
  /** All waits of the refresh protocol are shorter by this factor. */
  scale: number;
  /** How often the disk is filled, after the rounds. */
  diskFills: number;
  /** Kills and stops there alone; null for everything. */
  at: Point | null;
};

export const usage = `npm run chaos                       everything: over 1,000 kills, about 15 minutes
npm run chaos -- --short            one round of everything, under a minute
npm run chaos -- --rounds N [--processes 3] [--customers 48] [--seed S] [--grace 0|60] [--use one-time|re-use]
                 [--scale 20] [--disk-fills 0] [--at POINT]
`;

/** Series that run one after the other; each list runs beside the others. */
export type Runs = SeriesOptions[][];

/** Throws with a sentence when an option is wrong. */
export function readCommandLine(args: string[], randomSeed: number): Runs {
  const { values } = parseArgs({
    args,
    options: {
      short: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      processes: { type: 'string', default: '3' },
      customers: { type: 'string', default: '48' },
      seed: { type: 'string', default: String(randomSeed) },
      grace: { type: 'string', default: '0' },
      use: { type: 'string', default: 'one-time' },
      scale: { type: 'string', default: '20' },
      'disk-fills': { type: 'string', default: '0' },
      at: { type: 'string' },
    },
  });
  const seed = toNumber('seed', values.seed);
  if (values.short) return leaveDisksOut(listShort(seed));
  if (values.rounds === undefined) return leaveDisksOut(listAll(seed));
  const { grace, use } = values;
  if (grace !== '0' && grace !== '60') throw new Error('--grace is 0 or 60');
  if (use !== 'one-time' && use !== 're-use') throw new Error('--use is one-time or re-use');
  if (grace === '60' && use === 're-use') throw new Error('--grace 60 is for --use one-time');
  const at = points.find((point) => point === values.at) ?? null;
  if (values.at !== undefined && at === null) throw new Error(`--at is one of ${points.join(', ')}`);
  const options: SeriesOptions = {
    name: nameOf(use, grace),
    rounds: toNumber('rounds', values.rounds),
    processes: Math.max(1, toNumber('processes', values.processes)),
    customers: Math.max(1, toNumber('customers', values.customers)),
    seed,
    use,
    graceSeconds: grace === '60' ? 60 : 0,
    scale: Math.max(1, toNumber('scale', values.scale)),
    diskFills: toNumber('disk-fills', values['disk-fills']),
    at,
  };
  return [[options]];
}

/** A disk of PostgreSQL's is not ours to fill. */
function leaveDisksOut(runs: Runs): Runs {
  if (engineName === 'SQLite') return runs;
  return runs.map((list) => list.filter(({ diskFills }) => diskFills === 0)).filter((list) => list.length > 0);
}

function listShort(seed: number): Runs {
  const common = { seed, rounds: 'short', processes: 4, customers: 20, use: 'one-time', scale: 40, at: null } as const;
  return [
    [{ ...common, name: nameOf('one-time', '0'), graceSeconds: 0, diskFills: 0 }],
    [{ ...common, name: 'full disk', rounds: 0, customers: 8, graceSeconds: 0, diskFills: 3 }],
  ];
}

function listAll(seed: number): Runs {
  const common = { seed, processes: 3, customers: 48, use: 'one-time', graceSeconds: 0, scale: 20, at: null } as const;
  return [
    [
      { ...common, name: nameOf('one-time', '0'), rounds: 800, diskFills: 0 },
      { ...common, name: nameOf('one-time', '60'), rounds: 250, graceSeconds: 60, diskFills: 0 },
      { ...common, name: nameOf('re-use', '0'), rounds: 60, use: 're-use', diskFills: 0 },
      { ...common, name: 'full disk', rounds: 0, customers: 24, diskFills: 8 },
    ],
    // Waits most of its time, so it takes none of the others'.
    [{ ...common, name: 'true times', rounds: 'slow', processes: 4, customers: 24, scale: 1, diskFills: 0 }],
  ];
}

const nameOf = (use: string, grace: string) => (use === 're-use' ? 're-use' : `one-time, grace ${grace} s`);

function toNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || text === '') throw new Error(`--${name} is a whole number`);
  return value;
}
