// The way back to the integrator whose link brought the person here. It leads over a page of ours: a form that ended
// at another origin would be stopped by the browser (facts, section 4), ours and the provider's alike.

import type { Request, Response } from 'express';
import { saveSession } from './sessions.ts';

/** What is left to do for the user of a link. */
export type LinkStep = 'connect' | 'choose' | 'reconnect' | 'see';
/** What the integrator is told on the way back. */
export type Outcome = 'connected' | 'cancelled' | 'failed';

const leavingPath = '/leaving';

/** The page that leads back; null for a person who came by no link, or by one that leads nowhere. */
export function returnHrefOf(request: Request): string | null {
  // The callback and what goes wrong before it have no session.
  return request.session?.returning === undefined ? null : leavingPath;
}

/** Sends a person who came by a link to the page that leads back, once; false for everybody else. */
export async function leaveForReturn(request: Request, response: Response): Promise<boolean> {
  if (request.session.returning !== 'due') return false;
  request.session.returning = 'done';
  await saveSession(request);
  response.redirect(303, leavingPath);
  return true;
}
