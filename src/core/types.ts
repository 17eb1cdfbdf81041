// The product's words as shapes (glossary of the design, section 2). Plain values only.

import type { ErrorCode } from './errors.ts';

export type Language = 'da' | 'en';

/** Who signed in, from a verified id_token; only with `openid` among the scopes. */
export type Identity = { issuer: string; subject: string };

/** What Visma Connect gave. `refreshToken` is null without `offline_access`. */
export type Grant = {
  accessToken: string;
  refreshToken: string | null;
  scope: string[];
  expiresAt: Date;
};

/** Travels with one authorization request; `state` leaves by the browser, the others never do but hashed. */
export type AuthorizationSecrets = { nonce: string; codeVerifier: string };

/** What came back on the callback: a code to exchange, or the provider's error code (RFC 6749, 4.1.2). */
export type AuthorizationResponse =
  | { kind: 'code'; code: string; issuer: string | null }
  | { kind: 'error'; error: string };

/** How an attempt ended; decided once, by its first finish. */
export type AttemptResult =
  | { kind: 'connected'; userId: string }
  | { kind: 'authorized'; userId: string }
  | { kind: 'failed'; code: ErrorCode };

/**
 * One trip to Visma Connect. `browserId` is the browser that started it, `userId` for whom. `response` is what the
 * callback parked; null before it came and again once it was used. `claimedAt` is when the one finish began.
 */
export type Attempt = {
  id: string;
  stateHash: string;
  /** Null once they are used, or when they do not open any more. */
  secrets: AuthorizationSecrets | null;
  browserId: string;
  userId: string;
  startedAt: Date;
  expiresAt: Date;
  returnedAt: Date | null;
  response: AuthorizationResponse | null;
  /** Of the response that was parked; stays when the response is gone. */
  responseHash: string | null;
  claimedAt: Date | null;
  result: AttemptResult | null;
};

export type ConnectionStatus = 'pending' | 'connected' | 'needs_reconnect' | 'disconnected';

/** A company as chosen, with its name at that moment. */
export type ChosenOrganization = { id: string; name: string; vatNumber: string | null };

/**
 * The lasting link between a user and Dinero. `grant` is null once disconnected. While `pending`, `organization` is
 * the one chosen under the grant before, or null.
 */
export type Connection = {
  id: string;
  userId: string;
  status: ConnectionStatus;
  /** Why it needs a reconnect; null in every other status. */
  reason: ReconnectReason | null;
  organization: ChosenOrganization | null;
  grant: Grant | null;
  /** Grows with every write of a grant; such a write names the generation that it replaces. */
  generation: number;
  /** When the person last consented: fences choices made under an older consent. */
  authorizedAt: Date;
  /** When this organization was chosen; null before. */
  connectedAt: Date | null;
  /** End of the refresh token by the portal's setting; null without one. */
  refreshExpiresAt: Date | null;
};

/** `grant_unreadable`: what is stored does not open with our keys. */
export type ReconnectReason = 'grant_rejected' | 'no_refresh_token' | 'refresh_expired' | 'grant_unreadable';

/** A company in Dinero. `isPro` decides whether integrations work (facts, section 2). */
export type Organization = {
  id: string;
  name: string;
  isPro: boolean;
  vatNumber: string | null;
  city: string | null;
};

export type EventType =
  | 'authorized'
  | 'reauthorized'
  | 'scope_reduced'
  | 'organization_chosen'
  | 'refreshed'
  | 'needs_reconnect'
  | 'disconnected';

/** One line of a connection's timeline. No field that a secret fits in. */
export type ConnectionEvent = { type: EventType; at: Date };
