// 100,000 one-time tokens that are all due: how fast the sweep can refresh them when it does not pause, beside what the
// provider's stand-in takes at most; how memory and the event loop bear it.
//   npm run bench -- storm [how many, 100000 when left out]

import { rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Pool } from 'undici';
import { createKeepAlive } from '../src/core/keep-alive.ts';
import { median } from './servers.ts';
import { clock, day, endProvider, policy, prepare } from './sweep-scene.ts';

const due = Number(process.argv[3] ?? 100_000);
const concurrency = 16;
const rounds = 5;
const inARound = due / rounds;

/** Token requests a second that the stand-in answers to a client that does nothing else. */
async function measureStub(origin: string): Promise<number> {
  const pool = new Pool(origin, { connections: concurrency });
  const until = performance.now() + 2_000;
  let answered = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() < until) {
        const { body } = await pool.request({ method: 'POST', path: '/t', body: 'grant_type=refresh_token' });
        await body.text();
        answered += 1;
      }
    }),
  );
  await pool.close();
  return answered / 2;
}

const { database, core, connections, origin, folder } = await prepare(due);
const keepAlive = createKeepAlive(
  { clock, connections, deployment: { isOurs: async () => true } },
  core.accessTokens,
  policy,
  { concurrency, pauseMilliseconds: 0 },
);
const stub: number[] = [];
const swept: { perSecond: number; p99: number; heap: number[] }[] = [];
for (let round = 0; round < rounds; round += 1) {
  stub.push(await measureStub(origin));
  const now = Date.now();
  await database.run((db) =>
    db('connections')
      .whereIn('id', db('connections').where('generation', 1).limit(inARound).select('id'))
      .update({
        due_at: new Date(now - 1_000).toISOString(),
        refresh_expires_at: new Date(now + 10 * day).toISOString(),
      }),
  );
  const delay = monitorEventLoopDelay({ resolution: 10 });
  const heap: number[] = [];
  const sampling = setInterval(() => {
    globalThis.gc?.();
    heap.push(process.memoryUsage().heapUsed / 2 ** 20);
  }, 5_000);
  delay.enable();
  const started = performance.now();
  const report = await keepAlive.sweep();
  const seconds = (performance.now() - started) / 1_000;
  delay.disable();
  clearInterval(sampling);
  if (report.refreshed !== inARound) throw new Error(`swept ${JSON.stringify(report)}`);
  swept.push({ perSecond: inARound / seconds, p99: delay.percentile(99) / 1e6, heap });
}
const heap = swept.flatMap((one) => one.heap);
process.stdout.write(`${cpus().length} cores, ${cpus()[0]?.model}, Node ${process.version}\n`);
process.stdout.write(`${due} due one-time tokens in ${rounds} rounds, ${concurrency} at once, medians\n\n`);
process.stdout.write(`${median(swept.map(({ perSecond }) => perSecond)).toFixed(0)} refreshes a second, each stored\n`);
process.stdout.write(`${median(stub).toFixed(0)} token requests a second is what the stand-in takes at most\n`);
process.stdout.write(`event loop p99 ${median(swept.map(({ p99 }) => p99)).toFixed(1)} ms\n`);
process.stdout.write(
  `heap after collecting, every 5 s: ${Math.min(...heap).toFixed(1)} to ${Math.max(...heap).toFixed(1)} MB\n`,
);
await database.close();
rmSync(folder, { recursive: true, force: true });
await endProvider();
