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

/** Sign-ins, refreshes and ends are in the log as they are in the timeline (requirements, E5). */
function logConnections(logger: Logger, onAnnouncement: () => void) {
  return {
    written(connectionId: string, event: EventDraft) {
      const { type, ...detail } = event;
      const level = type === 'refresh_odd' || type === 'client_rejected' ? 'error' : 'info';
      logger[level]({ event: type, connectionId, ...detail }, 'connection event');
      if (webhookTypeOf(event) !== null) onAnnouncement();
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

/**
 * Opens the database, brings it up to date, and answers core on it. `onAnnouncement` hears when this process has queued
 * something for the integrator. Throws ConnectError.
 */
export async function wire(config: Config, logger: Logger, onAnnouncement: () => void = () => {}) {
  const { database, vault, deployment } = openStorage(config);
  await database.migrate();
  const listeners = logConnections(logger, onAnnouncement);
  const stored = createConnectionStore(database, vault, listeners, { announce: config.webhook !== null });
  const connections = rememberRecentConnections(stored, clock);
  await checkKeys(database, vault);
  const provider = createVismaConnect({ ...config.provider, redirectUri: config.redirectUri }, clock);
  const core = createCore(
    {
      clock,
      deployment,
      watchRefresh: logRefreshes(logger),
      watchOnboarding: () => {},
      identityProvider: provider,
      accountingApi: createDinero({ baseUrl: config.dineroApiUrl }, clock),
      forwarding: createDineroForwarding({ baseUrl: config.dineroApiUrl }, clock),
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
