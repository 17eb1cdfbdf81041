// The app we ship (createApp, core, provider and Dinero adapters over HTTP), on in-memory stores and a fixed clock,
// against a sandbox of its own.

import { Writable } from 'node:stream';
import type { Express } from 'express';
import session from 'express-session';
import { createDinero } from '../../src/adapters/dinero.ts';
import { createDineroForwarding } from '../../src/adapters/dinero-forwarding.ts';
import { createVismaConnect } from '../../src/adapters/visma-connect.ts';
import type { Brand, Config } from '../../src/config.ts';
import { ConnectError, type ErrorCode } from '../../src/core/errors.ts';
import type { Doctor } from '../../src/core/findings.ts';
import { createCore } from '../../src/core/index.ts';
import type { WebhookReceiver } from '../../src/core/ports.ts';
import type { RefreshTokenPolicy } from '../../src/core/refresh-schedule.ts';
import type { HandOutOutcome, OnboardingStep, RefreshReport } from '../../src/core/types.ts';
import { type AppDependencies, createApp } from '../../src/http/app.ts';
import { createLogger } from '../../src/logger.ts';
import { type Sandbox, type SandboxOptions, type SandboxSettings, startSandbox } from '../../src/sandbox/sandbox.ts';
import { createFixedClock, type FixedClock } from './clock.ts';
import { createMemoryStores, type Stores } from './memory-stores.ts';

export const testClient = { clientId: 'isv_test', clientSecret: 'a-client-secret-for-tests' };
export const testOrigin = 'http://localhost:3000';
export const defaultScopes = ['dineropublicapi:read', 'dineropublicapi:write', 'offline_access'];

const reuseTokens: RefreshTokenPolicy = { use: 're-use', lifetimeSeconds: 180 * 86_400, graceSeconds: 0 };

export type TestAppOptions = {
  scopes?: string[];
  https?: boolean;
  trustProxy?: number | false;
  clientSecret?: string;
  brand?: Partial<Brand>;
  refreshTokenPolicy?: RefreshTokenPolicy;
  stores?: Partial<Stores>;
  apiRateLimit?: number;
  /** In the place of express-session's own, which brings ended sessions back. */
  sessionStore?: (clock: FixedClock) => session.Store;
  /** Where the proxy sends to, when that is not the sandbox, and how long it waits. */
  forwarding?: Partial<Parameters<typeof createDineroForwarding>[0]>;
  /** Whether the database belongs to this deployment; yes when left out. */
  isOurs?: () => boolean;
  /** Where the integrator is told; with none, nothing is queued. */
  webhookReceiver?: WebhookReceiver;
  /** The setup assistant; not there when left out, as in production. */
  setup?: Config['setup'];
  doctor?: Doctor;
  /** What `/metrics` answers with; not there when left out. */
  metrics?: AppDependencies['metrics'];
  /** The operator's page is there, with its sessions in this store. */
  operator?: boolean | session.Store;
  /** The sandbox counts as the app's own. */
  builtIn?: boolean;
};

export function startTestSandbox(
  settings: Partial<SandboxSettings> = {},
  options: Pick<SandboxOptions, 'onReplay'> = {},
): Promise<Sandbox> {
  const client = { ...testClient, redirectUris: [`${testOrigin}/oauth/callback`] };
  return startSandbox({ port: 0, client, settings, ...options });
}

export type TestApp = ReturnType<typeof createTestApp>;

export function createTestApp(sandbox: Pick<Sandbox, 'origin'>, options: TestAppOptions = {}) {
  const clock = createFixedClock();
  const scopes = options.scopes ?? defaultScopes;
  const refreshTokenPolicy = options.refreshTokenPolicy ?? reuseTokens;
  const provider = createVismaConnect(
    {
      issuer: sandbox.origin,
      clientId: testClient.clientId,
      clientSecret: options.clientSecret ?? testClient.clientSecret,
      scopes,
      redirectUri: `${testOrigin}/oauth/callback`,
    },
    clock,
  );
  const users: string[] = [];
  const refreshes: RefreshReport[] = [];
  const steps: OnboardingStep[] = [];
  const handOuts: { outcome: HandOutOutcome; code: ErrorCode | null }[] = [];
  const stores = rememberUsers(
    { ...createMemoryStores({ announce: options.webhookReceiver !== undefined }), ...options.stores },
    users,
  );
  const core = createCore(
    {
      clock,
      deployment: { isOurs: async () => options.isOurs?.() ?? true },
      watchRefresh: (report) => refreshes.push(report),
      watchOnboarding: (step) => steps.push(step),
      watchHandOut: (outcome, code) => handOuts.push({ outcome, code }),
      identityProvider: provider,
      accountingApi: createDinero({ baseUrl: sandbox.origin }, clock),
      forwarding: createDineroForwarding({ baseUrl: sandbox.origin, ...options.forwarding }, clock),
      webhookReceiver: options.webhookReceiver ?? null,
      ...stores,
    },
    {
      scopes,
      refreshTokenPolicy,
      linkSecrets: ['a session secret for tests of forty characters'],
      returnUrlOrigins: ['https://app.fakturaflow.example'],
    },
  );
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const sessionStore = new FailingMemoryStore();
  const app: Express = createApp({
    core,
    clock,
    logger: createLogger({ level: 'debug', destination }),
    sessionStore: options.sessionStore?.(clock) ?? sessionStore,
    formTargets: provider.origins,
    readinessChecks: [{ name: 'visma_connect', check: provider.check }],
    metrics: options.metrics ?? null,
    ...(options.doctor ? { doctor: options.doctor } : {}),
    ...(options.operator
      ? { operatorSessionStore: options.operator === true ? new session.MemoryStore() : options.operator }
      : {}),
    config: {
      https: options.https ?? false,
      baseUrl: testOrigin,
      apiRateLimit: options.apiRateLimit ?? 6_000,
      sessionSecrets: ['a session secret for tests of forty characters'],
      trustProxy: options.trustProxy ?? false,
      brand: {
        name: 'Fakturaflow',
        color: null,
        supportEmail: null,
        privacyUrl: null,
        termsUrl: null,
        ...options.brand,
      },
      redirectUri: `${testOrigin}/oauth/callback`,
      dineroApiUrl: sandbox.origin,
      refreshTokenPolicy,
      setup: options.setup ?? null,
      provider: { issuer: sandbox.origin, clientId: testClient.clientId, scopes },
      sandbox: options.builtIn ? {} : null,
    },
  });
  const logs = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    app,
    core,
    clock,
    stores,
    logs,
    logText: () => lines.join(''),
    connectedUsers: () => users,
    refreshes,
    /** What the onboarding watch was told. */
    steps,
    /** What the watch over hand-outs was told. */
    handOuts,
    failSessions: sessionStore.fail,
  };
}

/** express-session's own store, which can be told to fail as a locked database does. */
class FailingMemoryStore extends session.MemoryStore {
  #failing = false;

  fail = (failing: boolean): void => {
    this.#failing = failing;
  };

  override set(id: string, data: session.SessionData, done?: (error?: unknown) => void): void {
    if (this.#failing) done?.(new ConnectError('database_unavailable', 'database: SQLITE_BUSY'));
    else super.set(id, data, done);
  }
}

/** Generated user ids are told to nobody; tests that play the integrator's backend need them. */
function rememberUsers(stores: Stores, users: string[]): Stores {
  const { saveAuthorized } = stores.connections;
  const connections: Stores['connections'] = {
    ...stores.connections,
    saveAuthorized(userId, ...rest) {
      users.push(userId);
      return saveAuthorized(userId, ...rest);
    },
  };
  return { ...stores, connections };
}
