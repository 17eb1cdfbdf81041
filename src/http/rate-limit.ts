// How often one address may send forms. Generous: it is there against scripts, not against an office behind one address.

import type { RequestHandler } from 'express';
import { type Options, rateLimit } from 'express-rate-limit';
import { RequestError } from './errors.ts';

const windowSeconds = 60;
const formsPerWindow = 300;
/** A key cannot be guessed; whoever tries has lost theirs, or is up to something. */
const refusedKeysPerWindow = 10;

export function limitForms(): RequestHandler {
  return createLimit({
    limit: formsPerWindow,
    skip: ({ method }) => method === 'GET' || method === 'HEAD',
  });
}

/** For the form that takes an operator's key. Answers with a redirect do not count. */
export function limitRefusedKeys(): RequestHandler {
  return createLimit({ limit: refusedKeysPerWindow, skipSuccessfulRequests: true });
}

function createLimit(options: Partial<Options>): RequestHandler {
  return rateLimit({
    windowMs: windowSeconds * 1000,
    legacyHeaders: false,
    standardHeaders: false,
    // Whose forwarded headers count is `trust proxy`'s business; of all others they mean nothing.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    handler: (_request, _response, next) => next(new RequestError('too_many_requests', windowSeconds)),
    ...options,
  });
}
