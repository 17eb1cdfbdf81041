// The id of an attempt in an address of ours.

import type { Request } from 'express';
import { z } from 'zod';
import { ConnectError } from '../core/errors.ts';

const attemptId = z.uuid();

/** Throws attempt_unknown for what cannot be one. */
export function readAttemptId(request: Request<{ attemptId: string }>): string {
  const parsed = attemptId.safeParse(request.params.attemptId);
  if (!parsed.success) throw new ConnectError('attempt_unknown', 'no attempt has this id');
  return parsed.data;
}
