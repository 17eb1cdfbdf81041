// A full disk while grants are refreshed: nothing is sent that could not be stored, what was on its way is kept in
// memory, and once there is room again everything goes on by itself.

import { setTimeout as sleep } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { isStopped, kill, send } from './app-process.ts';
import type { Callers } from './callers.ts';
import { add, type Counts } from './counts.ts';
import type { Fleet } from './fleet.ts';
import type { Place } from './place.ts';
import type { Line } from './steps.ts';
import type { Times } from './time-scale.ts';

type Fill = { leave: 'little room' | 'no room'; length: 'short' | 'past patience' };

const fills: Fill[] = [
  { leave: 'no room', length: 'short' },
  { leave: 'little room', length: 'short' },
  { leave: 'no room', length: 'past patience' },
  { leave: 'little room', length: 'past patience' },
];
const littleRoomBytes = 8 * 1024 * 1024;
const shortMilliseconds = 2_000;
const reachLimitMilliseconds = 60_000;

type Scene = { fleet: Fleet; callers: Callers; place: Place; counts: Counts; times: Times };

/** The first process of each time holds a new grant when the disk gets full. Callers go on asking meanwhile. */
export async function fillDisk(scene: Scene, ports: number[], times: number): Promise<void> {
  for (let index = 0; index < times; index += 1) {
    const fill = fills[index % fills.length];
    if (fill) await fillOnce(scene, ports[index % ports.length] ?? 0, fill);
  }
}

async function fillOnce({ fleet, place, counts, times }: Scene, port: number, fill: Fill): Promise<void> {
  const former = fleet.alive().find((one) => one.port === port);
  if (former) await kill(former, 'before the disk is full');
  const holder = fleet.start(port, { kind: 'stop', point: 'after_answer', hit: 1, milliseconds: 0, length: 'short' });
  await holder.ready;
  const until = Date.now() + reachLimitMilliseconds;
  while (!isStopped(holder) && Date.now() < until) await sleep(10);
  if (!isStopped(holder)) return counts.violate('no process came to hold a new grant before the disk was filled', []);
  // Room in the log that was used before would be room to write.
  emptyLog(place.databaseFile);
  place.fill(fill.leave === 'no room' ? 0 : littleRoomBytes);
  const filledAt = Date.now();
  add(counts.stops, `disk full (${fill.leave}, ${fill.length})`);
  send(holder, 'SIGCONT');
  await sleep(fill.length === 'short' ? shortMilliseconds : times.lease + times.patience + shortMilliseconds);
  fleet.readJournals();
  const begun = fleet.processes.flatMap(({ lines }) => listBegunAndSent(lines, filledAt));
  if (begun.length > 0) {
    const told = begun.map((line) => JSON.stringify(line));
    counts.violate('a token was sent while the disk was full', [`${filledAt}, ${JSON.stringify(fill)}`, ...told]);
  }
  if (holder.state === 'ended') counts.violate('a process did not outlive a full disk', [holder.output]);
  place.free();
  await sleep(shortMilliseconds);
}

/** What was on its way when the disk was filled may still be sent; what begins later may not. */
function listBegunAndSent(lines: Line[], filledAt: number): Line[] {
  const begun = new Set<Line['token']>();
  return lines.filter(({ at, step, token }) => {
    if (step === 'before_lease' && at > filledAt) begun.add(token);
    return step === 'sending' && begun.has(token);
  });
}

function emptyLog(filename: string): void {
  const database = new Sqlite(filename);
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
}
