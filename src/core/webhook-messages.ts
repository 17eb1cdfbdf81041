// Which events an integrator hears of, and in what words. What is written here leaves the house: never a token.

import { randomBytes } from 'node:crypto';
import type { ListedConnection } from './integrator-types.ts';
import type { EventDraft } from './types.ts';

export type WebhookType =
  | 'connection.connected'
  | 'connection.organization_changed'
  | 'connection.recovered'
  | 'connection.needs_reconnect'
  | 'connection.expiring'
  | 'connection.disconnected';

/** A message as it is queued: `content` is the body, byte for byte, that every try sends. */
export type WebhookMessage = { id: string; type: WebhookType; content: string };

/**
 * A message of the outbox. `dueAt` is null once it was delivered or given up; `deliveredAt` is null unless it was
 * delivered. `failure` is our own short word for what the last try met; null when there was none, or it worked.
 */
export type QueuedWebhook = WebhookMessage & {
  /** Grows with every message: their order. */
  position: number;
  userId: string;
  createdAt: Date;
  dueAt: Date | null;
  tries: number;
  deliveredAt: Date | null;
  failure: string | null;
};

/** One that is still to be delivered. */
export type WaitingWebhook = QueuedWebhook & { dueAt: Date };

export type WebhookState = 'waiting' | 'delivered' | 'failed';

const types: Partial<Record<EventDraft['type'], WebhookType>> = {
  organization_chosen: 'connection.connected',
  organization_changed: 'connection.organization_changed',
  recovered: 'connection.recovered',
  needs_reconnect: 'connection.needs_reconnect',
  expiring: 'connection.expiring',
  disconnected: 'connection.disconnected',
};

const idBytes = 18;

/** Null when this event changes nothing that the integrator should do. */
export function webhookTypeOf(event: EventDraft): WebhookType | null {
  return types[event.type] ?? null;
}

/** The message of this event (Standard Webhooks), of a connection as the event has left it; null when it is none. */
export function writeWebhook(
  connection: Pick<ListedConnection, 'userId' | 'status' | 'organization' | 'generation' | 'refreshExpiresAt'>,
  event: EventDraft,
  at: Date,
): WebhookMessage | null {
  const type = webhookTypeOf(event);
  if (type === null) return null;
  const { userId, status, organization, generation, refreshExpiresAt } = connection;
  const content = JSON.stringify({
    type,
    timestamp: at.toISOString(),
    data: {
      userId,
      status,
      organization: organization && {
        id: organization.id,
        name: organization.name,
        vatNumber: organization.vatNumber,
      },
      generation,
      expiresAt: refreshExpiresAt?.toISOString() ?? null,
      ...detailOf(event),
    },
  });
  return { id: `msg_${randomBytes(idBytes).toString('base64url')}`, type, content };
}

function detailOf(event: EventDraft) {
  if (event.type === 'needs_reconnect') return { reason: event.reason };
  return event.type === 'expiring' ? { daysLeft: event.daysLeft } : {};
}

export function stateOf({ dueAt, deliveredAt }: Pick<QueuedWebhook, 'dueAt' | 'deliveredAt'>): WebhookState {
  if (dueAt !== null) return 'waiting';
  return deliveredAt === null ? 'failed' : 'delivered';
}
