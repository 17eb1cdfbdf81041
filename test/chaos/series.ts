// One series: processes, customers and faults under one policy of refresh tokens, from the first sign-in to the verdict.

import { type AppProcess, terminate } from './app-process.ts';
import { audit } from './audit.ts';
import type { SeriesOptions } from './command-line.ts';
import type { Counts } from './counts.ts';
import { causeFaults } from './faults.ts';
import type { Fleet } from './fleet.ts';
import { fillDisk } from './full-disk.ts';
import { runRounds } from './lives.ts';
import { drawRounds, listShortRounds, listSlowRounds, type Round } from './rounds.ts';
import { buildStage, type Stage } from './stage.ts';

export type Report = {
  options: SeriesOptions;
  counts: Counts;
  rounds: number;
  seconds: number;
  /** No disk could be mounted, so none was filled. */
  diskMissing: boolean;
  folder: string;
};

const callersAtOnce = 8;
const thinkMilliseconds = 60;

export async function runSeries(options: SeriesOptions, say: (text: string) => void): Promise<Report> {
  const started = performance.now();
  const stage = await buildStage(options);
  const { counts, place } = stage;
  let rounds = 0;
  try {
    rounds = await perform(stage, options, say);
  } catch (error) {
    counts.violate('the run could not go on', [
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    ]);
  } finally {
    await stage.close();
  }
  const seconds = (performance.now() - started) / 1000;
  const diskMissing = options.diskFills > 0 && !place.hasDisk;
  return { options, counts, rounds, seconds, diskMissing, folder: place.folder };
}

async function perform(stage: Stage, options: SeriesOptions, say: (text: string) => void): Promise<number> {
  const { counts, fleet, callers, limits } = stage;
  await startAll(stage);
  await callers.connectAll(options.customers);
  await endAll(fleet, counts);
  say('all customers are connected');
  const rounds = await makeNoise(stage, options, say);
  say('the noise is over');
  // Twice: what worked once has to work with what it got then, too.
  await callers.settle(callersAtOnce, limits.settling);
  await callers.settle(callersAtOnce, limits.settling);
  await endAll(fleet, counts);
  judge(stage, options);
  return rounds;
}

/** The rounds and the full disks, under requests and faults; how many rounds there were. */
async function makeNoise(stage: Stage, options: SeriesOptions, say: (text: string) => void): Promise<number> {
  const { sandbox, counts, random, limits, ports, place, callers } = stage;
  const over = new AbortController();
  const noise = [callers.keepAsking(callersAtOnce, thinkMilliseconds, over.signal)];
  if (options.rounds !== 0) noise.push(causeFaults(sandbox, counts, random, limits.faultPause, over.signal));
  const rounds = listRounds(stage, options);
  const count = rounds.length;
  await Promise.all(ports.map((port) => runRounds({ ...stage, say }, port, rounds)));
  await startAll(stage);
  if (place.hasDisk) await fillDisk(stage, ports, options.diskFills);
  over.abort();
  await Promise.all(noise);
  return count;
}

function listRounds({ random, times }: Stage, { rounds, processes, at }: SeriesOptions): Round[] {
  if (rounds === 'short') return listShortRounds(times);
  if (rounds === 'slow') return listSlowRounds(times);
  return drawRounds(random, times, rounds, processes, at);
}

function judge({ fleet, stored, counts, times }: Stage, policy: SeriesOptions): void {
  audit({ processes: fleet.processes, connections: stored.readAll(), counts, times, policy });
  const integrity = stored.checkIntegrity();
  if (integrity !== 'ok') counts.violate('the database is damaged', [integrity]);
}

/** Starts a process on every port that has none. */
async function startAll({ fleet, ports }: Stage): Promise<void> {
  for (const port of ports) {
    if (fleet.alive().some((one) => one.port === port)) continue;
    const one = fleet.start(port, null);
    await one.ready;
    if (one.state !== 'ready') throw new Error(`the app does not start:\n${one.output}`);
  }
}

async function endAll(fleet: Fleet, counts: Counts): Promise<void> {
  await Promise.all(fleet.alive().map((one) => endCleanly(one, counts)));
}

async function endCleanly(one: AppProcess, counts: Counts): Promise<void> {
  const exitCode = await terminate(one);
  if (exitCode !== 0) counts.violate(`a process ended with ${exitCode} on SIGTERM`, [`process ${one.id}`, one.output]);
}
