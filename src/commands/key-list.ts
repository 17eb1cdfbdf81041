// `keys list`: which key seals what, and which may go. Ids alone, never bytes.

import { checkKeys } from '../adapters/key-check.ts';
import { countRows, createResealing, type KeyUse, unused } from '../adapters/resealing.ts';
import type { Config } from '../config.ts';
import { useStorage } from './storage.ts';

/** Throws misconfigured, after the list, when something is sealed with a key that TOKEN_KEYS does not have. */
export async function listKeys(config: Config): Promise<void> {
  await useStorage(config, async ({ database, vault, deployment }) => {
    const uses = await createResealing(database, vault).listKeyUse();
    const running = (await deployment.findOwner())?.keyIds ?? [];
    const ids = config.tokenKeys.map(({ id }) => id);
    const missing = uses.filter(({ keyId }) => !ids.includes(keyId));
    const lines = [
      'Keys of TOKEN_KEYS, the sealing one first:',
      ...ids.map((id) => describe(useOf(uses, id), describeDuty(useOf(uses, id), vault.sealingKeyId, running))),
      ...(missing.length > 0 ? ['Needed, and not in TOKEN_KEYS:'] : []),
      ...missing.map((use) => describe(use, 'put it back')),
      running.length > 0 ? `The app started last with: ${running.join(', ')}.` : 'The app has not started here yet.',
      'Sign-ins under way are not counted: they end within an hour.',
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
    await checkKeys(database, vault);
  });
}

function useOf(uses: KeyUse[], id: string): KeyUse {
  return uses.find(({ keyId }) => keyId === id) ?? unused(id);
}

function describe({ keyId, connections, revocations, importedGrants }: KeyUse, duty: string): string {
  const imported = importedGrants > 0 ? `, ${importedGrants} imported grants` : '';
  return `  ${keyId}: ${connections} connections, ${revocations} revocations${imported}; ${duty}`;
}

function describeDuty(use: KeyUse, sealingKeyId: string, running: string[]): string {
  if (use.keyId === sealingKeyId) return 'seals';
  if (running[0] === use.keyId) return 'the running app still seals with it: restart it with TOKEN_KEYS as it is here';
  if (countRows(use) > 0) return 'opens; `npm run keys -- rotate` seals that anew';
  return 'nothing is sealed with it: it may be removed from TOKEN_KEYS';
}
