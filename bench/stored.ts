// Does a hand-out cost more when more is stored? With 1, 100 and 1,000,000 connections, one user asked for again and
// again; and with 10,000 and 1,000,000, each request for another one of 10,000 users, so that hardly any is remembered.
//   npm run bench -- stored

import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from './load.ts';
import { endServers, median } from './servers.ts';
import { seedUsers, startAppOn, tokenPathOf } from './token-scene.ts';

const rounds = 5;
const many = 10_000;
const million = 1_000_000;
const oneUser = [tokenPathOf('u1')];
const manyUsers = Array.from({ length: many }, (_, number) => tokenPathOf(`u${((number * 7_919) % many) + 1}`));

const scenes = [
  { name: 'one user asked for, 1 stored', users: 1, others: 0, paths: oneUser },
  { name: 'one user asked for, 100 stored', users: 1, others: 99, paths: oneUser },
  { name: 'one user asked for, 1,000,000 stored', users: 1, others: million - 1, paths: oneUser },
  { name: '10,000 users in turn, 10,000 stored', users: many, others: 0, paths: manyUsers },
  { name: '10,000 users in turn, 1,000,000 stored', users: many, others: million - many, paths: manyUsers },
];

const folder = mkdtempSync(join(tmpdir(), 'dinero-connect-bench-'));
try {
  const running: ((typeof scenes)[number] & { key: string; port: number; found: number[] })[] = [];
  for (const [number, scene] of scenes.entries()) {
    const file = `${number}.db`;
    const key = await seedUsers(join(folder, file), scene.users, scene.others);
    running.push({ ...scene, key, port: await startAppOn(file, folder), found: [] as number[] });
  }
  const measure = async ({ port, paths, key }: (typeof running)[number]) =>
    (await load(port, paths, { key, connections: 16, seconds: 3 })).perSecond;
  for (const scene of running) await measure(scene);
  for (let round = 0; round < rounds; round += 1) {
    for (const scene of round % 2 === 0 ? running : [...running].reverse()) scene.found.push(await measure(scene));
  }
  process.stdout.write(`${cpus().length} cores, ${cpus()[0]?.model}, Node ${process.version}\n`);
  process.stdout.write(`medians of ${rounds} alternating rounds of 3 s, 16 connections, SQLite\n\n`);
  for (const { name, found } of running) {
    process.stdout.write(`${name.padEnd(40)} ${median(found).toFixed(0)} hand-outs a second\n`);
  }
  const [one, , last, few, all] = running.map(({ found }) => median(found));
  const ratio = (more = 0, less = 1) => (more / less).toFixed(2);
  process.stdout.write(`ratio 1,000,000 to 1: ${ratio(last, one)}; 1,000,000 to 10,000: ${ratio(all, few)}\n`);
} finally {
  await endServers();
  rmSync(folder, { recursive: true, force: true });
}
