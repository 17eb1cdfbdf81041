// Puts the adapters into core's ports: what every command that works with connections begins with.

import { setTimeout as sleep } from 'node:timers/promises';
import { createApiKeyStore } from '../adapters/api-key-store.ts';
import { createAttemptStore } from '../adapters/attempt-store.ts';
import { createConnectionStore } from '../adapters/connection-store.ts';
import { createDinero } from '../adapters/dinero.ts';
import { createDineroForwarding } from '../adapters/dinero-forwarding.ts';
import { createEventStore } from '../adapters/event-store.ts';
import { createIdentityStore } from '../adapters/identity-store.ts';
import { createImportedGrantStore } from '../adapters/imported-grant-store.ts';
import { checkKeys } from '../adapters/key-check.ts';
import { createLinkStore } from '../adapters/link-store.ts';
import type { Metrics } from '../adapters/metrics.ts';
import { createOnboardingStore } from '../adapters/onboarding-store.ts';
import { createOversightStore } from '../adapters/oversight-store.ts';
import { rememberRecentConnections } from '../adapters/recent-connections.ts';
import { createRevocationStore } from '../adapters/revocation-store.ts';
import type { VaultError } from '../adapters/vault.ts';
import { createVismaConnect } from '../adapters/visma-connect.ts';
import { createWebhookReceiver } from '../adapters/webhook-receiver.ts';
import { createWebhookStore } from '../adapters/webhook-store.ts';
import type { Config } from '../config.ts';
import { createCore } from '../core/index.ts';
import type { Clock, RefreshWatch } from '../core/ports.ts';
import type { EventDraft } from '../core/types.ts';
import { webhookTypeOf } from '../core/webhook-messages.ts';
import type { Logger } from '../logger.ts';
import { openStorage } from './storage.ts';

export const clock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  sleep: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => {}),
};

/** Who hears of what happens; nobody, where it is left out. */
export type Listeners = {
  /** This process has queued something for the integrator. */
  announcement?: () => void;
  metrics?: Pick<Metrics, 'onboarding' | 'refresh' | 'handOut' | 'call' | 'unreadableGrant'> | null;
};

const nobody = () => {};

/** Sign-ins, refreshes and ends are in the log as they are in the timeline (requirements, E5). */
function logConnections(logger: Logger, { announcement = nobody, metrics }: Listeners) {
  return {
    written(connectionId: string, event: EventDraft) {
      const { type, ...detail } = event;
      const level = type === 'refresh_odd' || type === 'client_rejected' ? 'error' : 'info';
      logger[level]({ event: type, connectionId, ...detail }, 'connection event');
      if (webhookTypeOf(event) !== null) announcement();
    },
    unreadable(connectionId: string, { reason }: VaultError) {
      logger.error({ connectionId, reason }, 'a stored grant does not open; its user has to reconnect');
      metrics?.unreadableGrant();
    },
  };
}

/** A client that is refused is the operator's alarm: no grant is refreshed until that is seen to. */
function watchRefreshes(logger: Logger, { metrics }: Listeners): RefreshWatch {
  const levels = {
    refreshed: 'debug',
    rejected: 'info',
    client_rejected: 'error',
    try_later: 'warn',
    unknown: 'warn',
  } as const;
  return (report) => {
    const { connectionId, outcome, message } = report;
    logger[levels[outcome]]({ connectionId, outcome, message }, 'asked for a new grant');
    metrics?.refresh(report);
  };
}

/** Opens the database, brings it up to date, and answers core on it. Throws ConnectError. */
export async function wire(config: Config, logger: Logger, listening: Listeners = {}) {
  const { metrics } = listening;
  const { database, vault, deployment } = openStorage(config);
  await database.migrate();
  const listeners = logConnections(logger, listening);
  const stored = createConnectionStore(database, vault, listeners, { announce: config.webhook !== null });
  const connections = rememberRecentConnections(stored, clock);
  await checkKeys(database, vault);
  const provider = createVismaConnect({ ...config.provider, redirectUri: config.redirectUri }, clock, metrics?.call);
  const core = createCore(
    {
      clock,
      deployment,
      watchRefresh: watchRefreshes(logger, listening),
      watchOnboarding: metrics?.onboarding ?? nobody,
      watchHandOut: metrics?.handOut ?? nobody,
      identityProvider: provider,
      accountingApi: createDinero({ baseUrl: config.dineroApiUrl }, clock, metrics?.call),
      forwarding: createDineroForwarding({ baseUrl: config.dineroApiUrl }, clock, metrics?.call),
      attempts: createAttemptStore(database, vault),
      connections,
      revocations: createRevocationStore(database, vault, (revocationId, { reason }) =>
        logger.error({ revocationId, reason }, 'a token to revoke does not open; it lives until its end'),
      ),
      identities: createIdentityStore(database),
      events: createEventStore(database),
      apiKeys: createApiKeyStore(database),
      links: createLinkStore(database),
      webhooks: createWebhookStore(database),
      onboarding: createOnboardingStore(database),
      oversight: createOversightStore(database),
      webhookReceiver:
        config.webhook && createWebhookReceiver({ ...config.webhook, allowLoopback: !config.production }, clock),
      importedGrants: createImportedGrantStore(database, vault, listeners.written),
    },
    {
      scopes: config.provider.scopes,
      refreshTokenPolicy: config.refreshTokenPolicy,
      linkSecrets: config.sessionSecrets,
      returnUrlOrigins: config.returnUrlOrigins,
    },
  );
  return { core, provider, database, vault, deployment };
}
