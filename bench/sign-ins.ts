// Whole sign-ins a second, from the click to stored tokens: the app, which keeps them in a database, beside
// express-openid-connect, which keeps them in a cookie, and a floor of bare node:http. `npm run bench -- sign-ins`

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Pool } from 'undici';
import { takeFreePort } from '../test/support/ports.ts';
import { endServers, median, startServer } from './servers.ts';

const rounds = 5;
const signIns = 1_000;
const people = 16;

type Answer = { status: number; location: string; text: string };

/** One person's browser: cookies, and no redirect followed. */
function openBrowser(pool: Pool, host: string) {
  const cookies = new Map<string, string>();
  // Everybody at home: the app lets one address send 300 forms a minute.
  const address = `10.${[...randomBytes(3)].join('.')}`;
  return async (method: 'GET' | 'POST', path: string, form?: Record<string, string>): Promise<Answer> => {
    const { statusCode, headers, body } = await pool.request({
      method,
      path,
      headers: {
        host,
        'x-forwarded-for': address,
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(form ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
      },
      body: form ? new URLSearchParams(form).toString() : null,
    });
    for (const line of [headers['set-cookie'] ?? []].flat()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    return { status: statusCode, location: String(headers.location ?? ''), text: await body.text() };
  };
}

type Consent = (authorizationUrl: string) => Promise<Record<string, string>>;
/** What a person has before them before they begin, and then the sign-in from the click to its end. */
type Flow = (ask: ReturnType<typeof openBrowser>, consent: Consent) => Promise<() => Promise<Answer>>;

const appFlow: Flow = async (ask, consent) => {
  const home = await ask('GET', '/');
  const token = /name="_csrf" value="([^"]+)"/.exec(home.text)?.[1] ?? '';
  return async () => {
    const left = await ask('POST', '/connect', { _csrf: token });
    const returned = await ask('POST', '/oauth/callback', await consent(left.location));
    return ask('GET', returned.location);
  };
};

const libraryFlow: Flow = async (ask, consent) => async () => {
  const left = await ask('GET', '/login');
  return ask('POST', '/callback', await consent(left.location));
};

/** Does something for each sign-in, for so many people at once. */
async function forEachSignIn(act: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: people }, async () => {
      while (next < signIns) {
        next += 1;
        await act(next - 1);
      }
    }),
  );
}

/** Sign-ins a second. */
async function measure(port: number, flow: Flow, consent: Consent): Promise<number> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: people });
  const ready: (() => Promise<Answer>)[] = [];
  await forEachSignIn(async () => {
    ready.push(await flow(openBrowser(pool, `localhost:${port}`), consent));
  });
  const began = performance.now();
  await forEachSignIn(async (index) => {
    const end = await ready[index]?.();
    if (!end || end.status < 300 || end.status > 303)
      throw new Error(`ended with ${end?.status}: ${end?.text.slice(0, 300)}`);
  });
  const seconds = (performance.now() - began) / 1000;
  await pool.close();
  return signIns / seconds;
}

const folder = mkdtempSync(join(tmpdir(), 'dinero-connect-bench-'));
try {
  const { line: issuer } = await startServer([resolve('bench/sign-ins/stub-provider.ts')], {}, folder, 'http://');
  const ports = { app: await takeFreePort(), library: await takeFreePort(), floor: await takeFreePort() };
  const common = (port: number) => ({ PORT: String(port), ISSUER: issuer, NODE_ENV: 'production' });
  await startServer(
    [resolve('src/main.ts')],
    {
      ...common(ports.app),
      NODE_ENV: 'development',
      LOG_LEVEL: 'info',
      BASE_URL: `http://localhost:${ports.app}`,
      DATABASE_URL: `sqlite:${join(folder, 'bench.db')}`,
      VISMA_CLIENT_ID: 'isv_bench',
      VISMA_CLIENT_SECRET: 'secret',
      VISMA_ISSUER: issuer,
      VISMA_SCOPES: 'openid offline_access',
      DINERO_API_URL: issuer,
      SETUP: 'false',
      TRUST_PROXY: '1',
      SESSION_SECRETS: 'a session secret of more than thirty-two characters',
      TOKEN_KEYS: `k1:${Buffer.alloc(32, 9).toString('base64')}`,
    },
    folder,
  );
  await startServer([resolve('bench/sign-ins/express-openid-connect.ts')], common(ports.library), folder);
  await startServer([resolve('bench/sign-ins/floor.ts')], common(ports.floor), folder);

  const provider = new Pool(issuer, { connections: people });
  const consent: Consent = async (authorizationUrl) => {
    const { pathname, search } = new URL(authorizationUrl);
    const { body } = await provider.request({ method: 'GET', path: pathname + search });
    return (await body.json()) as Record<string, string>;
  };
  const flows = { app: appFlow, library: libraryFlow, floor: appFlow };
  const names = ['app', 'library', 'floor'] as const;
  // Until V8 has compiled what runs most.
  for (const name of names) await measure(ports[name], flows[name], consent);
  const found = { app: [] as number[], library: [] as number[], floor: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      found[name].push(await measure(ports[name], flows[name], consent));
    }
  }
  process.stdout.write(`${cpus().length} cores, ${cpus()[0]?.model}, Node ${process.version}\n`);
  process.stdout.write(`medians of ${rounds} alternating rounds of ${signIns} sign-ins, ${people} people at once\n\n`);
  const words = {
    app: 'the app, tokens in SQLite',
    library: 'express-openid-connect, tokens in a cookie',
    floor: 'bare node:http, nothing kept',
  };
  for (const name of names)
    process.stdout.write(`${words[name].padEnd(45)} ${median(found[name]).toFixed(0)} sign-ins a second\n`);
  const ratio = (other: 'library' | 'floor') => median(found.app.map((one, round) => one / (found[other][round] ?? 1)));
  process.stdout.write(
    `ratio to express-openid-connect ${ratio('library').toFixed(2)}, to the floor ${ratio('floor').toFixed(2)}\n`,
  );
  await provider.close();
} finally {
  await endServers();
  rmSync(folder, { recursive: true, force: true });
}
