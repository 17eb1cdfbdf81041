// The list of what the product does.

import { createAccessTokens } from './access-tokens.ts';
import { createCircuit } from './circuit.ts';
import { createConnecting } from './connecting.ts';
import { createConnections } from './connections.ts';
import { createDisconnecting } from './disconnecting.ts';
import { createHousekeeping } from './housekeeping.ts';
import { createKeepAlive } from './keep-alive.ts';
import { createOrganizations } from './organizations.ts';
import type { Ports } from './ports.ts';
import type { RefreshTokenPolicy } from './refresh-schedule.ts';
import { createRefreshing } from './refreshing.ts';
import { createReplacing } from './replacing.ts';
import { createRunningWork } from './running-work.ts';

export type Core = ReturnType<typeof createCore>;

/** `scopes` are the ones asked for at Visma Connect; `refreshTokenPolicy` is the portal's setting. */
export function createCore(ports: Ports, options: { scopes: string[]; refreshTokenPolicy: RefreshTokenPolicy }) {
  const work = createRunningWork();
  const policy = options.refreshTokenPolicy;
  const refreshing = createRefreshing(ports, policy, createCircuit(ports.clock), work);
  const accessTokens = createAccessTokens(ports, refreshing, work);
  const keepAlive = createKeepAlive(ports, accessTokens, policy);
  const organizations = createOrganizations(ports, accessTokens);
  const replacing = createReplacing(ports, organizations, options);
  const connecting = createConnecting(ports, replacing, work);
  const connections = createConnections(ports, options);
  const disconnecting = createDisconnecting(ports, work);
  const housekeeping = createHousekeeping(ports, disconnecting, replacing);
  return { work, accessTokens, keepAlive, organizations, connecting, connections, disconnecting, housekeeping };
}
