// `npm run import`: takes over the tokens of a former system, which wait until they are activated (decision 16).

import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { ConnectError } from '../core/errors.ts';
import type { ImportCheck, Importing } from '../core/importing.ts';
import { createLogger } from '../logger.ts';
import { activateGrants } from './activation.ts';
import { type ImportFile, ImportFileError, readImportFile } from './import-file.ts';
import { describeMisshapen, describeRow } from './import-reports.ts';
import { showProgress } from './progress.ts';
import { type Storage, useStorage } from './storage.ts';
import { parse, UsageError } from './usage.ts';
import { wire } from './wiring.ts';

const flag = { type: 'boolean', default: false } as const;
const options = { 'dry-run': flag, activate: flag, status: flag, discard: flag, yes: flag } as const;

type Words = {
  file: string | undefined;
  dryRun: boolean;
  verb: 'store' | 'activate' | 'status' | 'discard';
  yes: boolean;
};

/** The exit code. `readConfig` is asked once the words are understood. Throws UsageError, ConnectError. */
export async function importGrants(args: string[], readConfig: () => Config): Promise<number> {
  const words = understand(args);
  const config = readConfig();
  try {
    const file = words.file === undefined ? null : readImportFile(words.file);
    return await useImporting(config, words, (importing) => {
      if (file) return takeOver(importing, file, words.dryRun);
      if (words.verb === 'activate') return activateGrants(importing);
      return words.verb === 'discard' ? discard(importing, words.yes) : tellStatus(importing);
    });
  } catch (error) {
    if (!(error instanceof ImportFileError)) throw error;
    process.stderr.write(`${error.message}\nNothing was imported.\n`);
    return 1;
  }
}

function understand(args: string[]): Words {
  const {
    positionals,
    'dry-run': dryRun,
    yes,
    ...verbs
  } = parse(() => {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    return { values: { ...values, positionals } };
  });
  const asked = (['activate', 'status', 'discard'] as const).filter((verb) => verbs[verb]);
  const [file] = positionals;
  if (positionals.length + asked.length !== 1) {
    throw new UsageError('import: one file, or one of --activate, --status, --discard.');
  }
  if (dryRun && file === undefined) throw new UsageError('import: --dry-run is for a file.');
  if (yes && !verbs.discard) throw new UsageError('import: --yes is for --discard.');
  return { file, dryRun, verb: asked[0] ?? 'store', yes };
}

async function useImporting(
  config: Config,
  { verb }: Words,
  work: (importing: Importing) => Promise<number>,
): Promise<number> {
  await useStorage(config, async (storage) => {
    if (verb === 'store' || verb === 'activate') await requireKnownKey(storage);
  });
  const logger = createLogger({ level: 'warn', destination: process.stderr });
  const { core, database } = await wire(config, logger);
  try {
    return await work(core.importing);
  } finally {
    await core.work.settled();
    await database.close();
  }
}

/** The app could not open what another key seals. Throws misconfigured. */
async function requireKnownKey({ deployment, vault }: Storage): Promise<void> {
  const keyIds = (await deployment.findOwner())?.keyIds ?? [];
  if (keyIds.length === 0 || keyIds.includes(vault.sealingKeyId)) return;
  throw new ConnectError(
    'misconfigured',
    `the app did not start with key "${vault.sealingKeyId}": restart it with these TOKEN_KEYS first.`,
  );
}

async function takeOver(importing: Importing, { rows, misshapen }: ImportFile, dryRun: boolean): Promise<number> {
  const check = await importing.check(rows);
  const failed = check.failed.length + misshapen.length;
  if (failed > 0) {
    const lines = [...misshapen.map(describeMisshapen), ...check.failed.map(describeRow)];
    const texts = lines.sort((a, b) => a.line - b.line).map(({ text }) => text);
    const total = rows.length + misshapen.length;
    process.stdout.write([...texts, `Nothing was imported: ${failed} of ${total} rows failed.`, ''].join('\n'));
    return 1;
  }
  if (!dryRun) await store(importing, check);
  process.stdout.write(summarize(check, dryRun));
  return 0;
}

async function store(importing: Importing, { grants }: ImportCheck): Promise<void> {
  if (grants.length === 0) return;
  const progress = process.stderr.isTTY ? showProgress(grants.length, 'Sealed') : null;
  try {
    await importing.store(grants, progress?.advance);
  } finally {
    progress?.stop();
  }
}

function summarize({ grants, unchanged }: ImportCheck, dryRun: boolean): string {
  const before = unchanged > 0 ? ` ${unchanged} waited before.` : '';
  if (dryRun) return `All rows are fine: ${grants.length} would be imported.${before} Nothing was stored.\n`;
  return `Imported ${grants.length}.${before} Nothing uses them until \`npm run import -- --activate\`.\n`;
}

async function tellStatus(importing: Importing): Promise<number> {
  const { waiting, activated } = await importing.count();
  const begun = activated > 0 ? `, ${activated} more were begun with: \`npm run import -- --activate\` goes on` : '';
  process.stdout.write(`Waiting to be activated: ${waiting}${begun}.\n`);
  return 0;
}

async function discard(importing: Importing, yes: boolean): Promise<number> {
  if (!yes) {
    const { waiting } = await importing.count();
    process.stderr.write(`${waiting} would be removed, and their tokens with them: say --yes to do that.\n`);
    return 1;
  }
  process.stdout.write(`Removed ${await importing.discard()}.\n`);
  return 0;
}
