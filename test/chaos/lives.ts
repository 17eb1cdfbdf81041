// What is done to the processes, round after round: each one is started, driven to its point, and dead in the end.

import { setTimeout as sleep } from 'node:timers/promises';
import { type AppProcess, isStopped, kill, send } from './app-process.ts';
import { add, type Counts } from './counts.ts';
import type { Fleet } from './fleet.ts';
import type { Round } from './rounds.ts';

type Scene = { fleet: Fleet; counts: Counts; limits: { reachPoint: number }; say: (text: string) => void };

/** One process after the other on this port, while there are rounds left; then one that stays. */
export async function runRounds(scene: Scene, port: number, rounds: Round[]): Promise<void> {
  for (let round = rounds.shift(); round; round = rounds.shift()) {
    const one = scene.fleet.start(port, round);
    await live(scene, one, round);
    await kill(one, 'its time was over');
    judgeEnd(scene, one, round);
    if (rounds.length % 50 === 0 && rounds.length > 0) scene.say(`${rounds.length} rounds left`);
  }
  const last = scene.fleet.start(port, null);
  await last.ready;
}

/** Until the process is to be killed, or is dead. */
async function live({ fleet, counts, limits }: Scene, one: AppProcess, round: Round): Promise<void> {
  const pause = (milliseconds: number) => Promise.race([one.ended, sleep(milliseconds)]);
  if (round.kind === 'starting') {
    await pause(round.afterMilliseconds);
    return kill(one, 'starting');
  }
  await one.ready;
  switch (round.kind) {
    case 'point':
      return pause(limits.reachPoint);
    case 'random':
      await pause(round.afterMilliseconds);
      return kill(one, 'random');
    case 'idle':
      one.state = one.state === 'ready' ? 'resting' : one.state;
      await pause(500);
      return kill(one, 'idle');
    case 'together': {
      await pause(round.afterMilliseconds);
      const all = fleet.alive().filter(({ state }) => state !== 'stopped');
      await Promise.all(all.map((each) => kill(each, 'all at once')));
      return;
    }
    case 'stop':
      await reachStop(one, 3 * limits.reachPoint);
      if (!isStopped(one)) return;
      add(counts.stops, `${round.point}, ${round.length}`);
      await stopFor(one, round.milliseconds);
      return pause(600);
  }
}

async function reachStop(one: AppProcess, limitMilliseconds: number): Promise<void> {
  const until = Date.now() + limitMilliseconds;
  while (one.state !== 'ended' && !isStopped(one) && Date.now() < until) await sleep(10);
}

async function stopFor(one: AppProcess, milliseconds: number): Promise<void> {
  const stop = { from: Date.now(), until: Number.POSITIVE_INFINITY };
  one.stops.push(stop);
  // Whoever is waiting for an answer of it notices by their own time limit; new requests go elsewhere.
  one.state = 'stopped';
  await Promise.race([one.ended, sleep(milliseconds)]);
  send(one, 'SIGCONT');
  stop.until = Date.now();
  if (one.state === 'stopped') one.state = 'ready';
}

function judgeEnd({ fleet, counts }: Scene, { id, killedAs, exit, output }: AppProcess, round: Round): void {
  const planned = round.kind === 'point' ? round.point : round.kind;
  const wasLocked = output.includes('SQLITE_BUSY') && fleet.processes.some(({ stops }) => stops.length > 0);
  if (exit?.signal === 'SIGKILL') add(counts.kills, killedAs ?? planned);
  // Whoever starts processes starts this one again; a lock that outlives its stopped holder would keep on refusing.
  else if (exit?.code === 1 && wasLocked) add(counts.stops, 'a start refused, for a stopped process held the lock');
  else counts.violate('a process ended by itself', [`process ${id}: ${exit?.code ?? exit?.signal}`, output]);
}
