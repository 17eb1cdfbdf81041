// Wires everything and runs it: database, adapters, core, app; listens, and stops cleanly.

import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAttemptStore } from '../adapters/attempt-store.ts';
import { createConnectionStore } from '../adapters/connection-store.ts';
import type { Deployment } from '../adapters/deployment.ts';
import { createDinero } from '../adapters/dinero.ts';
import { createEventStore } from '../adapters/event-store.ts';
import { createIdentityStore } from '../adapters/identity-store.ts';
import { checkKeys } from '../adapters/key-check.ts';
import { createRevocationStore } from '../adapters/revocation-store.ts';
import { createSessionStore } from '../adapters/session-store.ts';
import type { VaultError } from '../adapters/vault.ts';
import { createVismaConnect } from '../adapters/visma-connect.ts';
import type { Config } from '../config.ts';
import { createCore } from '../core/index.ts';
import type { Clock, RefreshWatch } from '../core/ports.ts';
import type { EventDraft } from '../core/types.ts';
import { createApp } from '../http/app.ts';
import { createLimitedServer } from '../http/server.ts';
import { createLogger, type Logger } from '../logger.ts';
import { exitOnBugs, repeat, stopOnSignals } from './lifetime.ts';
import { openStorage } from './storage.ts';

const housekeepingMilliseconds = 60_000;
/** Short enough to find what a dead process left behind within a grace period of a minute. */
const keepAliveMilliseconds = 10_000;

const clock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  sleep: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => {}),
};

async function createReadableLogger(config: Config): Promise<Logger> {
  if (config.production || !process.stdout.isTTY) return createLogger({ level: config.logLevel });
  const { default: pretty } = await import('pino-pretty');
  return createLogger({ level: config.logLevel, destination: pretty({ sync: true, translateTime: 'HH:MM:ss' }) });
}

async function startSandboxOf({ sandbox, provider, redirectUri, databaseFile, refreshTokenPolicy }: Config) {
  if (!sandbox) return null;
  const { startSandbox } = await import('../sandbox/sandbox.ts');
  return startSandbox({
    port: sandbox.port,
    client: { ...provider, redirectUris: [redirectUri] },
    stateFile: join(dirname(databaseFile), 'sandbox-state.json'),
    settings: {
      refreshTokenUse: refreshTokenPolicy.use,
      refreshTokenLifetimeSeconds: refreshTokenPolicy.lifetimeSeconds,
      refreshTokenGraceSeconds: refreshTokenPolicy.graceSeconds,
    },
  });
}

/** Sign-ins, refreshes and ends are in the log as they are in the timeline (requirements, E5). */
function logConnections(logger: Logger) {
  return {
    written(connectionId: string, { type, ...detail }: EventDraft) {
      const level = type === 'refresh_odd' || type === 'client_rejected' ? 'error' : 'info';
      logger[level]({ event: type, connectionId, ...detail }, 'connection event');
    },
    unreadable: (connectionId: string, { reason }: VaultError) =>
      logger.error({ connectionId, reason }, 'a stored grant does not open; its user has to reconnect'),
  };
}

/** A client that is refused is the operator's alarm: no grant is refreshed until that is seen to. */
function logRefreshes(logger: Logger): RefreshWatch {
  const levels = {
    refreshed: 'debug',
    rejected: 'info',
    client_rejected: 'error',
    try_later: 'warn',
    unknown: 'warn',
  } as const;
  return ({ connectionId, outcome, message }) =>
    logger[levels[outcome]]({ connectionId, outcome, message }, 'asked for a new grant');
}

async function build(config: Config, logger: Logger) {
  const { database, vault, deployment } = openStorage(config);
  await database.migrate();
  const connections = createConnectionStore(database, vault, logConnections(logger));
  await checkKeys(database, vault);
  const provider = createVismaConnect({ ...config.provider, redirectUri: config.redirectUri }, clock);
  const core = createCore(
    {
      clock,
      deployment,
      watchRefresh: logRefreshes(logger),
      identityProvider: provider,
      accountingApi: createDinero({ baseUrl: config.dineroApiUrl }, clock),
      attempts: createAttemptStore(database, vault),
      connections,
      revocations: createRevocationStore(database, vault, (revocationId, { reason }) =>
        logger.error({ revocationId, reason }, 'a token to revoke does not open; it lives until its end'),
      ),
      identities: createIdentityStore(database),
      events: createEventStore(database),
    },
    { scopes: config.provider.scopes, refreshTokenPolicy: config.refreshTokenPolicy },
  );
  const sessionStore = createSessionStore(database, clock);
  const app = createApp({
    core,
    config,
    clock,
    logger,
    sessionStore,
    formTargets: provider.origins,
    readinessChecks: [
      { name: 'database', check: database.check },
      { name: 'deployment', check: deployment.checkOwner },
      { name: 'visma_connect', check: provider.check },
    ],
  });

  async function keepHouse(): Promise<void> {
    try {
      const report = await core.housekeeping.run();
      logger.debug({ ...report, deletedSessions: await sessionStore.deleteExpired() }, 'housekeeping');
      if (report.abandonedRevocations > 0) logger.error(report, 'a refresh token could not be revoked at the provider');
    } catch (error) {
      logger.error({ err: error }, 'housekeeping failed; it runs again in a minute');
    }
  }

  async function keepAlive(signal: AbortSignal): Promise<void> {
    try {
      const { bug, ...report } = await core.keepAlive.sweep(signal);
      logger[report.stopped ? 'warn' : 'debug'](report, 'keep-alive');
      if (bug !== null) logger.error({ err: bug }, 'a bug: keep-alive met an error that nobody expected');
    } catch (error) {
      logger.error({ err: error }, 'keep-alive failed; it runs again in some seconds');
    }
  }

  return { app, core, provider, database, deployment, keepHouse, keepAlive };
}

/** A line for the operator when the database is another deployment's (design, section 7, rule 8), and empty when ours. */
async function claimDatabase(deployment: Deployment, { tokenKeys }: Config, logger: Logger): Promise<string> {
  await deployment.claim(
    tokenKeys.map(({ id }) => id),
    clock.now(),
  );
  const owner = await deployment.findOwner();
  if (!owner || (await deployment.isOurs())) return '';
  const { baseUrl, clientId } = owner;
  logger.error({ baseUrl, clientId }, 'this database belongs to another deployment: no grant is refreshed');
  return `This database belongs to ${baseUrl} (${clientId}): no grant is refreshed until you run npm run adopt here.\n`;
}

/** Runs the app until it is asked to stop. */
export async function serve(config: Config): Promise<void> {
  const stopping = stopOnSignals();
  const logger = await createReadableLogger(config);
  exitOnBugs(logger);
  const [{ app, core, provider, database, deployment, keepHouse, keepAlive }, sandbox] = await Promise.all([
    build(config, logger),
    startSandboxOf(config),
  ]);
  const server = createLimitedServer(app);
  await server.listen(config.port);
  // Once the port is ours and not before: a start that fails must not pass for the running app.
  const ownerNote = await claimDatabase(deployment, config, logger);
  const sandboxNote = sandbox ? ` with the sandbox on ${sandbox.origin}: no real data` : '';
  process.stdout.write(`Dinero Connect is ready: open ${config.baseUrl}${sandboxNote}\n${ownerNote}`);
  provider.check().catch(() => logger.warn(`no discovery document from ${config.provider.issuer} yet`));
  const housekeeping = repeat(keepHouse, housekeepingMilliseconds);
  const sweeping = repeat(keepAlive, keepAliveMilliseconds);

  const signal = await stopping;
  logger.info({ signal }, 'stopping');
  await server.drain();
  await Promise.all([housekeeping.stop(), sweeping.stop()]);
  await core.work.settled();
  await sandbox?.close();
  await database.close();
}
