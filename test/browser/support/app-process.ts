// The app as it is started by its users: `src/main.ts` in a process of its own, on a port and a database of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileCache } from '../../support/process.ts';

export const client = { clientId: 'isv_fakturaflow', clientSecret: 'a-client-secret-for-browser-tests' };
export const brandName = 'Fakturaflow';

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const startLimitMilliseconds = 30_000;
const stopLimitMilliseconds = 10_000;

export type AppProcess = {
  origin: string;
  /** What it has written so far, standard output and errors. */
  output(): string;
  /** SIGTERM; answers the exit code, or null when it had to be killed. */
  stop(): Promise<number | null>;
};

/** `folder` is where it runs and keeps its files; `env` is all it is told. */
export async function startApp(options: {
  port: number;
  folder: string;
  env: Record<string, string>;
}): Promise<AppProcess> {
  const origin = `http://localhost:${options.port}`;
  const child = spawn(process.execPath, [main], {
    // Where no `.env` and no `data/` of a developer lies.
    cwd: options.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PORT: String(options.port), NODE_COMPILE_CACHE: compileCache, ...options.env },
  });
  const written: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => written.push(text));
  }
  const output = () => written.join('');
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  child.once('exit', () => process.removeListener('exit', killAtExit));
  await waitUntilReady(child, output);
  return { origin, output, stop: () => stop(child) };
}

/** An app for a provider that runs already. */
export function describeApp(folder: string, providerOrigin: string): Record<string, string> {
  return {
    NODE_ENV: 'test',
    DATABASE_URL: `sqlite:${join(folder, 'test.db')}`,
    VISMA_CLIENT_ID: client.clientId,
    VISMA_CLIENT_SECRET: client.clientSecret,
    VISMA_ISSUER: providerOrigin,
    DINERO_API_URL: providerOrigin,
    SESSION_SECRETS: 'a session secret for browser tests of forty characters',
    TOKEN_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
    BRAND_NAME: brandName,
    BRAND_COLOR: '#0b5fff',
    SUPPORT_EMAIL: 'hjaelp@fakturaflow.example',
    PRIVACY_URL: 'https://fakturaflow.example/privatliv',
    TERMS_URL: 'https://fakturaflow.example/vilkaar',
  };
}

async function waitUntilReady(child: ChildProcess, output: () => string): Promise<void> {
  const limit = Date.now() + startLimitMilliseconds;
  while (!output().includes('is ready')) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the app did not start:\n${output()}`);
    if (Date.now() > limit) {
      child.kill('SIGKILL');
      throw new Error(`the app was not ready in time:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMilliseconds);
  await exited;
  clearTimeout(timer);
  return child.exitCode;
}
