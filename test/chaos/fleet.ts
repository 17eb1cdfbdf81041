// All processes of a run, the living and the dead: a slot keeps its port over the lives of its processes.

import { setTimeout as sleep } from 'node:timers/promises';
import { type AppProcess, startProcess } from './app-process.ts';
import type { Random } from './random.ts';
import type { Round } from './rounds.ts';

export type Fleet = ReturnType<typeof createFleet>;

const pollMilliseconds = 20;
const mostPolls = 30_000;
const shareAhead = 0.6;

export function createFleet(options: { folder: string; scale: number; env: Record<string, string> }, random: Random) {
  const processes: AppProcess[] = [];
  const alive = () => processes.filter(({ state }) => state !== 'ended');
  const serving = () => alive().filter(({ state }) => state === 'ready');

  return {
    processes,
    alive,
    serving,
    start(port: number, round: Round | null): AppProcess {
      const one = startProcess({ id: processes.length, port, ...options }, round);
      processes.push(one);
      return one;
    },
    /** The living ones' journals, up to this moment. */
    readJournals(): void {
      for (const one of alive()) one.readJournal();
    },
    /** One that takes requests, the rather one that has something ahead of it; waits while there is none. */
    async pickPort(): Promise<number> {
      for (let polls = 0; polls < mostPolls; polls += 1) {
        const all = serving();
        const ahead = all.filter(({ round, stops }) => round !== null && stops.length === 0);
        const found = ahead.length > 0 && random.next() < shareAhead ? ahead : all;
        if (found.length > 0) return random.pick(found).port;
        await sleep(pollMilliseconds);
      }
      throw new Error('no process has been serving for ten minutes');
    },
  };
}
