// Who calls the API: a key in the Authorization header (RFC 6750, 2.1), its scopes, and how much it may ask.

import type { Request, RequestHandler, Response } from 'express';
import { MemoryStore, type Options } from 'express-rate-limit';
import type { Core } from '../../core/index.ts';
import type { ApiScope } from '../../core/integrator-types.ts';
import { RequestError } from '../errors.ts';
import { KeyError } from './problems.ts';

const windowSeconds = 60;
/** One address that keeps trying keys is guessing, or has lost its own: either way it can wait. */
const refusalsPerWindow = 60;

/** Sets `apiKeyId` and `apiScopes` of a key that is taken; refuses every other request. */
export function authenticate(apiKeys: Core['apiKeys']): RequestHandler {
  const limitRefusals = createLimit(refusalsPerWindow, (request) => request.ip ?? '');
  return async (request, response, next) => {
    const [scheme = '', text = ''] = request.headers.authorization?.split(' ') ?? [];
    const check = scheme.toLowerCase() === 'bearer' && text !== '' ? await apiKeys.check(text) : null;
    if (check && 'key' in check) {
      response.locals.apiKeyId = check.key.id;
      response.locals.apiScopes = check.key.scopes;
      return next();
    }
    const refusal = new KeyError(check ? `api_key_${check.refusal}` : 'api_key_missing');
    await limitRefusals(request, response, (error?: unknown) => next(error ?? refusal));
  };
}

/** So many requests in a minute for each key. */
export function limitKeys(requestsPerMinute: number): RequestHandler {
  return createLimit(requestsPerMinute, (_request, response) => response.locals.apiKeyId);
}

export function requireScope(scope: ApiScope): RequestHandler {
  return (_request, response, next) => {
    const scopes: ApiScope[] = response.locals.apiScopes;
    next(scopes.includes(scope) ? undefined : new KeyError('scope_insufficient', scope));
  };
}

/** The library's count of requests by key; its own middleware costs several times that, for choices that are not made here. */
function createLimit(limit: number, keyOf: (request: Request, response: Response) => string): RequestHandler {
  const counts = new MemoryStore();
  counts.init({ windowMs: windowSeconds * 1000 } as Options);
  return async (request, response, next) => {
    const { totalHits } = await counts.increment(keyOf(request, response));
    next(totalHits > limit ? new RequestError('too_many_requests', windowSeconds) : undefined);
  };
}
