// The door: reads the environment and the command line, and runs one command. Nobody imports this file.

import { existsSync } from 'node:fs';
import { UsageError } from './commands/usage.ts';
import { type Config, ConfigError, parseConfig } from './config.ts';
import { ConnectError } from './core/errors.ts';
import { readDevelopmentSecrets } from './development-secrets.ts';

/** EX_USAGE and EX_CONFIG of sysexits.h: starting again as it is will not help. */
const exitCodes = { usage: 64, configuration: 78 };

/** Null, or why the file that is there cannot be read: a folder, say, which a container makes of one that is missing. */
function loadEnvFile(): string | null {
  try {
    if (existsSync('.env')) process.loadEnvFile();
    return null;
  } catch {
    return '.env cannot be read: it must be a file of text that this account may read';
  }
}

/** The exit code. */
async function run([command = 'serve', ...args]: string[]): Promise<number> {
  const problem = loadEnvFile();
  const readConfig = (): Config => {
    if (problem !== null) throw new ConfigError([problem]);
    return parseConfig(process.env, readDevelopmentSecrets);
  };
  if (command === 'keys') return (await import('./commands/keys.ts')).keys(args, readConfig, !!process.env.TOKEN_KEYS);
  if (command === 'api-key') return (await import('./commands/api-key.ts')).apiKey(args, readConfig);
  if (command === 'webhooks') return (await import('./commands/webhooks.ts')).webhooks(args, readConfig);
  if (command === 'import') return (await import('./commands/import.ts')).importGrants(args, readConfig);
  if (command === 'postman') return (await import('./commands/postman.ts')).postman(args, readConfig);
  if (command === 'migrate') return (await import('./commands/migrate.ts')).migrate(args, readConfig);
  if (command === 'doctor') return (await import('./commands/doctor.ts')).doctor(args, readConfig, process.env);
  if (command === 'backup') (await import('./commands/backup.ts')).backup(args, readConfig);
  else if (command === 'adopt') await (await import('./commands/adopt.ts')).adopt(args, readConfig);
  else if (command === 'serve' && args.length === 0) await (await import('./commands/serve.ts')).serve(readConfig());
  else throw new UsageError(`There is no command "${[command, ...args].join(' ')}".`);
  return 0;
}

function explain(error: unknown): string[] {
  if (error instanceof ConfigError) return ['The configuration has to be corrected:', ...error.problems];
  if (error instanceof ConnectError || error instanceof UsageError) return [error.message];
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return [`Another program already listens there: ${error.message}. Set PORT or SANDBOX_PORT to a free one.`];
  }
  return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  const configuration =
    error instanceof ConfigError || (error instanceof ConnectError && error.code === 'misconfigured');
  return configuration ? exitCodes.configuration : 1;
}

run(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    process.stderr.write(`${explain(error).join('\n  ')}\n`);
    process.exit(exitCodeOf(error));
  },
);
