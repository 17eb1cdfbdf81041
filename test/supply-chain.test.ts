import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { allowedLicences, describeLicences, licencesFile, readProductionPackages } from '../scripts/licences.ts';

type Versions = Record<string, string>;
type Locked = { version: string; integrity?: string; resolved?: string; hasInstallScript?: boolean; dev?: boolean };

const read = <T>(file: string) => JSON.parse(readFileSync(file, 'utf8')) as T;
const wanted = read<{ dependencies: Versions; devDependencies: Versions; overrides: Versions }>('package.json');
const { packages } = read<{ packages: Record<string, Locked> }>('package-lock.json');
const { '': itself, ...locked } = packages as Record<string, Locked> & { '': Partial<typeof wanted> };

test('every dependency has an exact version', () => {
  for (const version of Object.values({ ...wanted.dependencies, ...wanted.devDependencies, ...wanted.overrides }))
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

describe('the lockfile', () => {
  test('has what package.json asks for', () => {
    expect(itself).toMatchObject({ dependencies: wanted.dependencies, devDependencies: wanted.devDependencies });
    for (const [name, version] of Object.entries({ ...wanted.dependencies, ...wanted.devDependencies }))
      expect({ name, version: locked[`node_modules/${name}`]?.version }).toEqual({ name, version });
  });

  test('knows every package by its content and by no host, so that any registry will do and none can change one', () => {
    for (const [name, { integrity, resolved }] of Object.entries(locked))
      expect({ name, integrity, resolved }).toEqual({ name, integrity: expect.stringMatching(/^sha512-/) });
  });

  test('brings nothing into production that runs a program of its own when it is installed', () => {
    const running = Object.entries(locked).filter(([, { hasInstallScript, dev }]) => hasInstallScript && !dev);
    expect(running).toEqual([]);
  });
});

describe('licences', () => {
  test.each(readProductionPackages())('$name comes under one that is decided on', ({ licence }) => {
    expect(allowedLicences).toContain(licence);
  });

  test('docs/licences.md lists them as they are: npm run licences', () => {
    expect(readFileSync(licencesFile, 'utf8')).toBe(describeLicences());
  });
});

test('npm run sbom lists what goes into production, and nothing else', () => {
  const bom = JSON.parse(execFileSync('npm', ['run', '--silent', 'sbom'], { encoding: 'utf8', stdio: 'pipe' })) as {
    bomFormat: string;
    components: { name: string; version: string; hashes: unknown[] }[];
  };
  expect(bom.bomFormat).toBe('CycloneDX');
  const listed = bom.components.map(({ name, version }) => `${name}@${version}`);
  expect(listed.sort()).toEqual(
    [...new Set(readProductionPackages().map(({ name, version }) => `${name}@${version}`))].sort(),
  );
  expect(bom.components.filter(({ hashes }) => hashes.length === 0)).toEqual([]);
}, 60_000);
