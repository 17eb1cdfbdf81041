// What core needs from the world, in core's own words. Adapters implement these; tests pass in-memory ones.

import type {
  Attempt,
  AttemptResult,
  Authorization,
  AuthorizationResponse,
  AuthorizationSecrets,
  ChosenOrganization,
  Connection,
  ConnectionEvent,
  EventDraft,
  Grant,
  Identity,
  Language,
  Lease,
  Organization,
  ReconnectReason,
  RefreshOutcome,
  RefreshReport,
  RefreshState,
  WarningDays,
} from './types.ts';

export type Clock = {
  now(): Date;
  /** Milliseconds since some moment, by a clock that nobody sets. */
  monotonic(): number;
  /** Resolves after that many milliseconds, or as soon as `signal` is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
};

export type RefreshableGrant = Grant & { refreshToken: string };

/** Visma Connect, or any other provider that follows the standards. Every verb throws ConnectError only. */
export type IdentityProvider = {
  /**
   * A fresh authorization request (RFC 6749, 4.1.1; RFC 7636; OpenID Connect Core, 3.1.2.1): the URL to send the
   * person to, and what has to be kept until they are back. `signInAgain` asks the provider to show its sign-in page
   * even to somebody who is signed in.
   */
  createAuthorizationRequest(options: {
    language: Language;
    signInAgain: boolean;
  }): Promise<{ url: string; state: string; secrets: AuthorizationSecrets }>;
  /**
   * Exchanges the code once (RFC 6749, 4.1.3), after checking `iss` (RFC 9207); verifies any id_token before it
   * answers. `identity` is null when the provider sent none.
   * Throws authorization_response_invalid (before any token call), grant_rejected, client_rejected, id_token_invalid,
   * provider_unavailable.
   */
  exchangeCode(
    response: { code: string; issuer: string | null },
    secrets: AuthorizationSecrets,
  ): Promise<Authorization & { identity: Identity | null }>;
  /**
   * A new grant for the refresh token of `before` (RFC 6749, 6). What the answer leaves out stays as it was; a refresh
   * token that came is kept whatever else is odd about the answer. `maySend` is asked in the last moment before the
   * token leaves: when it says no, nothing is sent. Expected failures are outcomes; it throws none of them.
   */
  refresh(before: RefreshableGrant, maySend: () => boolean): Promise<RefreshOutcome>;
  /** Revokes a refresh token (RFC 7009). Throws client_rejected, provider_unavailable. */
  revoke(refreshToken: string): Promise<void>;
};

/**
 * Dinero's API. Every verb throws dinero_unauthorized (401), organization_not_pro (403 with code 90 or 48),
 * dinero_rejected (another 4xx), dinero_rate_limited, dinero_unavailable.
 */
export type AccountingApi = {
  /** All organizations of the person behind the token, in Dinero's order. */
  listOrganizations(accessToken: string): Promise<Organization[]>;
  /** One cheap read that proves that this organization can be worked with (facts, section 2). */
  proveAccess(accessToken: string, organizationId: string): Promise<void>;
};

export type AttemptStore = {
  insert(attempt: Attempt): Promise<void>;
  /** Parks the response on an attempt that has not returned yet; does nothing when there is none. */
  markReturned(stateHash: string, response: AuthorizationResponse, responseHash: string, now: Date): Promise<void>;
  findByStateHash(stateHash: string): Promise<Attempt | null>;
  find(id: string): Promise<Attempt | null>;
  /** Takes the right to finish a returned attempt. True for exactly one caller, ever. */
  claim(id: string, now: Date): Promise<boolean>;
  /** Writes the result and forgets the secrets and the response; keeps `parked` for a decision, else nothing. */
  finish(id: string, result: AttemptResult, parked: Authorization | null): Promise<void>;
  /** Takes what was parked for a decision: for exactly one caller. Null when there is nothing (any more). */
  takeParked(id: string): Promise<Authorization | null>;
  /** Undecided attempts that started before `before`, a hundred at most. */
  listUndecided(before: Date): Promise<Attempt[]>;
  /** Deletes attempts that started before `before`; answers how many. */
  deleteStartedBefore(before: Date): Promise<number>;
};

/**
 * A write that changes what a connection is brings the line of its timeline: both are stored or neither. A write of a
 * grant names the generation that it replaces, and ends whatever refresh was going on.
 */
export type ConnectionStore = {
  findByUser(userId: string): Promise<Connection | null>;
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
   * Chooses under exactly that consent. False when the connection was renewed or ended meanwhile. `connectedAt` stays
   * when the organization does.
   */
  chooseOrganization(
    connection: Connection,
    organization: ChosenOrganization,
    now: Date,
    event: EventDraft,
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
  /** The latest ones, newest first. */
  listLatest(connectionId: string, limit: number): Promise<ConnectionEvent[]>;
  deleteBefore(before: Date): Promise<number>;
};

/** Which deployment the database belongs to (design, section 7, rule 8). */
export type DeploymentGuard = {
  /** False in a copy that runs under another identity, until somebody adopts it. Throws database_unavailable. */
  isOurs(): Promise<boolean>;
};

/** Told of every token request with a refresh token, for logs and metrics. Must not throw. */
export type RefreshWatch = (report: RefreshReport) => void;

export type Ports = {
  clock: Clock;
  deployment: DeploymentGuard;
  watchRefresh: RefreshWatch;
  identityProvider: IdentityProvider;
  accountingApi: AccountingApi;
  attempts: AttemptStore;
  connections: ConnectionStore;
  revocations: RevocationStore;
  identities: IdentityStore;
  events: EventStore;
};
