// Makes a link for one of the integrator's users.

import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { Core } from '../../core/index.ts';
import { longestLinkSeconds, usualLinkSeconds } from '../../core/links.ts';
import { text } from '../bodies.ts';
import { languages } from '../locals.ts';
import { parseInput } from './input.ts';

const shortestLinkSeconds = 60;

const linkRequest = z.strictObject({
  returnUrl: text(2_000).min(1).optional(),
  language: z.enum(languages).optional(),
  expiresInSeconds: z.number().int().min(shortestLinkSeconds).max(longestLinkSeconds).default(usualLinkSeconds),
});

export function createLink(core: Pick<Core, 'links'>, baseUrl: string): RequestHandler {
  return async (request, response) => {
    const { returnUrl = null, language = null, expiresInSeconds } = parseInput(linkRequest, request.body);
    const { userId } = response.locals;
    const { token, expiresAt } = await core.links.create({ userId, returnUrl, language, expiresInSeconds });
    response.status(201).json({ url: `${baseUrl}/link/${token}`, expiresAt });
  };
}
