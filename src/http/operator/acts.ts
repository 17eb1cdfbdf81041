// What an operator does is in the log: by which key, and under the reference of its request. Users are named by their
// connection, as in every other line: their own ids, and what is typed to find them, may be personal.

import type { Response } from 'express';
import type { Logger } from '../../logger.ts';

export type Act = 'sign_in' | 'sign_in_refused' | 'sign_out' | 'search' | 'look_at_user' | 'make_link';
export type ActLog = (response: Response, act: Act, fields?: Record<string, string | number | null>) => void;

export function createActLog(logger: Logger): ActLog {
  return ({ locals: { reference, apiKeyId } }, act, fields = {}) => {
    const level = act === 'sign_in_refused' ? 'warn' : 'info';
    logger[level]({ act, apiKeyId, reference, ...fields }, 'operator act');
  };
}
