// `keys add`: makes a key and puts it first, where development keeps its own; otherwise prints what to set.

import { randomBytes } from 'node:crypto';
import { createResealing } from '../adapters/resealing.ts';
import type { Config } from '../config.ts';
import { putTokenKeyFirst } from '../development-secrets.ts';
import { type Storage, useStorage } from './storage.ts';
import { UsageError } from './usage.ts';

const nextSteps = [
  'Next: restart the app with it, then `npm run keys -- rotate`, then `npm run keys -- list`. Remove the former key',
  'from TOKEN_KEYS when the list says that it may go.',
];

/** `keysGiven`: TOKEN_KEYS comes from the environment, not from the secrets that development makes for itself. */
export async function addKey(
  config: Config,
  { id: wanted, dryRun, keysGiven }: { id: string | undefined; dryRun: boolean; keysGiven: boolean },
): Promise<void> {
  const taken = await listTakenIds(config);
  if (wanted !== undefined && taken.has(wanted)) {
    throw new UsageError(`The id "${wanted}" is taken: TOKEN_KEYS has it, or the database knows a key of that name.`);
  }
  const id = wanted ?? findFreeId(taken);
  const ids = [id, ...config.tokenKeys.map((key) => key.id)].join(', ');
  const where = keysGiven
    ? 'printed here as the new value of TOKEN_KEYS'
    : 'put first in data/development-secrets.json';
  if (dryRun) {
    process.stdout.write(`A new key "${id}" would be made and ${where}: ${ids}. Nothing was made.\n`);
    return;
  }
  const key = { id, bytes: randomBytes(32) };
  if (keysGiven) {
    const value = [key, ...config.tokenKeys].map(toEntry).join(',');
    process.stdout.write(`TOKEN_KEYS=${value}\n`);
  } else {
    putTokenKeyFirst(toEntry(key));
  }
  process.stderr.write(`${[`Made key "${id}", ${where}: ${ids}.`, ...nextSteps].join('\n')}\n`);
}

function toEntry({ id, bytes }: Config['tokenKeys'][number]): string {
  return `${id}:${Buffer.from(bytes).toString('base64')}`;
}

/** Also those that only the database knows: two keys of one name would be taken for each other. */
async function listTakenIds(config: Config): Promise<Set<string>> {
  const ids = config.tokenKeys.map(({ id }) => id);
  const listUsed = async ({ database, vault, deployment }: Storage) => {
    const uses = await createResealing(database, vault).listKeyUse();
    const owner = await deployment.findOwner();
    return new Set([...ids, ...uses.map(({ keyId }) => keyId), ...(owner?.keyIds ?? [])]);
  };
  return useStorage(config, listUsed, () => new Set(ids));
}

function findFreeId(taken: Set<string>): string {
  let number = 1;
  while (taken.has(`k${number}`)) number += 1;
  return `k${number}`;
}
