// The API for integrators' backends, from the key to the answer (design, section 6).

import { type RequestHandler, Router } from 'express';
import type { Core } from '../../core/index.ts';
import type { Logger } from '../../logger.ts';
import { refuseOtherMethods, refuseUnknownPath } from '../errors.ts';
import { authenticate, limitKeys, requireScope } from './authentication.ts';
import { createConnectionRouter, listConnections } from './connections.ts';
import { parseInput, readJson, userId } from './input.ts';
import { createLink } from './links.ts';
import { createReconnectDescriber, sendProblems } from './problems.ts';
import { createProxy } from './proxy.ts';

export function createApi(core: Core, options: { baseUrl: string; apiRateLimit: number; logger: Logger }): Router {
  const { baseUrl, logger } = options;
  const api = Router();
  const readUser: RequestHandler<{ userId: string }> = (request, response, next) => {
    response.locals.userId = parseInput(userId, request.params.userId);
    next();
  };
  const connection = '/users/:userId/connections/dinero';

  api.use(authenticate(core.apiKeys));
  api.use(limitKeys(options.apiRateLimit));
  api.use('/users/:userId', readUser);

  // The proxy reads its own bodies: here, before JSON is read.
  api.use(`${connection}/proxy`, createProxy(core));

  api.use(readJson());
  api
    .route('/connections')
    .get(requireScope('connections'), listConnections(core))
    .all(refuseOtherMethods('GET, HEAD'));
  api
    .route('/users/:userId/links')
    .post(requireScope('links'), createLink(core, baseUrl))
    .all(refuseOtherMethods('POST'));
  api.use(connection, createConnectionRouter(core));

  api.use(refuseUnknownPath());
  api.use(sendProblems(logger, createReconnectDescriber(core, baseUrl, logger)));
  return api;
}
