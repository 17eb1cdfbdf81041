// How long it takes from `npm start` to the first page, how long the app alone takes, and how much memory it has when it
// is idle, with a bare Express app beside it: alternating, medians.
//   npm run bench -- start

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { takeFreePort } from '../test/support/ports.ts';
import { median } from './servers.ts';

const rounds = 5;
const idleMilliseconds = 2_000;
const folder = mkdtempSync(join(tmpdir(), 'dinero-connect-bench-'));
const bare = join(folder, 'bare.mjs');
const express = resolve('node_modules/express/index.js');
writeFileSync(
  bare,
  `import express from '${express}';
const app = express();
app.get('/', (request, response) => response.send('hello'));
app.listen(process.env.PORT);`,
);

async function measure(command: string, args: string[], more: Record<string, string> = {}) {
  const port = await takeFreePort();
  const sandboxPort = await takeFreePort();
  const env = {
    ...process.env,
    PORT: String(port),
    SANDBOX_PORT: String(sandboxPort),
    DATABASE_URL: `sqlite:${join(folder, 'bench.db')}`,
    ...more,
  };
  const started = performance.now();
  const child = spawn(command, args, { env, stdio: 'ignore', detached: true });
  for (let tries = 0; tries < 2_000; tries += 1) {
    const page = await fetch(`http://localhost:${port}/`).catch(() => null);
    if (page?.ok) break;
    await new Promise((done) => setTimeout(done, 5));
  }
  const milliseconds = performance.now() - started;
  await sleep(idleMilliseconds);
  const megabytes = readResident(child.pid ?? 0);
  const ended = once(child, 'exit');
  // npm passes no signal on, so the whole group gets it.
  if (child.pid) process.kill(-child.pid, 'SIGTERM');
  await ended;
  return { milliseconds, megabytes };
}

function readResident(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** As operators run it: without the sandbox. */
const production = {
  NODE_ENV: 'production',
  BASE_URL: 'http://localhost:3000',
  VISMA_CLIENT_ID: 'isv_bench',
  VISMA_CLIENT_SECRET: 'secret',
  VISMA_ISSUER: 'https://connect.invalid',
  SESSION_SECRETS: 'a session secret of more than thirty-two characters',
  TOKEN_KEYS: `k1:${Buffer.alloc(32, 9).toString('base64')}`,
  DATABASE_URL: `sqlite:${join(folder, 'production.db')}`,
};
const subjects = [
  { name: 'npm start, sandbox included', run: () => measure('npm', ['start']) },
  { name: 'the app in production', run: () => measure(process.execPath, [resolve('src/main.ts')], production) },
  { name: 'node and a bare Express app', run: () => measure(process.execPath, [bare]) },
];
const found = subjects.map(() => [] as Awaited<ReturnType<typeof measure>>[]);
for (let round = 0; round <= rounds; round += 1) {
  for (const [number, { run }] of subjects.entries()) {
    const one = await run();
    // The first round fills the disk's cache.
    if (round > 0) found[number]?.push(one);
  }
}
rmSync(folder, { recursive: true, force: true });
process.stdout.write(`${cpus().length} cores, ${cpus()[0]?.model}, Node ${process.version}\n`);
process.stdout.write(`medians of ${rounds} alternating rounds\n\n`);
for (const [number, { name }] of subjects.entries()) {
  const milliseconds = median((found[number] ?? []).map((one) => one.milliseconds));
  const megabytes = median((found[number] ?? []).map((one) => one.megabytes));
  // Of `npm start` only npm itself would be seen.
  const memory = number === 0 ? '' : `, ${megabytes.toFixed(0)} MB resident when idle`;
  process.stdout.write(`${name.padEnd(30)} first page after ${milliseconds.toFixed(0)} ms${memory}\n`);
}
