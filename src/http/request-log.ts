// One line per request: what, how it ended, how long it took. Paths without their query, no bodies, no cookies.

import type { RequestHandler } from 'express';
import type { Logger } from '../logger.ts';

const quietPaths = ['/healthz', '/readyz'];

export function logRequests(logger: Logger): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    // Routers shorten `request.path` while they run.
    const { method, path } = request;
    response.on('close', () => {
      if (quietPaths.includes(path)) return;
      const milliseconds = Math.round(performance.now() - started);
      const { reference } = response.locals;
      const aborted = response.writableFinished ? undefined : true;
      logger.info({ method, path, status: response.statusCode, milliseconds, reference, aborted }, 'request');
    });
    next();
  };
}
