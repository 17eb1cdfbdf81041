// The door: reads the environment and the command line, and runs one command. Nobody imports this file.

import { existsSync } from 'node:fs';
import { ConfigError, parseConfig } from './config.ts';
import { ConnectError } from './core/errors.ts';
import { readDevelopmentSecrets } from './development-secrets.ts';

/** EX_CONFIG of sysexits.h: starting again as it is will not help. */
const exitCodeOfBadConfiguration = 78;

async function run([command = 'serve', ...args]: string[]): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile();
  const config = parseConfig(process.env, readDevelopmentSecrets);
  if (command === 'serve') return (await import('./commands/serve.ts')).serve(config);
  throw new ConfigError([`there is no command "${command}"; ${args.length} argument(s) ignored`]);
}

function explain(error: unknown): string[] {
  if (error instanceof ConfigError) return ['The configuration has to be corrected:', ...error.problems];
  if (error instanceof ConnectError) return [error.message];
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return [`Another program already listens there: ${error.message}. Set PORT or SANDBOX_PORT to a free one.`];
  }
  return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
}

run(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${explain(error).join('\n  ')}\n`);
  const configuration =
    error instanceof ConfigError || (error instanceof ConnectError && error.code === 'misconfigured');
  process.exit(configuration ? exitCodeOfBadConfiguration : 1);
});
