// `npm run postman`: the Postman collection of this configuration, on standard output or in a file.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { createPostmanCollection } from '../http/setup/postman-collection.ts';
import { parse, UsageError } from './usage.ts';

/** The exit code. `readConfig` is asked once the words are understood. Throws UsageError. */
export function postman(args: string[], readConfig: () => Config): number {
  const { out } = parse(() => parseArgs({ args, options: { out: { type: 'string' } } }));
  const text = `${JSON.stringify(createPostmanCollection(readConfig()), null, 2)}\n`;
  if (out === undefined) process.stdout.write(text);
  else write(out, text);
  return 0;
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
    throw new UsageError(`--out: "${file}" cannot be written (${reason}).`);
  }
  process.stderr.write(`${file} is ready to be imported into Postman. No secret is in it.\n`);
}
