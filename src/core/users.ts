// Somebody whom an operator helps: found, looked at, sent a way back in.

import type { Links, MadeLink } from './links.ts';
import type { OverseenUser, OversightStore } from './oversight.ts';
import type { EventStore } from './stores.ts';
import type { ConnectionEvent, ConnectionStatus } from './types.ts';
import type { QueuedWebhook } from './webhook-messages.ts';

/** `next` is the event to go on behind; null on the last page. `webhooks` are the latest ones. */
export type UserRecord = {
  user: OverseenUser;
  events: ConnectionEvent[];
  next: string | null;
  webhooks: QueuedWebhook[];
};

const usersPerPage = 25;
const eventsPerPage = 20;
const shownWebhooks = 20;

export function createUsers(ports: { oversight: OversightStore; events: EventStore }, links: Links) {
  const { oversight, events } = ports;

  /**
   * A page of the users that `text` fits (see OversightStore), from behind the user `after`. `next` is the user to go on
   * behind; null on the last page. Throws database_unavailable.
   */
  async function search(text: string, filter: { status: ConnectionStatus | null; after: string | null }) {
    const found = await oversight.search(text, { ...filter, limit: usersPerPage + 1 });
    const page = found.slice(0, usersPerPage);
    return { page, next: found.length > usersPerPage ? (page.at(-1)?.userId ?? null) : null };
  }

  /** Null when there is no such connection. `before`: only events that are older than this one. */
  async function find(connectionId: string, before: string | null): Promise<UserRecord | null> {
    const user = await oversight.find(connectionId);
    if (!user) return null;
    const found = await events.listLatest(connectionId, eventsPerPage + 1, before);
    const page = found.slice(0, eventsPerPage);
    const next = found.length > eventsPerPage ? (page.at(-1)?.id ?? null) : null;
    return { user, events: page, next, webhooks: await oversight.listWebhooks(user.userId, shownWebhooks) };
  }

  /** A link that this user can connect by: unopened, and good for a day at least. Null when there is no such user. */
  async function makeLink(connectionId: string): Promise<MadeLink | null> {
    const user = await oversight.find(connectionId);
    return user && links.createForReconnect(user.userId);
  }

  return { search, find, makeLink };
}
