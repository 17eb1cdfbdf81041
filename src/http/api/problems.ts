// Every failure of the API as problem details (RFC 9457), with a stable `code`. The cause is for the log alone.

import type { ErrorRequestHandler, Response } from 'express';
import { isConnectError } from '../../core/errors.ts';
import type { Core } from '../../core/index.ts';
import type { Logger } from '../../logger.ts';
import { codeOf, logError, type PageCode, RequestError, retryAfterOf, statusOf } from '../errors.ts';

/** Why a request was refused for its key (RFC 6750, 3.1). */
export type KeyErrorCode =
  | 'api_key_missing'
  | 'api_key_unknown'
  | 'api_key_expired'
  | 'api_key_revoked'
  | 'scope_insufficient';

export type ProblemCode = PageCode | KeyErrorCode;

export class KeyError extends Error {
  readonly code: KeyErrorCode;
  /** The one that the route asks for; null where any key would do. */
  readonly scope: string | null;

  constructor(code: KeyErrorCode, scope: string | null = null) {
    super(code);
    this.name = 'KeyError';
    this.code = code;
    this.scope = scope;
  }
}

const titles: Record<ProblemCode, string> = {
  access_denied: 'The person did not give access',
  attempt_unknown: 'There is no such attempt',
  attempt_expired: 'The attempt is over',
  attempt_other_browser: 'The attempt belongs to another browser',
  attempt_unfinished: 'The attempt is not finished',
  authorization_failed: 'Visma Connect ended the attempt',
  authorization_response_invalid: 'The answer of Visma Connect does not fit the attempt',
  grant_rejected: 'Visma Connect refused the authorization',
  client_rejected: 'Visma Connect refuses this app’s client',
  id_token_invalid: 'The identity could not be verified',
  provider_unavailable: 'Visma Connect cannot be reached',
  dinero_unavailable: 'Dinero cannot be reached',
  dinero_rate_limited: 'Dinero asks to wait',
  dinero_unauthorized: 'Dinero refuses the access token',
  dinero_rejected: 'Dinero refused the request',
  dinero_quota_exhausted: 'Too many requests for this company',
  not_connected: 'This user is not connected',
  needs_reconnect: 'The connection needs a reconnect',
  organization_unknown: 'The company is not one of this user’s',
  organization_not_chosen: 'No company is chosen yet',
  organization_not_pro: 'The company lacks Dinero Pro',
  link_unknown: 'There is no such link',
  link_expired: 'The link has expired',
  link_used: 'The link has been used',
  return_url_refused: 'The return URL is not allowed',
  database_unavailable: 'The database cannot serve the request',
  deployment_foreign: 'The database belongs to another deployment',
  misconfigured: 'The app is misconfigured',
  bad_request: 'The request is not valid',
  form_expired: 'The form is too old',
  not_found: 'There is nothing at this address',
  method_not_allowed: 'The method is not allowed here',
  payload_too_large: 'The body is too large',
  unsupported_media_type: 'The body must be application/json',
  too_many_requests: 'Too many requests with this key',
  internal: 'An error that nobody expected',
  api_key_missing: 'An API key is required',
  api_key_unknown: 'The API key is not valid',
  api_key_expired: 'The API key has expired',
  api_key_revoked: 'The API key has been revoked',
  scope_insufficient: 'The API key lacks the scope for this',
};

const keyStatuses: Record<KeyErrorCode, number> = {
  api_key_missing: 401,
  api_key_unknown: 401,
  api_key_expired: 401,
  api_key_revoked: 401,
  scope_insufficient: 403,
};

/** What a problem of this code is answered with. */
export function describeProblem(code: ProblemCode): { status: number; title: string } {
  return {
    status: code in keyStatuses ? keyStatuses[code as KeyErrorCode] : statusOf(code as PageCode),
    title: titles[code],
  };
}

/** Seconds after which one may try again when nobody knows better: a 503 always says something. */
const usualRetryAfterSeconds = 5;

/** `describeReconnect` adds what the user of this request needs to go on. */
export function sendProblems(
  logger: Logger,
  describeReconnect: (response: Response) => Promise<Record<string, unknown>>,
): ErrorRequestHandler {
  return async (error: unknown, request, response, next) => {
    if (error instanceof KeyError) return sendKeyProblem(response, error);
    const code = codeOf(error);
    logError(logger, error, code, request, response);
    if (response.headersSent) return next(error);
    const status = statusOf(code);
    const retryAfter = retryAfterOf(error) ?? (status === 503 || status === 429 ? usualRetryAfterSeconds : null);
    if (retryAfter !== null) response.setHeader('retry-after', retryAfter);
    const waitsForPerson = isConnectError(error, 'needs_reconnect', 'organization_not_chosen');
    sendProblem(response, code, {
      ...(error instanceof RequestError && error.detail !== null ? { detail: error.detail } : {}),
      ...(retryAfter === null ? {} : { retryAfter }),
      ...(waitsForPerson ? await describeReconnect(response) : {}),
    });
  };
}

function sendKeyProblem(response: Response, { code, scope }: KeyError): void {
  const refused = code === 'api_key_missing' ? '' : `, error="${scope ? 'insufficient_scope' : 'invalid_token'}"`;
  response.setHeader('www-authenticate', `Bearer realm="dinero-connect"${refused}${scope ? `, scope="${scope}"` : ''}`);
  sendProblem(response, code, scope ? { requiredScope: scope } : {});
}

function sendProblem(response: Response, code: ProblemCode, more: Record<string, unknown>): void {
  const { status, title } = describeProblem(code);
  const problem = {
    type: `urn:dinero-connect:problem:${code}`,
    title,
    status,
    code,
    requestId: response.locals.reference,
    ...more,
  };
  response.status(status).type('application/problem+json').send(JSON.stringify(problem));
}

/** Why the connection waits for its person, and the link that leads there. Whatever fails here, the answer goes out. */
export function createReconnectDescriber(core: Pick<Core, 'connections' | 'links'>, baseUrl: string, logger: Logger) {
  return async ({ locals }: Response): Promise<Record<string, unknown>> => {
    try {
      const connection = await core.connections.find(locals.userId);
      const { token } = await core.links.createForReconnect(locals.userId);
      return { reason: connection?.reason ?? null, reconnectUrl: `${baseUrl}/link/${token}` };
    } catch (error) {
      logger.error({ err: error, reference: locals.reference }, 'no reconnect link could be made');
      return {};
    }
  };
}
