// Wires everything and runs it: database, adapters, core, app; listens, and stops cleanly.

import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAttemptStore } from '../adapters/attempt-store.ts';
import { createConnectionStore } from '../adapters/connection-store.ts';
import { openDatabase } from '../adapters/database.ts';
import { createDinero } from '../adapters/dinero.ts';
import { createEventStore } from '../adapters/event-store.ts';
import { createIdentityStore } from '../adapters/identity-store.ts';
import { checkKeys } from '../adapters/key-check.ts';
import { createRevocationStore } from '../adapters/revocation-store.ts';
import { createSessionStore } from '../adapters/session-store.ts';
import { createVault } from '../adapters/vault.ts';
import { createVismaConnect } from '../adapters/visma-connect.ts';
import type { Config } from '../config.ts';
import { createCore } from '../core/index.ts';
import type { Clock, EventStore } from '../core/ports.ts';
import { createApp } from '../http/app.ts';
import { createLimitedServer } from '../http/server.ts';
import { createLogger, type Logger } from '../logger.ts';

const housekeepingMilliseconds = 60_000;
const stopLimitMilliseconds = 25_000;

const clock: Clock = { now: () => new Date(), sleep: (milliseconds) => sleep(milliseconds) };

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
function logEvents(events: EventStore, logger: Logger): EventStore {
  return {
    ...events,
    async append(connectionId, type, at) {
      await events.append(connectionId, type, at);
      logger.info({ event: type, connectionId }, 'connection event');
    },
  };
}

async function build(config: Config, logger: Logger) {
  const database = openDatabase(config.databaseFile);
  await database.migrate();
  const vault = createVault(config.tokenKeys);
  const connections = createConnectionStore(database, vault, (connectionId, { reason }) =>
    logger.error({ connectionId, reason }, 'a stored grant does not open; its user has to reconnect'),
  );
  await checkKeys(database, vault);
  const provider = createVismaConnect({ ...config.provider, redirectUri: config.redirectUri }, clock);
  const core = createCore(
    {
      clock,
      identityProvider: provider,
      accountingApi: createDinero({ baseUrl: config.dineroApiUrl }, clock),
      attempts: createAttemptStore(database, vault),
      connections,
      revocations: createRevocationStore(database, vault, (revocationId, { reason }) =>
        logger.error({ revocationId, reason }, 'a token to revoke does not open; it lives until its end'),
      ),
      identities: createIdentityStore(database),
      events: logEvents(createEventStore(database), logger),
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

  return { app, core, provider, database, keepHouse };
}

/** Runs `work` now and after every pause; `stop` waits for the one that is running. */
function repeat(work: () => Promise<void>, pauseMilliseconds: number) {
  const stopped = new AbortController();
  const running = (async () => {
    while (!stopped.signal.aborted) {
      await work();
      await sleep(pauseMilliseconds, undefined, { signal: stopped.signal }).catch(() => {});
    }
  })();
  return {
    stop(): Promise<void> {
      stopped.abort();
      return running;
    },
  };
}

/** A bug that reaches here has left the process in a state that nobody knows; libraries' errors can carry tokens. */
function exitOnBugs(logger: Logger): void {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'a bug: nobody caught this');
    process.exit(1);
  });
}

/** Runs the app until it is asked to stop. */
export async function serve(config: Config): Promise<void> {
  const stopping = stopOnSignals();
  const logger = await createReadableLogger(config);
  exitOnBugs(logger);
  const [{ app, core, provider, database, keepHouse }, sandbox] = await Promise.all([
    build(config, logger),
    startSandboxOf(config),
  ]);
  const server = createLimitedServer(app);
  await server.listen(config.port);
  const sandboxNote = sandbox ? ` with the sandbox on ${sandbox.origin}: no real data` : '';
  process.stdout.write(`Dinero Connect is ready: open ${config.baseUrl}${sandboxNote}\n`);
  provider.check().catch(() => logger.warn(`no discovery document from ${config.provider.issuer} yet`));
  const housekeeping = repeat(keepHouse, housekeepingMilliseconds);

  const signal = await stopping;
  logger.info({ signal }, 'stopping');
  await server.drain();
  await housekeeping.stop();
  await core.work.settled();
  await sandbox?.close();
  await database.close();
}

/**
 * Resolves at the first signal to stop, also at one that comes while the app is still starting. A second one, or
 * taking too long, ends the process with exit code 1.
 */
function stopOnSignals(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (signal: NodeJS.Signals) => {
      if (asked) process.exit(1);
      asked = true;
      setTimeout(() => process.exit(1), stopLimitMilliseconds).unref();
      resolve(signal);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}
