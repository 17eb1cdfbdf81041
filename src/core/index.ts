// The list of what the product does.

import { createAccessTokens } from './access-tokens.ts';
import { createApiKeys } from './api-keys.ts';
import { createAttempts } from './attempts.ts';
import { createCircuit } from './circuit.ts';
import { createConnecting } from './connecting.ts';
import { createConnections } from './connections.ts';
import { createDisconnecting } from './disconnecting.ts';
import { createForwarding } from './forwarding.ts';
import { createHousekeeping } from './housekeeping.ts';
import { createImporting } from './importing.ts';
import { createKeepAlive } from './keep-alive.ts';
import { createLinks } from './links.ts';
import { createOnboardingCounts } from './onboarding-counts.ts';
import { createOrganizations } from './organizations.ts';
import { createOverview } from './overview.ts';
import type { OnboardingWatch, Ports } from './ports.ts';
import type { RefreshTokenPolicy } from './refresh-schedule.ts';
import { createRefreshing } from './refreshing.ts';
import { createReplacing } from './replacing.ts';
import { createRunningWork } from './running-work.ts';
import { createUsers } from './users.ts';
import { createWebhooks } from './webhooks.ts';

export type Core = ReturnType<typeof createCore>;

export type CoreOptions = {
  /** The ones asked for at Visma Connect. */
  scopes: string[];
  /** The portal's setting. */
  refreshTokenPolicy: RefreshTokenPolicy;
  /** The first signs links, all verify. */
  linkSecrets: string[];
  /** Origins that a link may return its user to. */
  returnUrlOrigins: string[];
};

export function createCore(ports: Ports, options: CoreOptions) {
  const work = createRunningWork();
  const policy = options.refreshTokenPolicy;
  const refreshing = createRefreshing(ports, policy, createCircuit(ports.clock), work);
  const accessTokens = createAccessTokens(ports, refreshing, work);
  const keepAlive = createKeepAlive(ports, accessTokens, policy);
  const onboardingCounts = createOnboardingCounts(ports, work);
  const watchOnboarding: OnboardingWatch = (step) => {
    onboardingCounts.count(step);
    ports.watchOnboarding(step);
  };
  const organizations = createOrganizations({ ...ports, watchOnboarding }, accessTokens);
  const replacing = createReplacing({ ...ports, watchOnboarding }, organizations, options);
  const connecting = createConnecting({ ...ports, watchOnboarding }, replacing, work);
  const connections = createConnections(ports, options);
  const disconnecting = createDisconnecting(ports, work);
  const housekeeping = createHousekeeping(ports, disconnecting, replacing, onboardingCounts);
  const links = createLinks(ports, { secrets: options.linkSecrets, returnUrlOrigins: options.returnUrlOrigins });
  return {
    work,
    accessTokens,
    forwarding: createForwarding(ports, accessTokens),
    keepAlive,
    organizations,
    connecting,
    attempts: createAttempts(ports),
    connections,
    disconnecting,
    housekeeping,
    links,
    apiKeys: createApiKeys(ports),
    // Whoever is taken over from elsewhere has not come this way.
    importing: createImporting(ports, createOrganizations({ ...ports, watchOnboarding: () => {} }, accessTokens)),
    webhooks: createWebhooks(ports, work),
    overview: createOverview(ports, onboardingCounts),
    users: createUsers(ports, links),
  };
}
