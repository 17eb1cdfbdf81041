import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';

// What may import what. A room that is not listed may not exist; a package that is not listed may not be used there.
const rooms: Record<string, { own: string[]; packages: string[] }> = {
  'src/core': { own: ['src/core'], packages: [] },
  'src/adapters': { own: ['src/core', 'src/adapters'], packages: [] },
  'src/adapters/session-store.ts': { own: ['src/core', 'src/adapters'], packages: ['express-session'] },
  'src/adapters/database.ts': { own: ['src/core', 'src/adapters'], packages: ['knex'] },
  // Every engine is knex with a driver of its own, which knex loads.
  'src/adapters/database-engine.ts': { own: [], packages: ['knex'] },
  'src/adapters/migrating.ts': { own: ['src/adapters/database-engine.ts'], packages: ['knex'] },
  'src/adapters/sqlite-engine.ts': { own: ['src/core', 'src/adapters'], packages: ['knex'] },
  'src/adapters/postgres-engine.ts': { own: ['src/adapters'], packages: ['knex'] },
  'src/adapters/database-backup.ts': { own: ['src/core', 'src/adapters'], packages: ['better-sqlite3'] },
  'src/adapters/vault.ts': { own: [], packages: ['jose'] },
  'src/adapters/id-token.ts': { own: ['src/core'], packages: ['jose'] },
  'src/adapters/outbound.ts': { own: [], packages: ['p-limit'] },
  // jose only for the type and the key set that id-token.ts verifies with.
  'src/adapters/granted-tokens.ts': { own: ['src/core', 'src/adapters'], packages: ['openid-client', 'jose'] },
  'src/adapters/visma-connect.ts': { own: ['src/core', 'src/adapters'], packages: ['openid-client', 'jose'] },
  'src/adapters/posting.ts': { own: [], packages: ['undici'] },
  'src/adapters/webhook-receiver.ts': { own: ['src/core', 'src/adapters'], packages: ['standardwebhooks'] },
  'src/adapters/dinero.ts': { own: ['src/core', 'src/adapters'], packages: ['ky', 'zod'] },
  'src/adapters/metrics.ts': { own: ['src/core', 'src/adapters'], packages: ['prom-client'] },
  'src/adapters/dinero-forwarding.ts': { own: ['src/core', 'src/adapters'], packages: ['undici'] },
  'src/http': {
    own: ['src/core', 'src/http', 'src/locales', 'src/config.ts', 'src/logger.ts'],
    packages: ['express', 'express-session', 'express-rate-limit', 'csrf-csrf', 'cookie', 'helmet', 'i18next', 'zod'],
  },
  'src/http/operator/charts.ts': { own: [], packages: ['d3-scale', 'd3-shape'] },
  'src/config.ts': { own: ['src/environment.ts', 'src/environment-problems.ts'], packages: [] },
  'src/environment-problems.ts': { own: ['src/environment.ts'], packages: [] },
  'src/environment.ts': { own: [], packages: ['zod'] },
  'src/logger.ts': { own: [], packages: ['pino'] },
  'src/sandbox': { own: ['src/sandbox'], packages: ['express', 'oidc-provider', 'jose', 'zod', 'ejs'] },
  'src/development-secrets.ts': { own: ['src/config.ts'], packages: [] },
  'src/doctor': { own: ['src/core', 'src/doctor', 'src/config.ts', 'src/environment.ts'], packages: [] },
  'src/commands': {
    own: [
      'src/adapters',
      'src/commands',
      'src/core',
      'src/doctor',
      'src/http',
      'src/config.ts',
      'src/development-secrets.ts',
      'src/logger.ts',
      'src/sandbox/sandbox.ts',
    ],
    packages: ['pino-pretty', 'cli-progress'],
  },
  'src/commands/import-file.ts': { own: ['src/core'], packages: ['csv-parse'] },
  'src/main.ts': {
    own: ['src/commands', 'src/core', 'src/config.ts', 'src/development-secrets.ts'],
    packages: [],
  },
};

const files = (readdirSync('src', { recursive: true }) as string[])
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join('src', file));

function roomOf(file: string) {
  const name = Object.keys(rooms)
    .filter((room) => file === room || file.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0];
  return name === undefined ? undefined : rooms[name];
}

function importsOf(file: string): string[] {
  const source = readFileSync(file, 'utf8');
  return [
    ...source.matchAll(/^(?:import|export|\})[^;'\n]*\bfrom '([^']+)'/gm),
    ...source.matchAll(/^import '([^']+)'/gm),
    ...source.matchAll(/\bimport\('([^']+)'\)/g),
  ].map(([, name]) => name ?? '');
}

const packageOf = (name: string) =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');

describe('imports', () => {
  test.each(files)('%s', (file) => {
    const room = roomOf(file);
    expect(room).toBeDefined();
    for (const name of importsOf(file)) {
      if (name.startsWith('node:')) continue;
      if (name.startsWith('.')) {
        const target = relative('.', join(dirname(file), name));
        const allowed = room?.own.some((own) => target === own || target.startsWith(`${own}/`));
        expect({ file, target, allowed }).toEqual({ file, target, allowed: true });
      } else {
        expect(room?.packages).toContain(packageOf(name));
      }
    }
  });

  test('nobody imports main', () => {
    for (const file of files) expect(importsOf(file).filter((name) => /(^|\/)main\.ts$/.test(name))).toEqual([]);
  });

  test('the environment is read in main alone, and core has no clock of its own', () => {
    for (const file of files) {
      const source = readFileSync(file, 'utf8');
      if (file !== 'src/main.ts')
        expect({ file, reads: source.includes('process.env') }).toEqual({ file, reads: false });
      if (file.startsWith('src/core/'))
        expect({ file, clock: /Date\.now|new Date\(\)|setTimeout/.test(source) }).toEqual({ file, clock: false });
    }
  });
});

describe('what is forbidden everywhere', () => {
  test.each(files)('%s is short, and has no word that says nothing', (file) => {
    const source = readFileSync(file, 'utf8');
    expect(source.split('\n').length).toBeLessThanOrEqual(220);
    expect(file).not.toMatch(/(^|[/-])(data|info|manager|helper|handler|service|util)s?[-.]/);
  });

  test('views escape everything: raw output is for includes alone', () => {
    for (const file of readdirSync('views', { recursive: true }) as string[]) {
      if (!file.endsWith('.ejs')) continue;
      const raw = readFileSync(join('views', file), 'utf8').match(/<%-(?!\s*include\()[^%]*%>/g);
      expect({ file, raw }).toEqual({ file, raw: null });
    }
  });

  test('no page of ours brings a script', () => {
    expect((readdirSync('public') as string[]).filter((file) => /\.m?js$/.test(file))).toEqual([]);
  });
});

test('the container runs the Node that the project pins, and says which version of the app it holds', () => {
  const { version, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    version: string;
    devDependencies: Record<string, string>;
  };
  const dockerfile = readFileSync('Dockerfile', 'utf8');
  expect(dockerfile).toContain(`FROM node:${devDependencies.node}-`);
  expect(dockerfile).toContain(`org.opencontainers.image.version="${version}"`);
});
