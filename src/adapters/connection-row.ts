// The row of table `connections`, and what it means.

import type { Connection, ConnectionStatus, Grant, ReconnectReason } from '../core/types.ts';
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
};

export function placeOfGrant(connectionId: string, field: 'access_token' | 'refresh_token'): SealedPlace {
  return `connections/${connectionId}/${field}`;
}

export function toScopeColumn(scope: string[]): string {
  return [...new Set(scope)].join(' ');
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
  };
}

function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
