// POST …/token with a stored fresh token, against a bare Express route that returns the same JSON from memory: the same
// client, the same number of connections, alternating rounds in one run. `npm run bench -- tokens`

import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { takeFreePort } from '../test/support/ports.ts';
import { type Load, load } from './load.ts';
import { endServers, median, startServer } from './servers.ts';
import { seedUsers, startAppOn, tokenPathOf } from './token-scene.ts';

const rounds = 5;
const names = ['bare', 'app'] as const;

const folder = mkdtempSync(join(tmpdir(), 'dinero-connect-bench-'));
try {
  const key = await seedUsers(join(folder, 'bench.db'), 1);
  const options = { key, connections: 16, seconds: 5 };
  const ports = { app: await startAppOn('bench.db', folder), bare: await takeFreePort() };
  await startServer([resolve('bench/bare-route.ts')], { PORT: String(ports.bare) }, folder);
  const measure = (name: (typeof names)[number]) => load(ports[name], [tokenPathOf('u1')], options);

  const measured = { bare: [] as Load[], app: [] as Load[] };
  // Until V8 has compiled what runs most.
  for (const name of [...names, ...names]) await measure(name);
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) measured[name].push(await measure(name));
  }
  const ratios = measured.app.map(({ perSecond }, round) => perSecond / (measured.bare[round]?.perSecond ?? 1));
  process.stdout.write(`${cpus().length} cores, ${cpus()[0]?.model}, Node ${process.version}\n`);
  process.stdout.write(
    `${rounds} alternating rounds of ${options.seconds} s, ${options.connections} connections, medians\n\n`,
  );
  for (const name of names) {
    const [perSecond = 0, p50, p99] = (['perSecond', 'p50', 'p99'] as const).map((of) =>
      median(measured[name].map((one) => one[of])),
    );
    process.stdout.write(`${name.padEnd(5)} ${perSecond.toFixed(0)} requests a second, p50 ${p50} ms, p99 ${p99} ms\n`);
  }
  process.stdout.write(`ratio ${median(ratios).toFixed(2)} (${ratios.map((one) => one.toFixed(2)).join(', ')})\n`);
} finally {
  await endServers();
  rmSync(folder, { recursive: true, force: true });
}
