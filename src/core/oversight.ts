// What an operator looks at: numbers over all connections, and who a user is. Nothing secret is read for it. One
// contract suite runs against every implementation.

import type { ListedConnection } from './integrator-types.ts';
import type { ConnectionStatus } from './types.ts';
import type { QueuedWebhook } from './webhook-messages.ts';

/** A user as an operator sees them. `connectionId` names them where their own id, which may be personal, must not be. */
export type OverseenUser = ListedConnection & { connectionId: string; nextAttemptAt: Date | null };

/**
 * A connection whose last tries to refresh brought nothing. `since` is when that began, and `cause` whether Visma Connect
 * refused our own client or did not answer as it should; null when the timeline does not tell.
 */
export type FailingRefresh = {
  connectionId: string;
  userId: string;
  failures: number;
  since: Date | null;
  cause: 'refresh_delayed' | 'client_rejected' | null;
  nextAttemptAt: Date | null;
  /** Until then nobody notices; null when there is no access token. */
  accessExpiresAt: Date | null;
};

/** `withoutAccess` of them have no access token any more that works. */
export type FailingCount = { total: number; withoutAccess: number };

/** `failing` of those that wait have been tried before; `oldest` is when the one that has waited longest was made. */
export type WebhookCount = { waiting: number; failing: number; givenUp: number; oldest: Date | null };

/** A page of users: those behind the user `after`, in the order of the bytes of their ids. */
export type UserPage = { status: ConnectionStatus | null; after: string | null; limit: number };

export type OversightStore = {
  countStatuses(): Promise<Record<ConnectionStatus, number>>;
  /** Connections in use whose refresh tokens end in that time. */
  countEnds(from: Date, before: Date): Promise<number>;
  countFailing(now: Date): Promise<FailingCount>;
  /** The ones that failed most often in a row first. */
  listFailing(limit: number): Promise<FailingRefresh[]>;
  countWebhooks(): Promise<WebhookCount>;
  /**
   * Users whose id begins with `text`, or whose company has it as its id or VAT number, or a name that begins with it as
   * it is written, capitalized or in capitals. An empty text finds everybody.
   */
  search(text: string, page: UserPage): Promise<OverseenUser[]>;
  find(connectionId: string): Promise<OverseenUser | null>;
  /** What the integrator was told of this user, the latest first. */
  listWebhooks(userId: string, limit: number): Promise<QueuedWebhook[]>;
};
