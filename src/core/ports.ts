// What core needs from the world, in core's own words. Adapters implement these; tests pass in-memory ones.

import type { ErrorCode } from './errors.ts';
import type { ImportedGrantStore } from './imported-grants.ts';
import type { OnboardingStore } from './onboarding-counts.ts';
import type { WebhookStore } from './outbox.ts';
import type { OversightStore } from './oversight.ts';
import type {
  ApiKeyStore,
  AttemptStore,
  ConnectionStore,
  EventStore,
  IdentityStore,
  LinkStore,
  RevocationStore,
} from './stores.ts';
import type {
  Authorization,
  AuthorizationSecrets,
  Grant,
  HandOutOutcome,
  Identity,
  Language,
  OnboardingStep,
  Organization,
  RefreshOutcome,
  RefreshReport,
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

export type ForwardedRequest = {
  method: string;
  /** Path and query, as they are to be sent: it begins with a slash. */
  target: string;
  /** Names and values, without the ones that concern this connection or this app alone, and without credentials. */
  headers: [name: string, value: string][];
  /** Null where there is none. */
  body: AsyncIterable<Uint8Array> | null;
};

export type ForwardedAnswer = {
  status: number;
  /** In Dinero's order and spelling; each character of a value is one byte. */
  headers: [name: string, value: string][];
  /** What `Retry-After` asks for; null when it says nothing usable. */
  retryAfterSeconds: number | null;
  /** The bytes as they come, packed if Dinero packed them. Throws dinero_unavailable when they break off or stall. */
  body: AsyncIterable<Uint8Array>;
  /** For an answer whose body nobody is going to read. */
  discard(): void;
};

/** Dinero as it is, for requests that are not the app's own. */
export type DineroForwarding = {
  /**
   * Sends one request to the configured Dinero and to nowhere else; an answer of any status comes back as it is, a
   * redirect too. Throws dinero_unavailable, and the signal's reason when the caller gives up.
   */
  send(request: ForwardedRequest, accessToken: string, signal: AbortSignal): Promise<ForwardedAnswer>;
};

/** Which deployment the database belongs to (design, section 7, rule 8). */
export type DeploymentGuard = {
  /** False in a copy that runs under another identity, until somebody adopts it. Throws database_unavailable. */
  isOurs(): Promise<boolean>;
};

/** Told of every token request with a refresh token, for logs and metrics. Must not throw. */
export type RefreshWatch = (report: RefreshReport) => void;

/** Told of every step of somebody's way to a connection, for metrics; the operator's history is core's own. Must not throw. */
export type OnboardingWatch = (step: OnboardingStep) => void;

/**
 * Told of every request for a token of a connection, for metrics. `code` says why it failed: null for an error that
 * nobody expected, and for every other outcome. Must not throw.
 */
export type HandOutWatch = (outcome: HandOutOutcome, code: ErrorCode | null) => void;

/** How one try to deliver ended. `failure` is a short word of ours, never the receiver's text. */
export type WebhookOutcome =
  | { kind: 'delivered' }
  | { kind: 'failed'; failure: string; retryAfterSeconds: number | null };

/** Where the integrator takes its messages. */
export type WebhookReceiver = {
  /** Signs the body as it is and sends it, for 15 seconds at most. Expected failures are outcomes. */
  send(message: { id: string; content: string }, sentAt: Date): Promise<WebhookOutcome>;
};

export type Ports = {
  clock: Clock;
  deployment: DeploymentGuard;
  watchRefresh: RefreshWatch;
  watchOnboarding: OnboardingWatch;
  watchHandOut: HandOutWatch;
  identityProvider: IdentityProvider;
  accountingApi: AccountingApi;
  forwarding: DineroForwarding;
  attempts: AttemptStore;
  connections: ConnectionStore;
  revocations: RevocationStore;
  identities: IdentityStore;
  events: EventStore;
  apiKeys: ApiKeyStore;
  links: LinkStore;
  importedGrants: ImportedGrantStore;
  webhooks: WebhookStore;
  onboarding: OnboardingStore;
  oversight: OversightStore;
  /** Null when the integrator wants no messages. */
  webhookReceiver: WebhookReceiver | null;
};
