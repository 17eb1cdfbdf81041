// Forms carry a signed double-submit token. It is bound to the browser's cookie, not to a session: a page view must
// make no session (C8), and forms in other tabs must survive the new session id after a sign-in (C3). Nobody else can
// plant the cookie: on https its `__Host-` name forbids it. `Origin` says nothing here, it is `null` (D3).

import { createHash } from 'node:crypto';
import { doubleCsrf } from 'csrf-csrf';
import type { Request, RequestHandler, Response } from 'express';
import { RequestError } from './errors.ts';
import { cookieName } from './sessions.ts';

export function createCsrf(options: { secrets: string[]; https: boolean }) {
  const { generateCsrfToken, validateRequest } = doubleCsrf({
    getSecret: () => options.secrets,
    getSessionIdentifier: () => '',
    cookieName: cookieName('form', options.https),
    cookieOptions: { sameSite: 'lax', secure: options.https, httpOnly: true, path: '/' },
    getCsrfTokenFromRequest: (request) => (typeof request.body?._csrf === 'string' ? request.body._csrf : null),
  });

  /**
   * Refuses every form without its token, and one from a page that was another user's. A route of `stale` shows its own page again instead, filled in as it was
   * sent; it is answered 403 and nothing is done.
   */
  function protect(stale: RequestHandler): RequestHandler {
    return (request, response, next) => {
      if (request.method === 'GET' || request.method === 'HEAD') return next();
      if (validateRequest(request) && isForThisUser(request)) return next();
      response.status(403);
      return stale(request, response, (error?: unknown) => next(error ?? new RequestError('form_expired')));
    };
  }

  return { protect, tokenFor: (request: Request, response: Response): string => generateCsrfToken(request, response) };
}

/** Tells whose page a form was on; no secret. Empty when it was nobody's yet. */
export function markOf(userId: string | undefined): string {
  return userId === undefined ? '' : createHash('sha256').update(userId).digest('base64url').slice(0, 16);
}

/** Links make one browser act for one user after another: a page of the one must not act on the other. */
function isForThisUser(request: Request): boolean {
  const mark: unknown = request.body?._user;
  return mark === undefined || mark === '' || mark === markOf(request.session.userId);
}

export type Csrf = ReturnType<typeof createCsrf>;
