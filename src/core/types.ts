// The product's words as shapes (glossary of the design, section 2). Plain values only.

import type { ErrorCode } from './errors.ts';

export type Language = 'da' | 'en';

/** Who signed in, from a verified id_token; only with `openid` among the scopes. */
export type Identity = { issuer: string; subject: string };

/**
 * What Visma Connect gave. `refreshToken` is null without `offline_access`. `obtainedAt` is by the clock that
 * `expiresAt` was computed with: a clock that now shows an earlier time has been set back.
 */
export type Grant = {
  accessToken: string;
  refreshToken: string | null;
  scope: string[];
  expiresAt: Date;
  obtainedAt: Date;
};

/** Travels with one authorization request; `state` leaves by the browser, the others never do but hashed. */
export type AuthorizationSecrets = { nonce: string; codeVerifier: string };

/** What came back on the callback: a code to exchange, or the provider's error code (RFC 6749, 4.1.2). */
export type AuthorizationResponse =
  | { kind: 'code'; code: string; issuer: string | null }
  | { kind: 'error'; error: string };

/** Why the person is asked before a connection's grant is replaced by the one that came back. */
export type Objection = 'other_person' | 'company_missing';

/**
 * How an attempt ended; decided once, by its first finish. `undecided`: nothing is replaced until the person says so;
 * then it is `connected` or `authorized`, or `kept` when the connection stays as it was.
 */
export type AttemptResult =
  | { kind: 'connected'; userId: string }
  | { kind: 'authorized'; userId: string }
  | { kind: 'undecided'; userId: string; objection: Objection }
  | { kind: 'kept'; userId: string }
  | { kind: 'failed'; code: ErrorCode };

/** What an attempt's first finish can end with. */
export type FirstResult = Exclude<AttemptResult, { kind: 'kept' }>;

/**
 * `started`: on the way to Visma Connect. `finished`: back, once for each attempt; `code` says why a failed one failed,
 * and is null for every other outcome. `connected`: has a company that works after giving access, once at most for each
 * attempt; whoever changes company later is not counted again.
 */
export type OnboardingStep =
  | { step: 'started' }
  | { step: 'finished'; outcome: FirstResult['kind']; code: ErrorCode | null }
  | { step: 'connected' };

/** A grant that came back, and who consented to it as far as a token told. */
export type Authorization = { grant: Grant; subject: string | null };

/**
 * One trip to Visma Connect. `browserId` is the browser that started it, `userId` for whom. `response` is what the
 * callback parked; null before it came and again once it was used. `claimedAt` is when the one finish began.
 */
export type Attempt = {
  id: string;
  stateHash: string;
  /** The link that this browser came by; null for somebody who came alone. */
  linkId: string | null;
  /** Null once they are used, or when they do not open any more. */
  secrets: AuthorizationSecrets | null;
  browserId: string;
  userId: string;
  startedAt: Date;
  expiresAt: Date;
  returnedAt: Date | null;
  response: AuthorizationResponse | null;
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
  /** The Visma person who consented, as far as a token told: a hint, never a proof (facts, section 1). */
  subject: string | null;
  refreshState: RefreshState;
  /** When keep-alive looks at it next; null when there is nothing to look after. */
  dueAt: Date | null;
  /** The last warning given of this grant's end, as days left; null before the first one. */
  warnedDays: WarningDays | null;
};

/** Where the refresh protocol stands with this generation of the grant (design, section 7). */
export type RefreshState = {
  /** Who has the right to refresh, until `leaseUntil`. An owner whose time is over may be dead, or only stopped. */
  leaseOwner: string | null;
  leaseUntil: Date | null;
  /** When this generation's refresh token was first on its way with an outcome that nobody knows; null when none was. */
  sentAt: Date | null;
  /** Attempts in a row that brought no grant. */
  failures: number;
  /** Before this nobody tries again; null when anybody may. */
  nextAttemptAt: Date | null;
};

/** A right to refresh one generation of a grant. `owner` is made anew for each lease. */
export type Lease = { owner: string; until: Date };

/**
 * `grant_unreadable`: what is stored does not open with our keys. `answer_lost`: the provider may have answered with a
 * new one-time token, and nobody got it.
 */
export type ReconnectReason =
  | 'grant_rejected'
  | 'no_refresh_token'
  | 'refresh_expired'
  | 'answer_lost'
  | 'grant_unreadable';

/** Days before the end of a grant at which people are warned. */
export type WarningDays = 30 | 7 | 1;

/** A company in Dinero. `isPro` decides whether integrations work (facts, section 2). */
export type Organization = {
  id: string;
  name: string;
  isPro: boolean;
  vatNumber: string | null;
  city: string | null;
};

/** What happened, without a field that a secret fits in. */
export type EventDraft =
  | { type: PlainEventType }
  | { type: 'needs_reconnect'; reason: ReconnectReason }
  | { type: 'expiring'; daysLeft: WarningDays };

export type PlainEventType =
  | 'authorized'
  | 'reauthorized'
  | 'scope_reduced'
  | 'organization_chosen'
  | 'organization_changed'
  // The same company works again after a reconnect, or a grant that was taken for lost came back.
  | 'recovered'
  | 'refreshed'
  | 'refresh_delayed'
  // The answer was odd, and what matters of it is kept (requirements, F7).
  | 'refresh_odd'
  | 'client_rejected'
  | 'disconnected';

/** One line of a connection's timeline. `id` names it within its connection; later ones have greater ones. */
export type ConnectionEvent = EventDraft & { id: string; at: Date };

/**
 * How one token request with a refresh token ended (design, section 7, rule 6). `try_later`: the token was not spent,
 * as far as can be known. `unknown`: it may have been, and no usable answer came. `message` is for operators.
 */
export type RefreshOutcome =
  | { kind: 'refreshed'; grant: Grant; odd: boolean }
  | { kind: 'rejected' }
  | { kind: 'client_rejected'; message: string }
  | { kind: 'try_later'; message: string; retryAfterSeconds: number | null }
  | { kind: 'unknown'; message: string };

/**
 * How a request for a token ended. `refreshed`: the token was made for it, or for somebody else who waited for the same
 * one. `delayed`: it lives shorter than asked for, because refreshing does not work right now.
 */
export type HandOutOutcome = 'fresh' | 'refreshed' | 'delayed' | 'failed';

/** One token request for the log: `message` is null when there is nothing to explain. */
export type RefreshReport = { connectionId: string; outcome: RefreshOutcome['kind']; message: string | null };
