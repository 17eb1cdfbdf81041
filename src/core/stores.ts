// What core keeps, and what it asks of each store. One contract suite runs against every implementation.

import type { ApiKey, Link, ListedConnection } from './integrator-types.ts';
import type {
  Attempt,
  AttemptResult,
  Authorization,
  AuthorizationResponse,
  ChosenOrganization,
  Connection,
  ConnectionEvent,
  ConnectionStatus,
  EventDraft,
  Grant,
  Identity,
  Lease,
  ReconnectReason,
  RefreshState,
  WarningDays,
} from './types.ts';

export type AttemptStore = {
  insert(attempt: Attempt): Promise<void>;
  /**
   * Parks the response on an attempt that has not returned yet. Answers the id of the attempt that holds this response
   * now; null when there is none, or it holds another one.
   */
  markReturned(
    stateHash: string,
    response: AuthorizationResponse,
    responseHash: string,
    now: Date,
  ): Promise<string | null>;
  find(id: string): Promise<Attempt | null>;
  /** Takes the right to finish a returned attempt. True for exactly one caller, ever. */
  claim(id: string, now: Date): Promise<boolean>;
  /** Writes the result and forgets the secrets and the response; keeps `parked` for a decision, else nothing. */
  finish(id: string, result: AttemptResult, parked: Authorization | null): Promise<void>;
  /** Takes what was parked for a decision: for exactly one caller. Null when there is nothing (any more). */
  takeParked(id: string): Promise<Authorization | null>;
  /** Undecided attempts that started before `before`, a hundred at most. */
  listUndecided(before: Date): Promise<Attempt[]>;
  /** The attempts that started last, the latest first; without opening what is sealed. */
  listLatest(limit: number): Promise<ListedAttempt[]>;
  /** Deletes attempts that started before `before`; answers how many. */
  deleteStartedBefore(before: Date): Promise<number>;
};

/** An attempt as lists show it. */
export type ListedAttempt = Pick<Attempt, 'id' | 'startedAt' | 'expiresAt' | 'returnedAt' | 'result'>;

/**
 * A write that changes what a connection is brings the line of its timeline: both are stored or neither. A write of a
 * grant names the generation that it replaces, and ends whatever refresh was going on.
 */
export type ConnectionStore = {
  findByUser(userId: string): Promise<Connection | null>;
  /** As `findByUser`, for hand-outs alone: what another process wrote in the last second may be missing. */
  findRecent(userId: string): Promise<Connection | null>;
  /** By user id, from behind the user `after`, in the order of their bytes; without opening what is sealed. */
  list(filter: { status: ConnectionStatus | null; after: string | null; limit: number }): Promise<ListedConnection[]>;
  /**
   * Stores a fresh grant: makes the user's connection, or replaces the grant of the one there is, in one statement. It
   * becomes `pending`, keeps its organization, its generation grows, and its failures are forgotten. Null, and nothing
   * is stored, when the connection was ended after `startedAt`: who disconnects while an older attempt is under way
   * stays disconnected.
   */
  saveAuthorized(
    userId: string,
    grant: Grant,
    terms: GrantTerms & { subject: string | null; startedAt: Date },
  ): Promise<Connection | null>;
  /**
   * Takes the right to refresh exactly this generation, and with the same write marks its token as sent (a write-ahead
   * marker; `sentAt` stays when there is one). False when somebody else has the right, or anything changed since
   * `connection` was read. Throws database_unavailable also when what would come back could not be stored.
   */
  takeLease(connection: Connection, lease: Lease, now: Date): Promise<boolean>;
  /** Prolongs a lease to `lease.until`. False when it is not that owner's any more. */
  renewLease(connection: Connection, lease: Lease): Promise<boolean>;
  /** Gives the lease back without a grant. False when it was not that owner's any more. */
  releaseLease(
    connection: Connection,
    owner: string,
    rest: { state: Pick<RefreshState, 'sentAt' | 'failures' | 'nextAttemptAt'>; dueAt: Date | null; now: Date },
    event: EventDraft | null,
  ): Promise<boolean>;
  /**
   * Replaces the grant of exactly that generation, lease or no lease, and revives a connection whose former token was
   * refused meanwhile. False when another write was first.
   */
  saveRefreshed(
    connection: Connection,
    grant: Grant,
    terms: GrantTerms & { state: Pick<RefreshState, 'failures' | 'nextAttemptAt'> },
  ): Promise<boolean>;
  /**
   * Chooses under exactly that consent, and in that status, `pending` or `connected`. False when the connection was
   * renewed, ended or connected meanwhile. `connectedAt` stays when the organization does.
   */
  chooseOrganization(
    connection: Connection,
    organization: ChosenOrganization,
    now: Date,
    event: EventDraft | null,
  ): Promise<boolean>;
  /** False when another write of the grant was first. */
  markNeedsReconnect(connection: Connection, reason: ReconnectReason, now: Date): Promise<boolean>;
  /**
   * Forgets the grant and the organization; in the same transaction the refresh token is queued for revocation.
   * False when there was nothing to end.
   */
  disconnect(userId: string, now: Date): Promise<boolean>;
  /** The users whose connections are due, the longest due first, from behind `after`. */
  listDue(now: Date, after: DuePosition | null, limit: number): Promise<DuePosition[]>;
  /** Makes due what has a grant and no due date: a former version wrote it. Answers how many. */
  scheduleForgotten(now: Date): Promise<number>;
  /** Says when to look at it next. False when somebody else has looked at it since `connection` was read. */
  reschedule(
    connection: Connection,
    next: { dueAt: Date | null; warnedDays: WarningDays | null; now: Date },
    event: EventDraft | null,
  ): Promise<boolean>;
};

/** What is stored beside a grant. */
export type GrantTerms = { refreshExpiresAt: Date | null; dueAt: Date | null; now: Date; events: EventDraft[] };
export type DuePosition = { userId: string; dueAt: Date };

/** Refresh tokens that the provider still has to be told to revoke. */
export type RevocationStore = {
  add(refreshToken: string, now: Date): Promise<void>;
  /** The due ones, oldest first. `tries` counts the failed ones so far. */
  listDue(now: Date, limit: number): Promise<{ id: string; refreshToken: string; tries: number }[]>;
  postpone(id: string, until: Date): Promise<void>;
  delete(id: string): Promise<void>;
};

export type IdentityStore = {
  /**
   * The user that this identity names: the one it named first. An unknown identity names `candidateUserId`, unless
   * another identity does already; then a new user.
   */
  nameUser(identity: Identity, candidateUserId: string, now: Date): Promise<string>;
};

/** The timelines. Their lines are written by the ConnectionStore, with what they tell of. */
export type EventStore = {
  /** Newest first; only those that are older than the event `before`, when there is one. */
  listLatest(connectionId: string, limit: number, before?: string | null): Promise<ConnectionEvent[]>;
  deleteBefore(before: Date): Promise<number>;
};

/** Keys of the integrator's backends. Of the secret only its hash is known. */
export type ApiKeyStore = {
  insert(key: ApiKey): Promise<void>;
  find(id: string): Promise<ApiKey | null>;
  /** All of them, oldest first. */
  list(): Promise<ApiKey[]>;
  /** False when there is none, or it was revoked before. */
  revoke(id: string, now: Date): Promise<boolean>;
  markUsed(id: string, now: Date): Promise<void>;
};

export type LinkStore = {
  insert(link: Link): Promise<void>;
  find(id: string): Promise<Link | null>;
  /** The user's unopened reconnect link that lives longest, beyond `after`; null when there is none. */
  findReconnectLink(userId: string, after: Date): Promise<Link | null>;
  /** Binds the link to a browser: true for the first one, and for that one again. */
  open(id: string, browserId: string, now: Date): Promise<boolean>;
  /** True once, for a link that leads somewhere afterwards. */
  markReturned(id: string, now: Date): Promise<boolean>;
  /** Deletes links that ended before `before`; answers how many. */
  deleteExpiredBefore(before: Date): Promise<number>;
};
