// One line per request: what, how it ended, how long it took. No query, no body, no cookie, and of a path nothing that
// is a secret or names a person.

import type { RequestHandler } from 'express';
import type { Logger } from '../logger.ts';
import { createReference } from './errors.ts';

const unroutable = '(another path)';
const apiPath =
  /^\/api\/v1\/(connections|users\/:userId\/(links|connections\/dinero(\/(token|organizations?|events|proxy(\/\*)?))?))\/?$/i;
/** Asked for every few seconds. */
const quietPaths = ['/healthz', '/readyz'];
/** Who is refused is told of. */
const quietIfAnswered = '/metrics';

/** Also gives every request a reference, for its log lines and its answer, and a path that may be logged. */
export function logRequests(logger: Logger): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    const { method, path } = request;
    const reference = createReference();
    const loggedPath = describePath(path);
    Object.assign(response.locals, { reference, loggedPath });
    response.setHeader('x-request-id', reference);
    response.on('close', () => {
      const milliseconds = Math.round(performance.now() - started);
      const { apiKeyId } = response.locals;
      const aborted = response.writableFinished ? undefined : true;
      const { statusCode: status } = response;
      if (quietPaths.includes(path) || (path === quietIfAnswered && status === 200)) return;
      logger.info({ method, path: loggedPath, status, milliseconds, reference, apiKeyId, aborted }, 'request');
    });
    next();
  };
}

/** A link's token opens a connection, a user id may be an e-mail address, and what follows `proxy` is not ours. */
export function describePath(path: string): string {
  const described = path
    .replace(/^\/link\/[^/]+$/i, '/link/:token')
    .replace(/^(\/api\/v1\/users)\/[^/]+/i, '$1/:userId')
    .replace(/^(\/operator\/users)\/[^/]+/i, '$1/:connectionId')
    .replace(/(\/connections\/dinero\/proxy)\/.*/i, '$1/*');
  // What no route takes may be one of these in another spelling, or have a name in the place of another word.
  const odd = described.includes('//') || /[%\\@+]/.test(described);
  const unmasked = described === path && /link|users|proxy/i.test(path);
  const unknown = /^\/api\/v/i.test(described) && !apiPath.test(described);
  return odd || unmasked || unknown ? unroutable : described;
}
