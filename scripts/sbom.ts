// Prints what goes into production, as CycloneDX: npm's own list, of the lockfile alone and without a network.
//   npm run --silent sbom > sbom.json

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Lockfile = { packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }> };
type Package = { name: string; devDependencies?: unknown };

const root = join(import.meta.dirname, '..');
const read = <T>(file: string) => JSON.parse(readFileSync(join(root, file), 'utf8')) as T;

/**
 * npm 11 forgets whatever a tool needs, too, when it is asked to leave the tools out (`--omit dev`). So it is shown a
 * project that has none.
 */
function withoutTools() {
  const { devDependencies: _, ...product } = read<Package>('package.json');
  const lockfile = read<Lockfile>('package-lock.json');
  const packages = Object.entries(lockfile.packages).filter(
    ([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional,
  );
  return { product, lockfile: { ...lockfile, packages: { '': product, ...Object.fromEntries(packages) } } };
}

function printBillOfMaterials(): void {
  const { product, lockfile } = withoutTools();
  const place = mkdtempSync(join(tmpdir(), 'sbom-'));
  try {
    // npm takes the folder's name for the product's.
    const folder = join(place, product.name);
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify(product));
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lockfile));
    const words = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'];
    execFileSync('npm', words, { cwd: folder, stdio: 'inherit' });
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

printBillOfMaterials();
