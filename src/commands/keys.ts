// `npm run keys -- add|rotate|list`: changing TOKEN_KEYS without locking anybody out.

import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { addKey } from './key-adding.ts';
import { listKeys } from './key-list.ts';
import { rotateKeys } from './rotation.ts';
import { parse, UsageError } from './usage.ts';

const flag = { type: 'boolean', default: false } as const;

/** The exit code. `readConfig` is asked once the words are understood. Throws UsageError. */
export async function keys(args: string[], readConfig: () => Config, keysGiven: boolean): Promise<number> {
  const [verb, ...rest] = args;
  if (verb === 'list') {
    parse(() => parseArgs({ args: rest }));
    await listKeys(readConfig());
    return 0;
  }
  if (verb === 'add') {
    const { id, 'dry-run': dryRun } = parse(() =>
      parseArgs({ args: rest, options: { id: { type: 'string' }, 'dry-run': flag } }),
    );
    if (id !== undefined && !/^[\w.-]{1,50}$/.test(id)) {
      throw new UsageError('An id has letters, digits, dots, dashes and underscores, 50 at most.');
    }
    await addKey(readConfig(), { id, dryRun, keysGiven });
    return 0;
  }
  if (verb === 'rotate') {
    const { 'dry-run': dryRun, force } = parse(() =>
      parseArgs({ args: rest, options: { 'dry-run': flag, force: flag } }),
    );
    return rotateKeys(readConfig(), { dryRun, force });
  }
  throw new UsageError(verb === undefined ? 'keys: which one?' : `keys: there is no "${verb}".`);
}
