// The row of table `connections`, and what it means.

import type { ListedConnection } from '../core/integrator-types.ts';
import type { Connection, ConnectionStatus, Grant, ReconnectReason, WarningDays } from '../core/types.ts';
import type { SealedPlace } from './vault.ts';

export type ConnectionRow = {
  id: string;
  user_id: string;
  status: ConnectionStatus;
  reason: ReconnectReason | null;
  organization_id: string | null;
  organization_name: string | null;
  organization_vat_number: string | null;
  scope: string;
  sealed_access_token: string | null;
  sealed_refresh_token: string | null;
  key_id: string | null;
  generation: number;
  access_expires_at: string | null;
  refresh_expires_at: string | null;
  authorized_at: string;
  connected_at: string | null;
  disconnected_at: string | null;
  lease_owner: string | null;
  lease_until: string | null;
  sent_at: string | null;
  failures: number;
  next_attempt_at: string | null;
  due_at: string | null;
  warned_days: WarningDays | null;
  obtained_at: string | null;
  subject: string | null;
};

/** No refresh under way and none failed: what every new grant begins with. */
export const restedRefresh = {
  lease_owner: null,
  lease_until: null,
  sent_at: null,
  failures: 0,
  next_attempt_at: null,
} as const;

/** A row whose grant is gone. */
export const endedConnection = {
  status: 'disconnected',
  reason: null,
  organization_id: null,
  organization_name: null,
  organization_vat_number: null,
  scope: '',
  sealed_access_token: null,
  sealed_refresh_token: null,
  key_id: null,
  access_expires_at: null,
  refresh_expires_at: null,
  connected_at: null,
  due_at: null,
  warned_days: null,
  obtained_at: null,
  subject: null,
  ...restedRefresh,
} as const;

export function placeOfGrant(connectionId: string, field: 'access_token' | 'refresh_token'): SealedPlace {
  return `connections/${connectionId}/${field}`;
}

export function toScopeColumn(scope: string[]): string {
  return [...new Set(scope)].join(' ');
}

export function toScope(column: string): string[] {
  return column.split(' ').filter((name) => name !== '');
}

export function toConnection(row: ConnectionRow, grant: Grant | null): Connection {
  return {
    id: row.id,
    userId: row.user_id,
    status: row.status,
    reason: row.reason,
    organization:
      row.organization_id === null
        ? null
        : { id: row.organization_id, name: row.organization_name ?? '', vatNumber: row.organization_vat_number },
    grant,
    generation: row.generation,
    authorizedAt: new Date(row.authorized_at),
    connectedAt: toDate(row.connected_at),
    refreshExpiresAt: toDate(row.refresh_expires_at),
    subject: row.subject,
    refreshState: {
      leaseOwner: row.lease_owner,
      leaseUntil: toDate(row.lease_until),
      sentAt: toDate(row.sent_at),
      failures: row.failures,
      nextAttemptAt: toDate(row.next_attempt_at),
    },
    dueAt: toDate(row.due_at),
    warnedDays: row.warned_days,
  };
}

export function toListedConnection(row: ConnectionRow): ListedConnection {
  const {
    refreshState,
    grant: _unopened,
    id: _internal,
    subject: _hint,
    dueAt: _due,
    ...shown
  } = toConnection(row, null);
  return {
    ...shown,
    scope: toScope(row.scope),
    accessExpiresAt: toDate(row.access_expires_at),
    refreshFailures: refreshState.failures,
  };
}

export function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
