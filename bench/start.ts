// How long it takes from `npm start` to the first page and with a bare Express app beside it, alternating, medians.
//   npm run bench:start

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { takeFreePort } from '../test/support/process.ts';

const rounds = 5;
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

async function measure(command: string, args: string[]): Promise<number> {
  const port = await takeFreePort();
  const sandboxPort = await takeFreePort();
  const env = {
    ...process.env,
    PORT: String(port),
    SANDBOX_PORT: String(sandboxPort),
    DATABASE_URL: `sqlite:${join(folder, 'bench.db')}`,
  };
  const started = performance.now();
  const child = spawn(command, args, { env, stdio: 'ignore', detached: true });
  for (let tries = 0; tries < 2_000; tries += 1) {
    const page = await fetch(`http://localhost:${port}/`).catch(() => null);
    if (page?.ok) break;
    await new Promise((done) => setTimeout(done, 5));
  }
  const milliseconds = performance.now() - started;
  const ended = once(child, 'exit');
  // npm passes no signal on, so the whole group gets it.
  if (child.pid) process.kill(-child.pid, 'SIGTERM');
  await ended;
  return milliseconds;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const app: number[] = [];
const floor: number[] = [];
for (let round = 0; round <= rounds; round += 1) {
  const [first, second] = [await measure('npm', ['start']), await measure(process.execPath, [bare])];
  // The first round fills the disk's cache.
  if (round > 0) {
    app.push(first);
    floor.push(second);
  }
}
rmSync(folder, { recursive: true, force: true });
const [ours, theirs] = [median(app), median(floor)];
process.stdout.write(`npm start to the first page, sandbox included: ${ours.toFixed(0)} ms\n`);
process.stdout.write(`node and a bare Express app:                   ${theirs.toFixed(0)} ms\n`);
process.stdout.write(`ratio ${(ours / theirs).toFixed(1)} (medians of ${rounds} alternating rounds)\n`);
