// The proof that a grant is never lost: kills, stops, cut answers and full disks, and an account of every grant.
//   npm run chaos -- --short

import { randomInt } from 'node:crypto';
import { type Runs, readCommandLine, usage } from './command-line.ts';
import { type Report, runSeries } from './series.ts';
import { renderTable } from './table.ts';

const exitCodes = { broken: 1, usage: 64, interrupted: 130 };

function readRuns(): Runs {
  try {
    return readCommandLine(process.argv.slice(2), randomInt(1_000_000));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(exitCodes.usage);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(exitCodes.interrupted));

const started = performance.now();
const elapsed = () => Math.round((performance.now() - started) / 1000);
const runs = readRuns();
const lists = await Promise.all(
  runs.map(async (list) => {
    const reports: Report[] = [];
    for (const options of list) {
      const say = (text: string) => process.stderr.write(`${elapsed()} s, ${options.name}: ${text}\n`);
      say(`begins with seed ${options.seed}`);
      reports.push(await runSeries(options, say));
    }
    return reports;
  }),
);
const reports = lists.flat();
process.stdout.write(`${renderTable(reports)}\n\n`);
process.stdout.write(`npm run chaos ${['--', ...process.argv.slice(2)].join(' ')}\n`);
process.stdout.write(`${elapsed()} s in all\n`);
for (const { options, counts, folder, diskMissing } of reports) {
  if (diskMissing) process.stdout.write(`${options.name}: no disk was filled, for none could be mounted\n`);
  if (counts.violations.size === 0) continue;
  process.exitCode = exitCodes.broken;
  process.stdout.write(`\nBROKEN in ${options.name}, seed ${options.seed}: see violations.txt in ${folder}\n`);
  for (const [invariant, times] of counts.violations) process.stdout.write(`  ${invariant} (${times})\n`);
}
