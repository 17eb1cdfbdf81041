// For Prometheus: the numbers of this process as text, without session or cookie; with a token for whoever has it alone.

import { createHash } from 'node:crypto';
import { type Request, type RequestHandler, Router } from 'express';
import type { Config } from '../../config.ts';
import { isSameSecret } from '../../core/secrets.ts';
import type { Logger } from '../../logger.ts';
import { sendProblems } from '../api/problems.ts';
import { refuseOtherMethods, refuseUnknownPath } from '../errors.ts';
import { isAtHome } from '../own-host.ts';

export type MetricsText = { contentType: string; render: () => Promise<string> };

export type MetricsAccess = NonNullable<Config['metrics']>;

export function createMetricsRoute(metrics: MetricsText & MetricsAccess, logger: Logger): Router {
  const { token, onlyAtHome } = metrics;
  const router = Router();
  if (token !== null) router.use(requireToken(token));
  if (onlyAtHome) router.use(requireOwnHost);
  router.get('/', async (_request, response) => {
    const text = await metrics.render();
    response.setHeader('content-type', metrics.contentType);
    response.end(text);
  });
  router.all('/', refuseOtherMethods('GET, HEAD'));
  router.use(refuseUnknownPath());
  router.use(sendProblems(logger, async () => ({})));
  return router;
}

function requireToken(token: string): RequestHandler {
  const expected = digest(token);
  return (request, response, next) => {
    if (isSameSecret(digest(bearerOf(request)), expected)) return next();
    response.setHeader('www-authenticate', 'Bearer realm="metrics"');
    response.status(401).type('text').send('METRICS_TOKEN is needed as Bearer token.\n');
  };
}

const requireOwnHost: RequestHandler = (request, response, next) => {
  if (isAtHome(request)) return next();
  response.status(403).type('text').send('Elsewhere than on localhost this needs METRICS_TOKEN, or METRICS=true.\n');
};

/** Empty when there is none. */
function bearerOf({ headers }: Request): string {
  return /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}

/** Of one length, whatever was sent: nothing can be learnt from how long comparing takes. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
