import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { errorCodes } from '../../src/core/errors.ts';
import { people } from '../../src/sandbox/people.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { CLIENT, connect, REDIRECT_URI } from '../sandbox/support.ts';
import { runCommand } from '../support/command.ts';
import { querySql } from '../support/journey-database.ts';
import { answerAuthorization } from '../support/person.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';
import { metricOf, parseMetrics, readExpression, type Scrape, sumOf } from '../support/prometheus.ts';
import { openRemoteBrowser, type Visit } from '../support/remote-browser.ts';

// One long day of the real process, and what is seen of it: the metrics, and the log.

const anna = 'Anna.Birkedal+faktura@kunde.example';
const imported = 'bjarne@import.example';
const stranger = 'nobody-known-77c1';
const contact = { Name: 'Karoline Canarysen', Email: 'karoline@canarysen.example' };
const token = randomBytes(32).toString('base64');
const webhookSecret = `whsec_${randomBytes(32).toString('base64')}`;
const waitMilliseconds = 30_000;
const company = { id: '201001', name: 'Tredje & Søn', vatNumber: '23456781' };
const scope = 'dineropublicapi:read dineropublicapi:write offline_access';

let place: ReturnType<typeof makeFolder>;
let sandbox: Sandbox;
let receiver: Server;
let app: AppProcess;
let origin: string;
let env: Record<string, string>;
let key: string;
let importOutput = '';
const received: string[] = [];

const sql = <T>(text: string): T[] => querySql(place.folder, 'data/observed.db', text);

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + waitMilliseconds; !(await what()) && Date.now() < end; ) await sleep(50);
  expect(await what()).toBe(true);
}

const pathOf = (user: string) => `/users/${encodeURIComponent(user)}/connections/dinero`;

async function call(method: string, path: string, body?: object) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${origin}/api/v1${path}`, { method, headers, ...sent });
  return { status: response.status, text: await response.text() };
}

async function readMetrics(): Promise<{ text: string; scrape: Scrape }> {
  const response = await fetch(`${origin}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const text = await response.text();
  expect(response.status).toBe(200);
  return { text, scrape: parseMetrics(text) };
}

async function signInByLink(user: string): Promise<void> {
  const link = JSON.parse((await call('POST', `/users/${encodeURIComponent(user)}/links`, {})).text).url as string;
  const browser = openRemoteBrowser(origin);
  const { pathname } = new URL(link);
  let page: Visit = await browser.get(pathname);
  if (page.location !== null) page = await browser.get(page.location);
  const left = await browser.submit(page, pathname);
  const answer = await answerAuthorization(left.location ?? '', { person: 'mads', consent: 'accept' });
  if ('errorPage' in answer) throw new Error(`stranded on ${answer.errorPage}`);
  const returned = await browser.send('/oauth/callback', answer.fields, false);
  await browser.get(returned.location ?? '');
  const picker = await browser.get('/organizations');
  expect(picker.text).toContain('Tredje &amp; Søn');
  await browser.submit(picker, '/organizations', { organizationId: company.id });
}

async function workAsBackend(): Promise<void> {
  expect((await call('POST', `${pathOf(anna)}/token`, {})).status).toBe(200);
  // Its access token is over: the next one has to be refreshed.
  sql("update connections set access_expires_at = '2026-01-01T00:00:00.000Z'");
  await until(async () => JSON.parse((await call('POST', `${pathOf(anna)}/token`, {})).text).generation === 2);
  expect((await call('POST', `${pathOf(stranger)}/token`, {})).status).toBe(404);
  const contacts = `${pathOf(anna)}/proxy/v1/{organizationId}/contacts`;
  expect((await call('POST', contacts, contact)).status).toBe(201);
  expect((await call('GET', `${contacts}?fields=Name,Email&q=${contact.Name}`)).text).toContain('Karoline');
  for (const path of ['', '/organizations', '/events']) await call('GET', `${pathOf(anna)}${path}`);
  expect((await call('PUT', `${pathOf(anna)}/organization`, { organizationId: contact.Name })).status).toBe(409);
  expect((await call('GET', `/customers/${anna}`)).status).toBe(404);
  sandbox.faults.set('organizations', { kind: 'status', status: 429 });
  await call('GET', `${pathOf(anna)}/organizations`);
  sandbox.faults.clear();
}

async function visitAsPeople(): Promise<void> {
  await openRemoteBrowser(origin).signIn('rikke', 'cancel');
  const bodil = openRemoteBrowser(origin);
  await bodil.signIn('rikke');
  await bodil.submit(await bodil.get('/organizations'), '/organizations', { organizationId: '118244' });
  for (const path of ['/connection', '/setup', '/app.css', `/${anna}`, `/?name=${contact.Name}`]) await bodil.get(path);
  await bodil.submit(await bodil.get('/disconnect'), '/disconnect');
}

async function importOne(): Promise<void> {
  const row = [imported, (await connect(sandbox, 'mads')).refresh_token, scope, '201002'].join(',');
  writeFileSync(join(place.folder, 'tokens.csv'), `user_id,refresh_token,scope,organization_id\n${row}\n`);
  for (const words of [['tokens.csv'], ['--activate']]) {
    const ended = await runCommand(place.folder, ['import', ...words], env);
    expect(ended.code).toBe(0);
    importOutput += ended.stdout + ended.stderr;
  }
}

beforeAll(async () => {
  place = makeFolder();
  const port = await takeFreePort();
  origin = `http://localhost:${port}`;
  sandbox = await startSandbox({
    port: 0,
    client: { ...CLIENT, redirectUris: [`${origin}/oauth/callback`, REDIRECT_URI] },
  });
  receiver = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    received.push(text);
    // The first try of the first message fails, and it is sent again.
    response.writeHead(received.length === 1 ? 503 : 204).end();
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  env = {
    PORT: String(port),
    VISMA_ISSUER: sandbox.origin,
    DINERO_API_URL: sandbox.origin,
    VISMA_CLIENT_ID: CLIENT.clientId,
    VISMA_CLIENT_SECRET: CLIENT.clientSecret,
    VISMA_SCOPES: `openid ${scope}`,
    SESSION_SECRETS: 'a-session-secret-of-32-characters-or-more',
    TOKEN_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    DATABASE_URL: 'sqlite:data/observed.db',
    WEBHOOK_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`,
    WEBHOOK_SECRETS: webhookSecret,
    METRICS_TOKEN: token,
    LOG_LEVEL: 'trace',
  };
  app = await startApp(place.folder, env);
  if (!app.output().includes('is ready')) throw new Error(app.output());
  const words = ['api-key', 'create', '--name', 'backend', '--scopes', 'links,connections,tokens'];
  key = (await runCommand(place.folder, words, env)).stdout.trim();
  await signInByLink(anna);
  await workAsBackend();
  await visitAsPeople();
  await importOne();
  sql(`update connections set sealed_access_token = 'torn' where user_id = '${imported}'`);
  expect((await call('POST', `${pathOf(imported)}/token`, {})).status).toBe(409);
  await until(() => sql('select 1 from webhooks where delivered_at is null').length === 0);
}, 120_000);

afterAll(async () => {
  await app?.stop();
  receiver.closeAllConnections();
  receiver.close();
  await sandbox.close();
  place.remove();
}, 60_000);

describe('the metrics', () => {
  test('tell the way to a connection, refreshes, hand-outs, calls, requests and webhooks as they were', async () => {
    const { scrape } = await readMetrics();
    const value = (name: string, labels: Record<string, string> = {}) =>
      sumOf(scrape, `dinero_connect_${name}`, labels);
    expect(value('onboarding_steps_total', { step: 'started' })).toBe(3);
    expect(value('onboarding_steps_total', { outcome: 'authorized' })).toBe(2);
    expect(value('onboarding_steps_total', { outcome: 'failed', code: 'access_denied' })).toBe(1);
    expect(value('onboarding_steps_total', { step: 'finished' })).toBe(3);
    expect(value('onboarding_steps_total', { step: 'connected' })).toBe(2);
    expect(value('refreshes_total', { outcome: 'refreshed' })).toBe(1);
    expect(value('refreshes_total')).toBe(1);
    expect(value('token_handouts_total', { outcome: 'fresh' })).toBeGreaterThanOrEqual(1);
    expect(value('token_handouts_total', { outcome: 'refreshed' })).toBe(1);
    expect(value('token_handouts_total', { outcome: 'failed', code: 'not_connected' })).toBe(1);
    const calls = (labels: Record<string, string>) => value('outbound_request_duration_seconds_count', labels);
    expect(calls({ target: 'visma_connect', call: 'token', outcome: '2xx' })).toBe(3);
    expect(calls({ target: 'visma_connect', call: 'jwks', outcome: '2xx' })).toBe(1);
    expect(calls({ target: 'visma_connect', call: 'discovery', outcome: '2xx' })).toBe(1);
    expect(calls({ target: 'visma_connect', call: 'revocation', outcome: '2xx' })).toBe(1);
    expect(calls({ target: 'dinero', call: 'proof', outcome: '2xx' })).toBe(2);
    expect(calls({ target: 'dinero', call: 'proxy', outcome: '2xx' })).toBe(2);
    expect(calls({ target: 'dinero', call: 'organizations', outcome: '429' })).toBe(1);
    const requests = (labels: Record<string, string>) => value('http_request_duration_seconds_count', labels);
    expect(requests({ route: 'proxy', method: 'GET', status: '2xx' })).toBe(1);
    expect(requests({ route: 'proxy', method: 'POST', status: '2xx' })).toBe(1);
    expect(requests({ route: 'callback', status: '3xx' })).toBe(3);
    expect(requests({ route: 'asset', status: '2xx' })).toBe(1);
    expect(requests({ route: 'page', status: '2xx' })).toBeGreaterThan(5);
    expect(requests({ route: 'api', status: '4xx' })).toBe(4);
    expect(value('unreadable_grants_total')).toBeGreaterThan(0);
    expect(value('token_handouts_total', { outcome: 'failed', code: 'needs_reconnect' })).toBe(1);
    expect(value('webhook_deliveries_total', { outcome: 'failed' })).toBe(1);
    expect(value('webhook_deliveries_total', { outcome: 'delivered' })).toBe(received.length - 1);
    for (const check of ['database', 'migrations', 'deployment', 'visma_connect']) {
      expect(value('ready', { check })).toBe(1);
    }
  });

  test('tell what the database holds, within seconds', async () => {
    await until(async () => {
      const { scrape } = await readMetrics();
      return sumOf(scrape, 'dinero_connect_connections', { status: 'connected' }) === 2;
    });
    const { scrape } = await readMetrics();
    expect(sumOf(scrape, 'dinero_connect_connections', { status: 'disconnected' })).toBe(1);
    expect(sumOf(scrape, 'dinero_connect_webhooks_waiting')).toBe(0);
    expect(sumOf(scrape, 'dinero_connect_webhooks_oldest_age_seconds')).toBe(0);
  }, 60_000);

  test('are for whoever has the token, without a cookie, and no line of the log tells of each reading', async () => {
    for (const authorization of ['', `Bearer ${token}x`, `Bearer ${key}`, token, `Basic ${token}`]) {
      const refused = await fetch(`${origin}/metrics`, { headers: authorization === '' ? {} : { authorization } });
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="metrics"');
      expect(await refused.text()).not.toContain('dinero_connect');
    }
    const read = await fetch(`${origin}/metrics?lang=da`, { headers: { authorization: `bearer ${token}` } });
    expect(read.status).toBe(200);
    expect(read.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(read.headers.getSetCookie()).toEqual([]);
    expect(read.headers.get('cache-control')).toBe('no-store');
    await until(() => app.output().includes('"path":"/metrics","status":401'));
    expect(app.output()).not.toContain('"path":"/metrics","status":200');
    expect(app.output()).not.toContain(token);
  });
});

/** The table of docs/operations/metrics.md; `values` of a label is null where the table lists none. */
function readTable() {
  const rows = readFileSync('docs/operations/metrics.md', 'utf8').matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) \| .* \|$/gm);
  return new Map(
    [...rows].map(([, name = '', type = '', labels = '']) => [name, { type, labels: readLabels(labels) }] as const),
  );
}

function readLabels(column: string): Map<string, string[] | null> {
  const known: Record<string, string[]> = { code: [...errorCodes, 'internal'] };
  const named = column === '–' ? [] : column.split(/[;,] /);
  return new Map(
    named.map((text) => {
      const [label = '', ...values] = [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? '');
      return [label, known[label] ?? (values.length > 0 ? values : null)] as const;
    }),
  );
}

type Panel = { title: string; targets?: { expr: string; legendFormat: string }[] };
type Rule = { alert: string; expr: string; labels: { severity: string }; annotations: Record<string, string> };

function readExpressions(): { where: string; expr: string }[] {
  const { panels, templating } = JSON.parse(readFileSync('docs/operations/grafana-dashboard.json', 'utf8')) as {
    panels: Panel[];
    templating: { list: { name: string; definition?: string }[] };
  };
  const { groups } = parse(readFileSync('docs/operations/alerts.yaml', 'utf8')) as { groups: { rules: Rule[] }[] };
  const ofPanels = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, expr })));
  const ofRules = groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => ({ where: alert, expr })));
  const ofVariables = templating.list.flatMap(({ name, definition }) => {
    const expr = /^label_values\((.*), \w+\)$/.exec(definition ?? '')?.[1];
    return expr === undefined ? [] : [{ where: `variable ${name}`, expr }];
  });
  // What Grafana puts in before it asks.
  const filled = (expr: string) => expr.replaceAll(/\$__(rate_interval|range)/g, '5m');
  return [...ofPanels, ...ofRules, ...ofVariables].map(({ where, expr }) => ({ where, expr: filled(expr) }));
}

test('a database that has to be migrated is not ready, on /readyz and in the metrics, until it is', async () => {
  const last = '(select max(id) from knex_migrations)';
  sql(`update knex_migrations set name = 'gone-' || name where id = ${last}`);
  const readiness = async () => (await (await fetch(`${origin}/readyz`)).json()) as { checks: Record<string, string> };
  expect((await readiness()).checks).toMatchObject({
    migrations: 'the database has to be migrated',
    deployment: 'ok',
    visma_connect: 'ok',
  });
  const ready = async () => sumOf((await readMetrics()).scrape, 'dinero_connect_ready', { check: 'migrations' });
  await until(async () => (await ready()) === 0);
  sql(`update knex_migrations set name = substr(name, 6) where id = ${last}`);
  expect((await readiness()).checks).toEqual({
    database: 'ok',
    migrations: 'ok',
    deployment: 'ok',
    visma_connect: 'ok',
  });
}, 60_000);

describe('what operators are given', () => {
  /** Set by Prometheus, not by us. */
  const ofPrometheus = ['job', 'instance', 'le'];
  const madeByPrometheus = 'up';

  test('the table of metrics lists exactly what is there, and every label holds a word of its closed list', async () => {
    const { scrape } = await readMetrics();
    const table = readTable();
    expect(Object.fromEntries([...table].map(([name, { type }]) => [name, type]))).toEqual(
      Object.fromEntries(scrape.types),
    );
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const free: Record<string, RegExp> = {
      version: new RegExp(`^${version}$`),
      node: /^\d+\.\d+\.\d+$/,
      le: /^[\d.]+$|^\+Inf$/,
    };
    for (const { name, labels } of scrape.samples) {
      const documented = table.get(metricOf(scrape, name))?.labels;
      for (const [label, value] of Object.entries(labels)) {
        const values = documented?.get(label);
        const closed = values ? values.includes(value) : free[label]?.test(value);
        expect({ name, label, value, closed }).toEqual({ name, label, value, closed: true });
      }
    }
  });

  test.each(readExpressions())('$where asks for metrics, labels and values that exist: $expr', async ({ expr }) => {
    const { scrape } = await readMetrics();
    const table = readTable();
    const { selectors, labels, error } = readExpression(expr);
    expect(error).toBeNull();
    expect(selectors.length).toBeGreaterThan(0);
    for (const { metric, matchers } of selectors.filter((one) => one.metric !== madeByPrometheus)) {
      expect(scrape.samples.map(({ name }) => name)).toContain(metric);
      const known = table.get(metricOf(scrape, metric))?.labels ?? new Map<string, string[] | null>();
      for (const { label, value } of matchers.filter((one) => !ofPrometheus.includes(one.label))) {
        expect([...known.keys()]).toContain(label);
        for (const one of value.split('|')) expect(known.get(label)).toContain(one);
      }
    }
    const ofAll = selectors.flatMap(({ metric }) => [...(table.get(metricOf(scrape, metric))?.labels.keys() ?? [])]);
    for (const label of labels) expect([...ofPrometheus, ...ofAll]).toContain(label);
  });

  test('every metric of ours is on the dashboard, and every rule says how bad it is and what to do', () => {
    const asked = readExpressions().flatMap(({ expr }) => readExpression(expr).selectors.map(({ metric }) => metric));
    for (const name of readTable().keys()) {
      if (name.startsWith('dinero_connect')) expect(asked.join(' ')).toContain(name);
    }
    const { groups } = parse(readFileSync('docs/operations/alerts.yaml', 'utf8')) as { groups: { rules: Rule[] }[] };
    const rules = groups.flatMap(({ rules }) => rules);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { labels, annotations } of rules) {
      expect(['info', 'warning', 'critical']).toContain(labels.severity);
      expect(annotations.summary).toMatch(/\S/);
      expect(annotations.description?.length).toBeGreaterThan(40);
    }
  });
});

test('neither a metric nor a line of the log holds a person’s or a company’s name, an e-mail address or a user id', async () => {
  const { text } = await readMetrics();
  await app.stop();
  const written = app.output() + text + importOutput;
  expect(written).toContain('"event":"organization_chosen"');
  expect(written).toContain('webhook delivered');
  expect(importOutput).toContain('Connected: 1');
  const users = sql<{ user_id: string }>('select user_id from connections').map((row) => row.user_id);
  expect(users).toEqual(expect.arrayContaining([anna, imported]));
  const names = [
    ...people.flatMap(({ name, sub }) => [name, ...name.split(' '), sub]),
    ...users,
    ...[anna, imported, stranger].map(encodeURIComponent),
    ...[stranger, 'Birkedal', 'kunde.example', 'import.example', 'Canarysen', 'canarysen'],
    ...[company.name, company.vatNumber, 'Søn', 'Havnens Fisk', 'rn.example'],
    ...[company.id, '201002', '118244'],
  ];
  const secrets = [key, token, webhookSecret, CLIENT.clientSecret];
  const { accessTokens, refreshTokens, idTokens, codes } = sandbox.issued;
  for (const one of [...names, ...secrets, ...accessTokens, ...refreshTokens, ...idTokens, ...codes]) {
    const line = written.split('\n').find((each) => each.toLowerCase().includes(one.toLowerCase()));
    expect({ one, line }).toEqual({ one, line: undefined });
  }
});
