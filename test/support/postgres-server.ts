// A PostgreSQL of its own for tests, in a folder of its own, made by Debian's programs and gone afterwards.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { takeFreePort } from './ports.ts';

const debianFolder = '/usr/lib/postgresql';
const startTries = 200;

export type PostgresServer = Awaited<ReturnType<typeof startPostgres>>;

/** Throws when the programs are missing. `settings`: of postgresql.conf. */
export async function startPostgres(settings: Record<string, string> = {}) {
  const programs = findPrograms();
  const folder = mkdtempSync(join(tmpdir(), 'dinero-connect-postgres-'));
  const account = unprivileged();
  if (account) chownSync(folder, account.uid, account.gid);
  const port = await takeFreePort();
  const data = join(folder, 'data');
  execFileSync(join(programs, 'initdb'), ['-D', data, '-U', 'test', '-E', 'UTF8', '--no-sync', '-A', 'trust'], {
    ...account,
    stdio: 'pipe',
    env: { LC_ALL: 'C.UTF-8' },
  });
  const words = Object.entries({ listen_addresses: '127.0.0.1', unix_socket_directories: folder, ...settings });
  let server = await run();

  async function run() {
    const options = words.flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(join(programs, 'postgres'), ['-D', data, '-p', String(port), ...options], {
      ...account,
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    for (let tries = 0; tries < startTries; tries += 1) {
      if (child.exitCode !== null) throw new Error(`PostgreSQL ended with ${child.exitCode}`);
      if (isReady(port)) break;
      await sleep(50);
    }
    return { child, ended };
  }

  /** `immediate` is as if its power went. */
  async function stop(mode: 'fast' | 'immediate' = 'immediate'): Promise<void> {
    server.child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await server.ended;
  }

  return {
    url: `postgres://test@127.0.0.1:${port}/postgres`,
    stop,
    async start(): Promise<void> {
      server = await run();
    },
    async remove(): Promise<void> {
      if (server.child.exitCode === null && server.child.signalCode === null) await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function findPrograms(): string {
  const [version] = existsSync(debianFolder) ? readdirSync(debianFolder).sort((a, b) => Number(b) - Number(a)) : [];
  if (version === undefined) throw new Error(`there is no PostgreSQL in ${debianFolder}: apt-get install postgresql`);
  return join(debianFolder, version, 'bin');
}

/** PostgreSQL does not run as root; null for everybody else. */
function unprivileged(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

function isReady(port: number): boolean {
  try {
    execFileSync('pg_isready', ['-q', '-h', '127.0.0.1', '-p', String(port)]);
    return true;
  } catch {
    return false;
  }
}
