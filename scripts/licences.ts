// Writes docs/licences.md: the packages that go into production and under which licence each comes, of the lockfile.
//   npm run licences

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Locked = { version: string; license?: string; dev?: boolean; optional?: boolean; devOptional?: boolean };

const root = join(import.meta.dirname, '..');
export const licencesFile = join(root, 'docs/licences.md');

/**
 * Licences that ask for no more than that their text stays with the package, which it does in the image. Any other one
 * is a decision to be written down first (docs/decisions/0025-backup-and-container.md).
 */
export const allowedLicences = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'Unlicense',
];

/** What `npm ci --omit=dev --omit=optional` installs, by name; `licence` is `unknown` where a package says none. */
export function readProductionPackages(): { name: string; version: string; licence: string }[] {
  const lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  return Object.entries(lockfile.packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
    .map(([path, { version, license = 'unknown' }]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      licence: license,
    }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en') || a.version.localeCompare(b.version, 'en'));
}

/** The file as it should be, of the lockfile as it is. */
export function describeLicences(): string {
  const packages = readProductionPackages();
  const licences = [...new Set(packages.map(({ licence }) => licence))].sort();
  const counts = licences.map((one) => `${packages.filter(({ licence }) => licence === one).length} ${one}`);
  return [
    '# Licences',
    '',
    `What goes into production beside our own code: ${packages.length} packages (${counts.join(', ')}).`,
    'The text of each licence is in its package, also in the image. Node and Debian, in the base image, bring theirs.',
    '',
    'Written by `npm run licences`; a test keeps it true, and refuses a licence that nobody has decided on.',
    '',
    '| package | version | licence |',
    '|---|---|---|',
    ...packages.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`),
    '',
  ].join('\n');
}

if (process.argv[1] === import.meta.filename) writeFileSync(licencesFile, describeLicences());
