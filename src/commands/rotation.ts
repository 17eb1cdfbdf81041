// `keys rotate`: seals everything anew with the first key, beside the running app, as often as it is started.

import { checkKeys } from '../adapters/key-check.ts';
import { countRows, createResealing, type RowOutcome } from '../adapters/resealing.ts';
import type { Config } from '../config.ts';
import { ConnectError } from '../core/errors.ts';
import { exitCodeOf, type Interruption, listenForSignals } from './interruption.ts';
import { showProgress } from './progress.ts';
import { type Storage, useStorage } from './storage.ts';

type Options = { dryRun: boolean; force: boolean };

/** The exit code: 0 when everything is sealed with the first key, or would be. Throws misconfigured. */
export async function rotateKeys(config: Config, options: Options): Promise<number> {
  const interruption = listenForSignals();
  return useStorage(config, async (storage) => {
    await checkKeys(storage.database, storage.vault);
    const refusal = await findRefusal(storage);
    if (refusal && options.dryRun) process.stderr.write(`Without --dry-run this would be refused: ${refusal}\n`);
    else if (refusal && !options.force) throw new ConnectError('misconfigured', refusal);
    return reseal(storage, options, interruption);
  });
}

async function reseal(storage: Storage, { dryRun }: Options, interruption: Interruption): Promise<number> {
  const resealing = createResealing(storage.database, storage.vault);
  const { sealingKeyId } = storage.vault;
  const countFormer = async () =>
    (await resealing.listKeyUse())
      .filter(({ keyId }) => keyId !== sealingKeyId)
      .reduce((sum, use) => sum + countRows(use), 0);

  const total = await countFormer();
  const progress = showProgress(total, dryRun ? 'Opened' : 'Sealed anew');
  const outcomes: RowOutcome[] = [];
  try {
    for await (const outcome of resealing.resealAll({ dryRun })) {
      outcomes.push(outcome);
      progress.advance();
      if (interruption.signal) break;
    }
  } finally {
    // Also when the database fails: the bar has hidden the terminal's cursor.
    progress.stop();
  }
  const unreadable = outcomes.filter(({ kind }) => kind === 'unreadable');
  const remaining = dryRun ? total - outcomes.length + unreadable.length : await countFormer();
  process.stdout.write(
    [...unreadable.map(describeUnreadable), summarize(outcomes, sealingKeyId, dryRun), ''].join('\n'),
  );
  if (interruption.signal && remaining > unreadable.length) {
    process.stderr.write(`Stopped, ${remaining} to go. Started again, it goes on where it stopped.\n`);
    return exitCodeOf(interruption.signal);
  }
  process.stderr.write(explainRest(unreadable.length, remaining));
  return remaining > 0 ? 1 : 0;
}

/** What is still sealed with a former key, and why; empty when nothing is. */
function explainRest(unreadable: number, remaining: number): string {
  const damaged =
    `${unreadable} did not open and were left alone: such a connection has to be reconnected by its person, and ` +
    'such a revocation is dropped when its turn comes; of an imported grant `npm run import -- --activate` tells. ' +
    'Keep the key until then.\n';
  const more = 'More was sealed with a former key meanwhile: restart the app with these TOKEN_KEYS, run again.\n';
  return `${unreadable > 0 ? damaged : ''}${remaining > unreadable ? more : ''}`;
}

function describeUnreadable({ table, id, keyId }: RowOutcome): string {
  return `does not open with key "${keyId}": ${table} ${id}`;
}

function summarize(outcomes: RowOutcome[], sealingKeyId: string, dryRun: boolean): string {
  const counts = new Map<string, number>();
  for (const { kind, keyId } of outcomes) {
    if (kind === 'sealed' && keyId !== null) counts.set(keyId, (counts.get(keyId) ?? 0) + 1);
  }
  if (counts.size === 0) return `Nothing to seal anew with key "${sealingKeyId}".`;
  const former = [...counts].map(([keyId, count]) => `${count} of key "${keyId}"`).join(', ');
  return `${dryRun ? 'Would seal' : 'Sealed'} anew with key "${sealingKeyId}": ${former}.`;
}

/** Why the app would be locked out of its own grants; null when it would not. */
async function findRefusal({ deployment, vault }: Storage): Promise<string | null> {
  const owner = await deployment.findOwner();
  if (!owner) return null;
  if (!(await deployment.isOurs())) {
    return `the database belongs to ${owner.baseUrl} (${owner.clientId}), whose keys are not known here: \`npm run adopt\` first, and restart the app.`;
  }
  if (owner.keyIds.includes(vault.sealingKeyId)) return null;
  return `the app did not start with key "${vault.sealingKeyId}" and would be locked out of its grants: restart it with these TOKEN_KEYS first (--force when no app runs).`;
}
