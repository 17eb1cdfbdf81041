// Wires everything and runs it: database, adapters, core, app; listens, and stops cleanly.

import { dirname, join } from 'node:path';
import type { Deployment } from '../adapters/deployment.ts';
import { createSessionStore } from '../adapters/session-store.ts';
import { type Config, sandboxClient } from '../config.ts';
import type { AddressProbe } from '../core/probes.ts';
import type { WebhookReport } from '../core/webhooks.ts';
import { createApp } from '../http/app.ts';
import { type RequestWatch, watchRequests } from '../http/seen-request.ts';
import { createLimitedServer } from '../http/server.ts';
import { createLogger, type Logger } from '../logger.ts';
import { createDeployedDoctor } from './examining.ts';
import { type Bell, changeLevelOnSignal, createBell, exitOnBugs, repeat, stopOnSignals } from './lifetime.ts';
import { loadMetrics, publishMetrics } from './measuring.ts';
import { clock, wire } from './wiring.ts';

const housekeepingMilliseconds = 60_000;
/** Short enough to find what a dead process left behind within a grace period of a minute. */
const keepAliveMilliseconds = 10_000;
/** For what another process has queued, and for what is tried again; what this one queues rings the bell. */
const webhooksMilliseconds = 2_000;

async function createReadableLogger(config: Config): Promise<Logger> {
  if (config.production || !process.stdout.isTTY) return createLogger({ level: config.logLevel });
  const { default: pretty } = await import('pino-pretty');
  return createLogger({ level: config.logLevel, destination: pretty({ sync: true, translateTime: 'HH:MM:ss' }) });
}

async function startSandboxOf({ sandbox, redirectUri, database, refreshTokenPolicy }: Config) {
  if (!sandbox) return null;
  const { startSandbox } = await import('../sandbox/sandbox.ts');
  return startSandbox({
    port: sandbox.port,
    client: { ...sandboxClient, redirectUris: [redirectUri] },
    stateFile: join(database.kind === 'sqlite' ? dirname(database.file) : 'data', 'sandbox-state.json'),
    settings: {
      refreshTokenUse: refreshTokenPolicy.use,
      refreshTokenLifetimeSeconds: refreshTokenPolicy.lifetimeSeconds,
      refreshTokenGraceSeconds: refreshTokenPolicy.graceSeconds,
    },
  });
}

function logWebhook(logger: Logger, { outcome, ...report }: WebhookReport): void {
  if (outcome === 'delivered') logger.debug(report, 'webhook delivered');
  else if (outcome === 'failed') logger.warn(report, 'a webhook was not taken; it is tried again');
  else logger.error(report, 'a webhook was given up; npm run webhooks -- replay sends it again');
}

/** In the running app nobody has to be asked: whoever has a page open came by the public address. */
function createSeenAddress(watch: RequestWatch): AddressProbe {
  return {
    async look() {
      const seen = watch.last();
      return seen ? { kind: 'seen', ...seen } : { kind: 'unseen' };
    },
  };
}

async function build(config: Config, logger: Logger, bell: Bell, isStopping: () => boolean) {
  const metrics = await loadMetrics(config);
  const { core, provider, ...storage } = await wire(config, logger, { announcement: bell.ring, metrics });
  const { database, deployment } = storage;
  const readinessChecks = [
    { name: 'database', check: database.check },
    { name: 'migrations', check: database.checkMigrations },
    { name: 'deployment', check: deployment.checkOwner },
    { name: 'visma_connect', check: provider.check },
  ];
  const sessionStore = createSessionStore(database, clock);
  const requestWatch = watchRequests();
  const app = createApp({
    core,
    config,
    clock,
    logger,
    sessionStore,
    ...(config.operator ? { operatorSessionStore: createSessionStore(database, clock) } : {}),
    formTargets: provider.origins,
    doctor: createDeployedDoctor(config, createSeenAddress(requestWatch), (work) => work(storage)),
    requestWatch,
    isStopping,
    readinessChecks,
    metrics: publishMetrics(config, metrics, readinessChecks, database),
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

  function watchWebhook(report: WebhookReport): void {
    logWebhook(logger, report);
    metrics?.webhook(report);
  }

  /** Nobody waits for it: one slow answer must not keep others from being sent what is queued meanwhile. */
  async function deliverWebhooks(signal: AbortSignal): Promise<void> {
    core.webhooks
      .deliver(watchWebhook, signal)
      .catch((error: unknown) => logger.error({ err: error }, 'delivering webhooks failed; it runs again in seconds'));
  }

  return { app, core, provider, database, deployment, keepHouse, keepAlive, deliverWebhooks };
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
  const stopDelayMilliseconds = config.stopDelaySeconds * 1000;
  const stopping = stopOnSignals(stopDelayMilliseconds);
  let isStopping = false;
  const logger = await createReadableLogger(config);
  exitOnBugs(logger);
  changeLevelOnSignal(logger);
  const bell = createBell();
  const [{ app, core, provider, database, deployment, ...repeated }, sandbox] = await Promise.all([
    build(config, logger, bell, () => isStopping),
    startSandboxOf(config),
  ]);
  const server = createLimitedServer(app);
  await server.listen(config.port);
  // Once the port is ours and not before: a start that fails must not pass for the running app.
  const ownerNote = await claimDatabase(deployment, config, logger);
  const sandboxNote = sandbox ? ` with the sandbox on ${sandbox.origin}: no real data` : '';
  const setupNote = config.setup === 'open' ? `From here to your own credentials: ${config.baseUrl}/setup\n` : '';
  process.stdout.write(`Dinero Connect is ready: open ${config.baseUrl}${sandboxNote}\n${setupNote}${ownerNote}`);
  provider.check().catch(() => logger.warn(`no discovery document from ${config.provider.issuer} yet`));
  const housekeeping = repeat(repeated.keepHouse, housekeepingMilliseconds);
  const sweeping = repeat(repeated.keepAlive, keepAliveMilliseconds);
  const delivering = repeat(repeated.deliverWebhooks, webhooksMilliseconds, bell);

  const signal = await stopping;
  isStopping = true;
  logger.info({ signal }, 'stopping');
  server.leave();
  // What nobody waits for begins no more: a refresh that this process does not live to store is lost.
  const chores = [housekeeping.stop(), sweeping.stop()];
  // Balancers have to see that this process is not ready before it takes no more.
  await clock.sleep(stopDelayMilliseconds);
  // First, so that what is on its way to a slow receiver ends while requests do.
  await Promise.all([delivering.stop(), server.drain()]);
  await Promise.all(chores);
  await core.work.settled();
  await sandbox?.close();
  await database.close();
}
