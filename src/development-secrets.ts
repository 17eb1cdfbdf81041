// Secrets that development makes for itself and keeps in a file, so that nobody needs a configuration to start.

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError, type DevelopmentSecrets } from './config.ts';

const file = join('data', 'development-secrets.json');

/** The secrets of this folder; made the first time. Throws ConfigError when the file is damaged. */
export function readDevelopmentSecrets(): DevelopmentSecrets {
  if (!existsSync(file)) {
    const random = () => randomBytes(32).toString('base64');
    writeDevelopmentSecrets({ sessionSecrets: random(), tokenKeys: `dev:${random()}` });
  }
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as DevelopmentSecrets;
  } catch {
    throw new ConfigError([`${file} is damaged: delete it, and the next start makes another one`]);
  }
}

/** `entry` as in TOKEN_KEYS; what was first before stays behind it. Throws ConfigError when the file is damaged. */
export function putTokenKeyFirst(entry: string): void {
  const { tokenKeys, ...others } = readDevelopmentSecrets();
  writeDevelopmentSecrets({ ...others, tokenKeys: `${entry},${tokenKeys}` });
}

function writeDevelopmentSecrets(secrets: DevelopmentSecrets): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // By its final name only once it is whole: half a file would cost the keys, and with them every grant.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(secrets), { mode: 0o600 });
  renameSync(draft, file);
}
