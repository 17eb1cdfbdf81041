// What is asked for on the pages about users, and a user as the view shows one.

import type { TFunction } from 'i18next';
import { z } from 'zod';
import { isUserId } from '../../core/user-ids.ts';
import type { UserRecord } from '../../core/users.ts';
import { stateOf } from '../../core/webhook-messages.ts';
import { describeAccess } from '../access.ts';
import { text } from '../bodies.ts';
import { describeEvent, describeReason } from '../timeline.ts';

const longestText = 255;
/** Nobody who came by a link of ours has anything else in the address. */
const searchQuery = z.object({
  q: text(longestText).catch(''),
  status: z.enum(['pending', 'connected', 'needs_reconnect', 'disconnected']).nullable().catch(null),
  after: z.string().refine(isUserId).nullable().catch(null),
});
const connectionId = z.string().regex(/^[\da-z-]{1,64}$/i);
const eventId = z.string().regex(/^\d{1,15}$/);

export function parseSearch(query: unknown) {
  const { q, status, after } = searchQuery.parse(query);
  return { text: q.trim(), status, after };
}

/** Null for what cannot be one. */
export function parseConnectionId(value: unknown): string | null {
  return connectionId.safeParse(value).data ?? null;
}

export function parseEventId(value: unknown): string | null {
  return eventId.safeParse(value).data ?? null;
}

export function describeUser({ user, events, next, webhooks }: UserRecord, t: TFunction) {
  return {
    user: { ...user, access: describeAccess(user.scope), reasonText: describeReason(user.reason, t) },
    events: events.map((event) => describeEvent(event, t)),
    next,
    webhooks: webhooks.map((message) => ({
      id: message.id,
      type: message.type,
      state: stateOf(message),
      createdAt: message.createdAt,
      dueAt: message.dueAt,
      tries: message.tries,
      failure: message.failure,
    })),
  };
}
