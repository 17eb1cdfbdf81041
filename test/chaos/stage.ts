// Everything that a series runs on: the sandbox, the place of the database, and the processes to be.

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { placeDatabase } from '../support/journey-database.ts';
import { takeFreePort } from '../support/ports.ts';
import { kill, send } from './app-process.ts';
import { createCallers } from './callers.ts';
import type { SeriesOptions } from './command-line.ts';
import { createCounts } from './counts.ts';
import { createFleet } from './fleet.ts';
import { createJudging, type Judging } from './judging.ts';
import { makePlace } from './place.ts';
import { createRandom } from './random.ts';
import { createStoredGrants } from './stored-grants.ts';
import { readTimes, type Times } from './time-scale.ts';

const lifetimeSeconds = 30 * 24 * 3600;
const client = { clientId: 'isv_chaos', clientSecret: randomBytes(16).toString('hex') };

export type Stage = Awaited<ReturnType<typeof buildStage>>;

export async function buildStage(options: SeriesOptions) {
  const { use, graceSeconds, scale } = options;
  const random = createRandom(options.seed);
  const times = readTimes(scale);
  const place = makePlace(options.diskFills > 0);
  const counts = createCounts(join(place.folder, 'violations.txt'));
  const baseUrl = `http://localhost:${await takeFreePort()}`;
  const ports = await Promise.all(Array.from({ length: options.processes }, takeFreePort));
  const key = randomBytes(32);
  let judging: Judging | null = null;

  const sandbox = await startSandbox({
    port: 0,
    client: { ...client, redirectUris: [`${baseUrl}/oauth/callback`] },
    settings: {
      refreshTokenUse: use,
      refreshTokenGraceSeconds: graceSeconds,
      refreshTokenLifetimeSeconds: lifetimeSeconds,
      // Shorter than anybody asks for, so that each request has to refresh.
      accessTokenLifetimeSeconds: 2,
      dineroCallsAMinute: 1_000_000,
    },
    onReplay: (spentToken) => judging?.judgeReplay(spentToken),
  });
  const file = 'disk/chaos.db';
  const env = placeDatabase(place.folder, {
    DATABASE_URL: `sqlite:${file}`,
    BASE_URL: baseUrl,
    VISMA_ISSUER: sandbox.origin,
    DINERO_API_URL: sandbox.origin,
    VISMA_CLIENT_ID: client.clientId,
    VISMA_CLIENT_SECRET: client.clientSecret,
    REFRESH_TOKEN_USE: use,
    REFRESH_TOKEN_LIFETIME: `${lifetimeSeconds}s`,
    REFRESH_TOKEN_GRACE: `${graceSeconds}s`,
    SESSION_SECRETS: randomBytes(32).toString('base64'),
    TOKEN_KEYS: `k1:${key.toString('base64')}`,
    LOG_LEVEL: 'warn',
    // Filled by the first processes, which end cleanly; halves the start of the others.
    NODE_COMPILE_CACHE: join(place.folder, 'compiled'),
  });
  const limits = toLimits(scale, times);
  const fleet = createFleet({ folder: place.folder, scale, env }, random);
  const stored = createStoredGrants({ folder: place.folder, file }, key);
  const judge = createJudging({ fleet, stored, counts, times }, { use, graceSeconds });
  judging = judge;
  const terms = { baseUrl, limitMilliseconds: limits.answer };
  const callers = createCallers({ fleet, stored, counts, random }, terms, judge.judgeLoss);

  // When the harness itself fails or is told to end, nothing of it stays behind either.
  const cleanUp = () => {
    for (const one of fleet.alive()) send(one, 'SIGKILL');
    place.leave(true);
  };
  process.once('exit', cleanUp);

  async function close(): Promise<void> {
    for (const one of fleet.alive()) await kill(one, 'the end');
    await sandbox.close();
    const outputs = fleet.processes.map(({ id, port, round, exit, output }) =>
      [`process ${id} on ${port}: ${JSON.stringify({ round, exit })}`, output].join('\n'),
    );
    writeFileSync(join(place.folder, 'outputs.txt'), outputs.join('\n'));
    process.off('exit', cleanUp);
    place.leave(counts.violations.size > 0);
  }

  return { random, times, limits, place, counts, ports, sandbox, fleet, stored, callers, close };
}

/** How long the harness itself waits. */
function toLimits(scale: number, { lease, patience, tokenTimeout }: Times) {
  return {
    /** For an answer; a process that waits for another one's lease takes 25 seconds. */
    answer: scale === 1 ? 45_000 : 2_500,
    reachPoint: scale === 1 ? 20_000 : 4_000,
    settling: lease + patience + tokenTimeout + 30_000,
    faultPause: scale === 1 ? 20_000 : 900,
  };
}
