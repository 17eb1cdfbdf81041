// Forms of people and the provider's callback: urlencoded, small, few fields, text that is text (A6, A12, E2, E3).

import express, { type RequestHandler } from 'express';
import { z } from 'zod';
import { hasBody, RequestError } from './errors.ts';

const parameterLimit = 20;

/** Parses an urlencoded body; every other kind of body is refused with 415, a packed one too. Parses none twice. */
export function readForm(limit = '16kb'): RequestHandler[] {
  const refuseOtherTypes: RequestHandler = (request, _response, next) => {
    if (hasBody(request) && !request.is('application/x-www-form-urlencoded'))
      throw new RequestError('unsupported_media_type');
    next();
  };
  return [refuseOtherTypes, express.urlencoded({ extended: false, inflate: false, limit, parameterLimit })];
}

/** A single text without NUL and without broken Unicode. */
export function text(maxLength: number) {
  return z
    .string()
    .max(maxLength)
    .refine((value) => value.isWellFormed() && !/[\0\ufffd]/.test(value));
}

/** The body as `schema` sees it. Throws RequestError bad_request. */
export function parseBody<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
  const parsed = schema.safeParse(body ?? {});
  if (!parsed.success) throw new RequestError('bad_request');
  return parsed.data;
}
