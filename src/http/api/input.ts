// What comes in with a request of the API: JSON alone, small, of exactly the known fields (requirements, E2 and E3).

import express, { type RequestHandler } from 'express';
import { z } from 'zod';
import { isUserId } from '../../core/user-ids.ts';
import { hasBody, RequestError } from '../errors.ts';

const bodyLimit = '16kb';

/** Takes a JSON body or none; every other kind of body is refused with 415, a packed one too. */
export function readJson(): RequestHandler[] {
  const refuseOtherTypes: RequestHandler = (request, _response, next) => {
    const odd = hasBody(request) && !request.is('application/json');
    next(odd ? new RequestError('unsupported_media_type') : undefined);
  };
  return [refuseOtherTypes, express.json({ limit: bodyLimit, inflate: false, type: () => true })];
}

/** Broken percent-encoding does not get this far. */
export const userId = z.string().refine(isUserId, { error: 'must have 1 to 255 characters, and no NUL' });

/** `value` as `schema` sees it. Throws RequestError bad_request that names the fields which are wrong. */
export function parseInput<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  throw new RequestError('bad_request', null, problems.join('; ').slice(0, 500));
}
