// Everything that may go wrong and is expected to. Knows no HTTP: `http/errors.ts` gives each code a status and a page.

/**
 * Closed list of expected failures, grouped by who said no. A new code does not compile until `http/errors.ts` has a
 * status for it and both locale files have a sentence.
 */
export const errorCodes = [
  // the person, or the way they came back
  'access_denied',
  'attempt_unknown',
  'attempt_expired',
  'attempt_other_browser',
  'attempt_unfinished',
  // Visma Connect's authorize endpoint
  'authorization_failed',
  'authorization_response_invalid',
  // Visma Connect's token endpoint
  'grant_rejected',
  'client_rejected',
  'id_token_invalid',
  // the way to Visma Connect
  'provider_unavailable',
  // Dinero
  'dinero_unavailable',
  'dinero_rate_limited',
  'dinero_unauthorized',
  'dinero_rejected',
  // the user's own state
  'not_connected',
  'needs_reconnect',
  'organization_unknown',
  'organization_not_chosen',
  'organization_not_pro',
  // a link of an integrator
  'link_unknown',
  'link_expired',
  'link_used',
  'return_url_refused',
  // us
  'dinero_quota_exhausted',
  'database_unavailable',
  'deployment_foreign',
  'misconfigured',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/**
 * An expected failure. `message` is for operators and must hold no secret and no text of a provider; people get the
 * sentence of the code. There is no `cause` on purpose: errors of OAuth libraries carry tokens (facts, section 5).
 */
export class ConnectError extends Error {
  readonly code: ErrorCode;
  /** Seconds after which trying again makes sense; `null` when nobody said. */
  readonly retryAfterSeconds: number | null;

  constructor(code: ErrorCode, message: string, retryAfterSeconds: number | null = null) {
    super(message);
    this.name = 'ConnectError';
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** True when `error` is a ConnectError, and, when codes are given, carries one of them. */
export function isConnectError(error: unknown, ...codes: ErrorCode[]): error is ConnectError {
  return error instanceof ConnectError && (codes.length === 0 || codes.includes(error.code));
}
