// Servers that a bench compares: processes of their own, started one by one and ended together.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const children: ChildProcess[] = [];

/** Starts `node <args>` and answers once it has written `sign`; the first line that holds it is the answer. */
export async function startServer(args: string[], env: Record<string, string>, cwd: string, sign = 'is ready') {
  const child = spawn(process.execPath, args, { cwd, env: { PATH: process.env.PATH ?? '', ...env } });
  children.push(child);
  child.stderr.pipe(process.stderr);
  // Read to the end, as whatever collects logs does.
  const line = await new Promise<string>((ready, fail) => {
    child.stdout.on('data', (chunk) => {
      const found = String(chunk)
        .split('\n')
        .find((one) => one.includes(sign));
      if (found !== undefined) ready(found);
    });
    child.once('exit', () => fail(new Error('a server ended before it was ready')));
  });
  return { line, pid: child.pid ?? 0 };
}

export async function endServers(): Promise<void> {
  for (const child of children) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

export const median = (values: number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
