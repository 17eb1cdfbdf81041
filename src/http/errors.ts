// The one place where an error becomes a status and a page. Core's codes and the ones that HTTP itself brings.

import { randomUUID } from 'node:crypto';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { ConnectError, type ErrorCode } from '../core/errors.ts';
import type { Logger } from '../logger.ts';
import type { References } from './setup/references.ts';

/** What goes wrong before a use case is called. */
export type RequestErrorCode =
  | 'bad_request'
  | 'form_expired'
  | 'not_found'
  | 'method_not_allowed'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'too_many_requests'
  | 'internal';

export type PageCode = ErrorCode | RequestErrorCode;

/** A request that is refused before it reaches a use case. */
export class RequestError extends Error {
  readonly code: RequestErrorCode;
  /** Seconds after which trying again makes sense; `null` when that has no meaning. */
  readonly retryAfterSeconds: number | null;
  /** For whoever programs against the API: which field is wrong, without what it held. */
  readonly detail: string | null;

  constructor(code: RequestErrorCode, retryAfterSeconds: number | null = null, detail: string | null = null) {
    super(code);
    this.name = 'RequestError';
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
    this.detail = detail;
  }
}

type Action = 'start_again' | 'try_again' | 'choose_company' | 'reconnect' | 'home';
/**
 * `action`: null where only the integrator can help. `changed`: something may have changed, so the page does not say that nothing was.
 */
type ErrorPage = { status: number; action: Action | null; level: 'info' | 'warn' | 'error'; changed?: true };

const errorPages: Record<PageCode, ErrorPage> = {
  access_denied: { status: 200, action: 'start_again', level: 'info' },
  attempt_unknown: { status: 400, action: 'start_again', level: 'info' },
  attempt_expired: { status: 410, action: 'start_again', level: 'info' },
  attempt_other_browser: { status: 403, action: 'start_again', level: 'warn' },
  attempt_unfinished: { status: 409, action: 'start_again', level: 'warn', changed: true },
  authorization_failed: { status: 502, action: 'start_again', level: 'warn' },
  authorization_response_invalid: { status: 400, action: 'start_again', level: 'warn' },
  grant_rejected: { status: 502, action: 'start_again', level: 'warn' },
  client_rejected: { status: 500, action: 'home', level: 'error' },
  id_token_invalid: { status: 502, action: 'start_again', level: 'error' },
  provider_unavailable: { status: 503, action: 'start_again', level: 'warn' },
  dinero_unavailable: { status: 503, action: 'try_again', level: 'warn' },
  dinero_rate_limited: { status: 503, action: 'try_again', level: 'warn' },
  dinero_unauthorized: { status: 502, action: 'reconnect', level: 'warn' },
  dinero_rejected: { status: 502, action: 'try_again', level: 'error' },
  not_connected: { status: 404, action: 'start_again', level: 'info', changed: true },
  needs_reconnect: { status: 409, action: 'reconnect', level: 'info', changed: true },
  organization_not_chosen: { status: 409, action: 'choose_company', level: 'info' },
  organization_unknown: { status: 409, action: 'choose_company', level: 'info' },
  organization_not_pro: { status: 409, action: 'home', level: 'info' },
  link_unknown: { status: 404, action: null, level: 'info' },
  link_expired: { status: 410, action: null, level: 'info' },
  link_used: { status: 409, action: null, level: 'info' },
  return_url_refused: { status: 422, action: null, level: 'info' },
  dinero_quota_exhausted: { status: 429, action: 'try_again', level: 'warn' },
  database_unavailable: { status: 503, action: 'home', level: 'error', changed: true },
  deployment_foreign: { status: 503, action: 'home', level: 'error' },
  misconfigured: { status: 500, action: 'home', level: 'error' },
  bad_request: { status: 400, action: 'home', level: 'info' },
  form_expired: { status: 403, action: 'home', level: 'info' },
  not_found: { status: 404, action: 'home', level: 'info' },
  method_not_allowed: { status: 405, action: 'home', level: 'info' },
  payload_too_large: { status: 413, action: 'home', level: 'info' },
  unsupported_media_type: { status: 415, action: 'home', level: 'info' },
  too_many_requests: { status: 429, action: 'home', level: 'warn' },
  internal: { status: 500, action: 'home', level: 'error', changed: true },
};

const organizationsAction = { href: '/organizations' };
const actionTargets: Record<Action, { href: string } | { post: string }> = {
  start_again: { href: '/' },
  home: { href: '/' },
  try_again: organizationsAction,
  choose_company: organizationsAction,
  reconnect: { post: '/connect' },
};

/** A random reference for one request: short enough to be read out on the telephone, and in every log line of it. */
export function createReference(): string {
  return randomUUID().replace('-', '').slice(0, 10).toUpperCase();
}

export function hasBody({ headers }: Pick<Request, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;
}

export function refuseUnknownPath(): RequestHandler {
  return (_request, _response, next) => next(new RequestError('not_found'));
}

/** Methods that no route of ours has, and targets that are no path (`*`), are refused before anybody has to cope. */
export function refuseOddRequests(): RequestHandler {
  const refuseMethod = refuseOtherMethods('GET, HEAD, POST');
  return (request, response, next) => {
    if (!['GET', 'HEAD', 'POST'].includes(request.method)) return refuseMethod(request, response, next);
    next(request.path.startsWith('/') ? undefined : new RequestError('bad_request'));
  };
}

/** Answers 405 to every method that the routes before it did not take; `allow` is for the Allow header. */
export function refuseOtherMethods(allow: string): RequestHandler {
  return (_request, response, next) => {
    response.setHeader('allow', allow);
    next(new RequestError('method_not_allowed'));
  };
}

export function statusOf(code: PageCode): number {
  return errorPages[code].status;
}

/** The last resort: logs what operators need, shows what people need, and remembers for the debugger what it was. */
export function renderErrors(logger: Logger, references?: References): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const code = codeOf(error);
    logError(logger, error, code, request, response);
    if (response.headersSent) return next(error);
    const { reference, loggedPath: path } = response.locals;
    references?.remember(reference, { code, method: request.method, path });
    renderErrorPage(response, code, retryAfterOf(error));
  };
}

/** Seconds, or null when nobody said. */
export function retryAfterOf(error: unknown): number | null {
  return error instanceof ConnectError || error instanceof RequestError ? error.retryAfterSeconds : null;
}

function renderErrorPage(response: Response, code: PageCode, retryAfterSeconds: number | null): void {
  const { status, action, changed } = errorPages[code];
  const { t, reference } = response.locals;
  if (retryAfterSeconds !== null) response.setHeader('retry-after', retryAfterSeconds);
  response.status(status).render('error', {
    title: t(`errors.${code}.heading`),
    step: null,
    heading: t(`errors.${code}.heading`),
    text: t(`errors.${code}.${textKey(code, retryAfterSeconds)}`, { seconds: retryAfterSeconds }),
    changed: changed ?? false,
    returnHref: response.locals.returnHref ?? null,
    action: action && { label: t(`actions.${action}`), ...targetOf(action, response) },
    reference,
  });
}

/** Some pages have a home of their own. */
function targetOf(action: Action, { locals: { homeHref } }: Response) {
  return action === 'home' && homeHref ? { href: homeHref } : actionTargets[action];
}

function textKey(code: PageCode, retryAfterSeconds: number | null): string {
  if (code !== 'dinero_rate_limited' && code !== 'too_many_requests') return 'text';
  if (retryAfterSeconds === null) return 'text_unknown';
  return retryAfterSeconds === 1 ? 'text_one' : 'text';
}

export function logError(logger: Logger, error: unknown, code: PageCode, request: Request, response: Response): void {
  const { level } = errorPages[code];
  const { reference, loggedPath: path } = response.locals;
  const fields = { errorCode: code, reference, method: request.method, path };
  if (error instanceof ConnectError || error instanceof RequestError) logger[level](fields, error.message);
  else if (code === 'internal') logger.error({ ...fields, err: error }, 'a bug: an error that nobody expected');
  else logger[level](fields, 'request refused');
}

const parserErrors: Record<string, RequestErrorCode> = {
  'entity.too.large': 'payload_too_large',
  'parameters.too.many': 'payload_too_large',
  'encoding.unsupported': 'unsupported_media_type',
  'charset.unsupported': 'unsupported_media_type',
};

/** The code of whatever was thrown; `internal` for what nobody expected. */
export function codeOf(error: unknown): PageCode {
  if (error instanceof ConnectError || error instanceof RequestError) return error.code;
  if (!(error instanceof Error)) return 'internal';
  const { type, status } = error as Error & { type?: unknown; status?: unknown };
  if (typeof type === 'string' && type in parserErrors) return parserErrors[type] ?? 'bad_request';
  return typeof status === 'number' && status >= 400 && status < 500 ? 'bad_request' : 'internal';
}
