// The app as operators start it: a process of its own, with nothing but its environment.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { dumpDatabases, placeDatabase } from './journey-database.ts';

const main = resolve('src/main.ts');
/** Shared by all processes of all tests: half of a start is reading the code. */
export const compileCache = join(tmpdir(), 'dinero-connect-compile-cache');
const startLimitMilliseconds = 20_000;

export type AppProcess = Awaited<ReturnType<typeof startApp>>;

/** A folder of its own for one test's processes. */
export function makeFolder(): { folder: string; remove(): void; readAll(): { file: string; content: Buffer }[] } {
  const folder = mkdtempSync(join(tmpdir(), 'dinero-connect-journey-'));
  return {
    folder,
    remove: () => rmSync(folder, { recursive: true, force: true }),
    readAll: () => [
      ...readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => ({ file: entry.name, content: readFileSync(join(entry.parentPath, entry.name)) })),
      ...dumpDatabases(folder),
    ],
  };
}

/** Starts `src/main.ts` in `folder` and answers once it exited or said that it is ready. */
export async function startApp(folder: string, env: Record<string, string>) {
  const child: ChildProcess = spawn(process.execPath, [main], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: compileCache, ...placeDatabase(folder, env) },
  });
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    output += chunk;
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const ready = new Promise<void>((done, fail) => {
    const limit = setTimeout(() => fail(new Error(`not ready in time:\n${output}`)), startLimitMilliseconds);
    child.stdout?.on('data', () => output.includes('is ready') && done());
    ended.then(() => done()).finally(() => clearTimeout(limit));
  });
  await ready;
  return {
    pid: child.pid,
    ended,
    output: () => output,
    /** The exit code. */
    async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
      child.kill(signal);
      return ended;
    },
  };
}
