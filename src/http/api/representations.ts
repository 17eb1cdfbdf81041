// What the API shows of a connection: never a token, nor anything of how refreshing goes inside.

import type { ConnectionSummary } from '../../core/connections.ts';
import type { ListedConnection } from '../../core/integrator-types.ts';
import type { ConnectionEvent, Organization } from '../../core/types.ts';

type Described = Omit<ListedConnection, 'refreshFailures' | 'warnedDays'>;

export function describeConnection({ refreshDelayed, missingScope, ...connection }: ConnectionSummary) {
  return { ...describeListed(connection), missingScope, refreshDelayed };
}

/** `expiresAt` is the end of the connection by the portal's setting, `accessExpiresAt` that of the current token. */
export function describeListed(connection: Described) {
  return {
    userId: connection.userId,
    status: connection.status,
    reason: connection.reason,
    organization: connection.organization,
    scope: connection.scope,
    generation: connection.generation,
    authorizedAt: connection.authorizedAt,
    connectedAt: connection.connectedAt,
    accessExpiresAt: connection.accessExpiresAt,
    expiresAt: connection.refreshExpiresAt,
  };
}

export function describeEvent({ id, type, at, ...detail }: ConnectionEvent) {
  return { id, type, at, ...detail };
}

export function describeOrganization({ id, name, isPro, vatNumber, city }: Organization) {
  return { id, name, isPro, vatNumber, city };
}
