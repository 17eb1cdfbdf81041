// `npm run adopt`: makes this deployment the owner of its database, on purpose (design, section 7, rule 8).

import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { useStorage } from './storage.ts';
import { parse } from './usage.ts';

const meaning = `The former deployment must not go on with its copy of this database. Both would refresh the same grants, and with
one-time tokens each refresh would end the grant of the other. A running app here notices at once; restart it before
\`npm run keys -- rotate\`.`;

/** `readConfig` is asked once the words are understood. Throws UsageError. */
export async function adopt(args: string[], readConfig: () => Config): Promise<void> {
  const { 'dry-run': dryRun } = parse(() =>
    parseArgs({ args, options: { 'dry-run': { type: 'boolean', default: false } } }),
  );
  const config = readConfig();
  const us = `${config.baseUrl} (${config.provider.clientId})`;
  await useStorage(config, async ({ deployment }) => {
    const owner = await deployment.findOwner();
    if (owner && (await deployment.isOurs())) {
      process.stdout.write(`This database belongs to ${us} already, since ${owner.adoptedAt.toISOString()}.\n`);
      return;
    }
    const former = owner ? `${owner.baseUrl} (${owner.clientId})` : 'nobody yet';
    process.stdout.write(`This database belongs to ${former}.\n`);
    if (dryRun) {
      process.stdout.write(`It would belong to ${us}. Nothing was changed.\n`);
      return;
    }
    await deployment.adopt(new Date());
    process.stdout.write(`It belongs to ${us} now.\n${owner ? `${meaning}\n` : ''}`);
  });
}
