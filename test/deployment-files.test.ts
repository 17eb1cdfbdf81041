import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

// What operators copy: compose files and the proxies' configuration.

type Service = {
  image: string;
  environment: Record<string, string>;
  volumes?: string[];
  ports?: string[];
  networks?: Record<string, { ipv4_address?: string }>;
} & Record<string, unknown>;

const read = (file: string) => readFileSync(file, 'utf8');
const readServices = (file: string) =>
  (parse(read(file), { merge: true }) as { services: Record<string, Service> }).services;

describe.each(['compose.yaml', 'compose.postgres.yaml'])('%s', (file) => {
  const services = readServices(file);
  const apps = Object.values(services).filter(({ image }) => image === 'dinero-connect');

  test('gives the app no more than it needs, believes one proxy, and lets it end what it is at', () => {
    expect(apps.length).toBeGreaterThan(0);
    for (const app of apps) {
      expect(app).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        stop_grace_period: '30s',
        environment: { NODE_ENV: 'production', TRUST_PROXY: expect.stringMatching(/^\$\{TRUST_PROXY:-1\}$/) },
      });
    }
  });

  test('opens the proxy alone to the world', () => {
    const open = Object.entries(services).filter(([, { ports }]) => ports);
    expect(open.map(([name]) => name)).toEqual(['proxy']);
  });

  test('mounts what is there, and holds no secret', () => {
    const mounted = Object.values(services).flatMap(({ volumes }) => volumes ?? []);
    for (const source of mounted.map((volume) => volume.split(':')[0] ?? '').filter((name) => name.startsWith('./')))
      expect({ source, exists: existsSync(source) }).toEqual({ source, exists: true });
    for (const [, name] of read(file).matchAll(/_(?:PASSWORD|SECRETS?|KEYS?|TOKEN): (?!\$\{)(\S+)/g))
      expect(name).toBeUndefined();
  });

  test('has an exact version of everything that is not ours', () => {
    for (const { image } of Object.values(services)) expect(image).toMatch(/^dinero-connect$|:\d+\.\d+(\.\d+)?$/);
  });
});

test('nginx passes requests on to the instances that compose starts, each with an address of its own', () => {
  const instances = Object.entries(readServices('compose.postgres.yaml')).filter(([name]) => name.startsWith('app-'));
  const servers = [...read('docs/operations/nginx.conf').matchAll(/^ +server ([\w-]+):(\d+)/gm)];
  expect(servers.map(([, name, port]) => `${name}:${port}`)).toEqual(
    instances.map(([name, { environment }]) => `${name}:${environment.PORT}`),
  );
  const addresses = instances.map(([, { networks }]) => networks?.front?.ipv4_address);
  expect(new Set(addresses).size).toBe(instances.length);
});

test('nginx asks the next instance when one refuses and when one is gone, and sends no POST twice', () => {
  expect(read('docs/operations/nginx.conf').match(/proxy_next_upstream .*/g)).toEqual([
    'proxy_next_upstream error timeout;',
  ]);
});

describe.each(['docs/operations/Caddyfile', 'docs/operations/nginx.conf'])('%s', (file) => {
  test('keeps what is for those inside from the world', () => {
    for (const path of ['readyz', 'metrics', 'operator']) expect(read(file)).toMatch(new RegExp(`\\b${path}\\b`));
  });
});
