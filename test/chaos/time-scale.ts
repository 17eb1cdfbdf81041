// The waits of the refresh protocol are minutes long. A run shortens the long ones by one factor, in the source that the
// processes load; a constant that is not found ends the run, for its times would be a mixture.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const schedule = 'src/core/refresh-schedule.ts';

type Constant = { file: string; name: RegExp; most?: number };

/** `name` is what stands before the number. `most`: it shrinks by no more. */
const constants = {
  lease: { file: schedule, name: /const leaseMilliseconds = / },
  sendLimit: { file: schedule, name: /const sendLimitMilliseconds = / },
  patience: { file: schedule, name: /const patienceMilliseconds = / },
  firstBackoff: { file: schedule, name: /const firstBackoffSeconds = / },
  // A machine under load may take a second for an answer.
  tokenTimeout: {
    file: 'src/adapters/visma-connect.ts',
    name: /const token(?:TimeoutMilliseconds = |Calls = \{[^}]*timeoutMilliseconds: )/,
    most: 4,
  },
} satisfies Record<string, Constant>;

const constantsOf = (url: string): Constant[] =>
  Object.values(constants).filter(({ file }) => url.endsWith(`/${file}`));

export function isScaled(url: string): boolean {
  return constantsOf(url).length > 0;
}

/** The source with its constants divided. `url` is the module's. */
export function scaleSource(url: string, source: string, scale: number): string {
  let scaled = source;
  for (const constant of constantsOf(url)) {
    const { before, product, value } = find(constant, scaled, scale);
    scaled = scaled.replace(before + product, before + value);
  }
  return scaled;
}

export type Times = ReturnType<typeof readTimes>;

/** What the processes will wait, in milliseconds. */
export function readTimes(scale: number) {
  const read = (constant: Constant) => find(constant, readFileSync(join(root, constant.file), 'utf8'), scale).value;
  const { lease, patience, tokenTimeout } = constants;
  const times = { lease: read(lease), patience: read(patience), tokenTimeout: read(tokenTimeout) };
  // Who is stopped for longer may find the grant given up: the lease was prolonged last some time before the stop.
  return { ...times, tooLong: times.patience + times.lease / 2 };
}

function find({ file, name, most }: Constant, source: string, scale: number) {
  const [, before, product] = new RegExp(`(${name.source})([\\d_]+(?: \\* [\\d_]+)*)`).exec(source) ?? [];
  if (before === undefined || product === undefined) {
    throw new Error(`${file} has no ${name.source} any more: see test/chaos/time-scale.ts`);
  }
  const whole = product.split('*').reduce((sofar, factor) => sofar * Number(factor.replaceAll('_', '')), 1);
  return { before, product, value: whole / Math.min(scale, most ?? scale) };
}
