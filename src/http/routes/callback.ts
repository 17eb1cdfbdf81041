// Where Visma Connect's form_post arrives: cross-site, without our cookies, before session and forms. It reads and
// sets no cookie, parks what came and sends the browser to a page of ours (design, section 5, step 3).

import { Router } from 'express';
import { z } from 'zod';
import type { Core } from '../../core/index.ts';
import type { AuthorizationResponse } from '../../core/types.ts';
import { parseBody, readForm, text } from '../bodies.ts';
import { RequestError, refuseOtherMethods } from '../errors.ts';

const callbackPath = '/oauth/callback';

/** Each at most once (RFC 6749, 3.1), of the characters that RFC 6749 gives them; all others are ignored. */
const callbackForm = z.object({
  state: text(1000).optional(),
  code: text(4000).optional(),
  iss: text(2000).optional(),
  error: z
    .string()
    .regex(/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,100}$/)
    .optional(),
});

export function createCallbackRoute(core: Pick<Core, 'connecting'>): Router {
  const router = Router();

  router.post(callbackPath, ...readForm(), async (request, response) => {
    refuseOddFields(request.body ?? {});
    const { state, ...rest } = parseBody(callbackForm, request.body);
    const attemptId = state ? await core.connecting.receive(state, toResponse(rest)) : null;
    response.redirect(303, `/oauth/finish/${attemptId ?? 'unknown'}`);
  });

  router.all(callbackPath, refuseOtherMethods('POST'));
  return router;
}

/** A parameter that comes twice, of whatever name, or with a name that some parsers would unfold. */
function refuseOddFields(body: Record<string, unknown>): void {
  const nested = Object.keys(body).some((name) => /^(state|code|iss|error)[[.]/.test(name));
  const doubled = Object.values(body).some((value) => typeof value !== 'string');
  if (nested || doubled) throw new RequestError('bad_request');
}

/** An answer with neither a code nor an error is an error without a name. */
function toResponse(form: { code?: string; iss?: string; error?: string }): AuthorizationResponse {
  if (form.error !== undefined || !form.code) return { kind: 'error', error: form.error ?? '' };
  return { kind: 'code', code: form.code, issuer: form.iss ?? null };
}
