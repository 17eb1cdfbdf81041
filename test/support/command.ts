// A command as operators run it: a process of its own, to its end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { placeDatabase } from './journey-database.ts';
import { compileCache } from './process.ts';

const main = resolve('src/main.ts');

export type CommandProcess = ReturnType<typeof startCommand>;

/** Starts `node src/main.ts <args>` in `folder`. `onOutput` hears of everything that it writes, as it writes it. */
export function startCommand(
  folder: string,
  args: string[],
  env: Record<string, string>,
  onOutput: (text: string) => void = () => {},
) {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: compileCache, ...placeDatabase(folder, env) },
  });
  const written = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (chunk) => {
      written[stream] += chunk;
      onOutput(String(chunk));
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...written }));
  return { ended, kill: (signal: NodeJS.Signals) => child.kill(signal) };
}

export function runCommand(folder: string, args: string[], env: Record<string, string>) {
  return startCommand(folder, args, env).ended;
}
