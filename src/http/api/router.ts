// The API for integrators' backends, from the key to the answer (design, section 6).

import { type RequestParamHandler, Router } from 'express';
import type { Core } from '../../core/index.ts';
import type { Logger } from '../../logger.ts';
import { refuseOtherMethods, refuseUnknownPath } from '../errors.ts';
import { authenticate, limitKeys, requireScope } from './authentication.ts';
import { addConnectionRoutes, listConnections } from './connections.ts';
import { parseInput, readJson, userId } from './input.ts';
import { createLink } from './links.ts';
import { createReconnectDescriber, sendProblems } from './problems.ts';
import { createProxy } from './proxy.ts';

export function createApi(core: Core, options: { baseUrl: string; apiRateLimit: number; logger: Logger }): Router {
  const { baseUrl, logger } = options;
  const api = Router();
  api.use(authenticate(core.apiKeys));
  api.use(limitKeys(options.apiRateLimit));

  api.param('userId', readUser);
  const user = '/users/:userId';
  addConnectionRoutes(api, `${user}/connections/dinero`, core);
  api.use(`${user}/connections/dinero/proxy`, createProxy(core));
  api
    .route(`${user}/links`)
    .post(requireScope('links'), ...readJson(), createLink(core, baseUrl))
    .all(refuseOtherMethods('POST'));
  api
    .route('/connections')
    .get(requireScope('connections'), listConnections(core))
    .all(refuseOtherMethods('GET, HEAD'));

  api.use(refuseUnknownPath());
  api.use(sendProblems(logger, createReconnectDescriber(core, baseUrl, logger)));
  return api;
}

const readUser: RequestParamHandler = (_request, response, next, value) => {
  response.locals.userId = parseInput(userId, value);
  next();
};
