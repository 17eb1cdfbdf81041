// The list of what the product does.

import { createAccessTokens, type RefreshTokenPolicy } from './access-tokens.ts';
import { createConnecting } from './connecting.ts';
import { createConnections } from './connections.ts';
import { createDisconnecting } from './disconnecting.ts';
import { createHousekeeping } from './housekeeping.ts';
import { createOrganizations } from './organizations.ts';
import type { Ports } from './ports.ts';
import { createRunningWork } from './running-work.ts';

export type Core = ReturnType<typeof createCore>;

/** `scopes` are the ones asked for at Visma Connect; `refreshTokenPolicy` is the portal's setting. */
export function createCore(ports: Ports, options: { scopes: string[]; refreshTokenPolicy: RefreshTokenPolicy }) {
  const work = createRunningWork();
  const accessTokens = createAccessTokens(ports, options.refreshTokenPolicy, work);
  const organizations = createOrganizations(ports, accessTokens);
  const connecting = createConnecting(ports, organizations, work, options);
  const connections = createConnections(ports, options);
  const disconnecting = createDisconnecting(ports, work);
  const housekeeping = createHousekeeping(ports, disconnecting);
  return { work, accessTokens, organizations, connecting, connections, disconnecting, housekeeping };
}
