// One keep-alive sweep over 1,000 due connections: among 1,000 connections in all, and among 100,000. It should read
// the due ones alone, and memory should stay flat.
//   npm run bench -- sweep

import { rmSync } from 'node:fs';
import { median } from './servers.ts';
import { day, endProvider, prepare, type Scene } from './sweep-scene.ts';

const due = 1_000;
const totals = [1_000, 100_000];
const rounds = 5;

/** Makes `due` of them due, spread over all, and sweeps. */
async function sweep({ total, database, core, counted }: Scene) {
  const now = Date.now();
  const ids = Array.from({ length: due }, (_, number) => `c${number * (total / due)}`);
  await database.run((db) =>
    db('connections')
      .whereIn('id', ids)
      .update({
        due_at: new Date(now - 1_000).toISOString(),
        refresh_expires_at: new Date(now + 10 * day).toISOString(),
      }),
  );
  counted.rowsRead = 0;
  globalThis.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  const started = performance.now();
  const report = await core.keepAlive.sweep();
  const seconds = (performance.now() - started) / 1_000;
  globalThis.gc?.();
  const heapGrowth = (process.memoryUsage().heapUsed - heapBefore) / 2 ** 20;
  if (report.refreshed !== due) throw new Error(`swept ${JSON.stringify(report)}`);
  return { seconds, rowsRead: counted.rowsRead, heapGrowth, resident: process.memoryUsage().rss / 2 ** 20 };
}

const scenes = [];
for (const total of totals) scenes.push(await prepare(total));
const results = new Map(scenes.map((scene) => [scene, [] as Awaited<ReturnType<typeof sweep>>[]]));
for (let round = 0; round < rounds; round += 1) {
  for (const scene of scenes) results.get(scene)?.push(await sweep(scene));
}
process.stdout.write(`medians of ${rounds} alternating rounds, ${due} due in each\n`);
for (const [{ total, database }, swept] of results) {
  const pick = (of: (one: (typeof swept)[number]) => number) => median(swept.map(of));
  const plan = await database.run((db) =>
    db.raw("explain query plan select user_id from connections where due_at <= 'x' order by due_at, user_id limit 100"),
  );
  process.stdout.write(
    `${String(total).padStart(7)} connections: ${pick(({ seconds }) => seconds).toFixed(2)} s, ` +
      `${Math.round(due / pick(({ seconds }) => seconds))} refreshes a second, ` +
      `${pick(({ rowsRead }) => rowsRead)} rows read, heap ${pick(({ heapGrowth }) => heapGrowth).toFixed(1)} MB more, ` +
      `resident ${pick(({ resident }) => resident).toFixed(0)} MB\n          ${(plan as { detail: string }[]).map(({ detail }) => detail).join('; ')}\n`,
  );
}
const [small, large] = [...results.values()].map((swept) => median(swept.map(({ seconds }) => seconds)));
process.stdout.write(`ratio of times, large to small: ${((large ?? 0) / (small ?? 1)).toFixed(2)}\n`);
for (const { database, folder } of scenes) {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
}
await endProvider();
