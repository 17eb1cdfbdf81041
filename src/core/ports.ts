// What core needs from the world, in core's own words. Adapters implement these; tests pass in-memory ones.

import type {
  Attempt,
  AttemptResult,
  AuthorizationResponse,
  AuthorizationSecrets,
  ChosenOrganization,
  Connection,
  ConnectionEvent,
  EventType,
  Grant,
  Identity,
  Language,
  Organization,
  ReconnectReason,
} from './types.ts';

export type Clock = {
  now(): Date;
  /** Resolves after that many milliseconds. */
  sleep(milliseconds: number): Promise<void>;
};

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
  ): Promise<{ grant: Grant; identity: Identity | null }>;
  /**
   * A new grant for a refresh token (RFC 6749, 6). `refreshToken` of the answer is the old one when none came.
   * Throws grant_rejected, client_rejected, provider_unavailable.
   */
  refresh(refreshToken: string, scope: string[]): Promise<Grant>;
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
  /** Writes the result and forgets the secrets and the response. */
  finish(id: string, result: AttemptResult): Promise<void>;
  /** Deletes attempts that started before `before`; answers how many. */
  deleteStartedBefore(before: Date): Promise<number>;
};

export type ConnectionStore = {
  findByUser(userId: string): Promise<Connection | null>;
  /**
   * Stores a fresh grant: makes the user's connection, or replaces the grant of the one there is. It becomes
   * `pending`, keeps its organization, and its generation grows. Null, and nothing is stored, when the connection was
   * ended after `startedAt`: who disconnects while an older attempt is under way stays disconnected.
   */
  saveAuthorized(
    userId: string,
    grant: Grant,
    dates: { refreshExpiresAt: Date | null; startedAt: Date; now: Date },
  ): Promise<Connection | null>;
  /** Replaces the grant of exactly that generation. False when another write was first. */
  saveRefreshed(connection: Connection, grant: Grant, refreshExpiresAt: Date | null): Promise<boolean>;
  /**
   * Chooses under exactly that consent. False when the connection was renewed or ended meanwhile. `connectedAt` stays
   * when the organization does.
   */
  chooseOrganization(connection: Connection, organization: ChosenOrganization, now: Date): Promise<boolean>;
  /** False when another write of the grant was first. */
  markNeedsReconnect(connection: Connection, reason: ReconnectReason): Promise<boolean>;
  /**
   * Forgets the grant and the organization; in the same transaction the refresh token is queued for revocation.
   * False when there was nothing to end.
   */
  disconnect(userId: string, now: Date): Promise<boolean>;
};

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

export type EventStore = {
  append(connectionId: string, type: EventType, at: Date): Promise<void>;
  /** The latest ones, newest first. */
  listLatest(connectionId: string, limit: number): Promise<ConnectionEvent[]>;
  deleteBefore(before: Date): Promise<number>;
};

export type Ports = {
  clock: Clock;
  identityProvider: IdentityProvider;
  accountingApi: AccountingApi;
  attempts: AttemptStore;
  connections: ConnectionStore;
  revocations: RevocationStore;
  identities: IdentityStore;
  events: EventStore;
};
