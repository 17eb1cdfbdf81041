// Secrets that development makes for itself and keeps in a file, so that nobody needs a configuration to start.

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError, type DevelopmentSecrets } from './config.ts';

const file = join('data', 'development-secrets.json');

/** The secrets of this folder; made the first time. Throws ConfigError when the file is damaged or beyond reach. */
export function readDevelopmentSecrets(): DevelopmentSecrets {
  if (!existsSync(file)) {
    const random = () => randomBytes(32).toString('base64');
    writeDevelopmentSecrets({ sessionSecrets: random(), tokenKeys: `dev:${random()}` });
  }
  const secrets = parseSecrets(readWhole());
  if (secrets === null) throw new ConfigError([`${file} is damaged: delete it, and the next start makes another one`]);
  return secrets;
}

/** What cannot be read may be whole: nobody should be told to delete it, for every grant would go with it. */
function readWhole(): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new ConfigError([`${file} cannot be read: it must be a file that belongs to this account`]);
  }
}

function parseSecrets(text: string): DevelopmentSecrets | null {
  try {
    const { sessionSecrets, tokenKeys } = JSON.parse(text) as Partial<DevelopmentSecrets>;
    return typeof sessionSecrets === 'string' && typeof tokenKeys === 'string' ? { sessionSecrets, tokenKeys } : null;
  } catch {
    return null;
  }
}

/** `entry` as in TOKEN_KEYS; what was first before stays behind it. Throws ConfigError as above. */
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
