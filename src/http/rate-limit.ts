// How often one address may send forms. Generous: it is there against scripts, not against an office behind one address.

import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { RequestError } from './errors.ts';

const windowSeconds = 60;
const formsPerWindow = 300;

export function limitForms(): RequestHandler {
  return rateLimit({
    windowMs: windowSeconds * 1000,
    limit: formsPerWindow,
    legacyHeaders: false,
    standardHeaders: false,
    // Whose forwarded headers count is `trust proxy`'s business; of all others they mean nothing.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    skip: ({ method }) => method === 'GET' || method === 'HEAD',
    handler: (_request, _response, next) => next(new RequestError('too_many_requests', windowSeconds)),
  });
}
