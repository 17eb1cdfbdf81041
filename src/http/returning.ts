// The way back to the integrator whose link brought the person here. It leads over a page of ours: a form that ended
// at another origin would be stopped by the browser (facts, section 4), ours and the provider's alike. Nothing of it is
// in the session: a slow answer would write it, and with it a cookie that another tab may have renewed (decision 14).

import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Core } from '../core/index.ts';
import { cookieName } from './sessions.ts';

/** What is left to do for the user of a link. */
export type LinkStep = 'connect' | 'choose' | 'reconnect' | 'see';
/** What the integrator is told on the way back. */
export type Outcome = 'connected' | 'cancelled' | 'failed';

type WayBack = { core: Pick<Core, 'links'>; https: boolean };

const lifetimeMilliseconds = 400 * 24 * 3600 * 1000;

/** Which browser this is, for links: older than any session, and the same when sessions are renewed. Null without. */
export function readBrowser(request: Request, https: boolean): string | null {
  const id = request.cookies[cookieName('browser', https)];
  return typeof id === 'string' && /^[\da-f-]{36}$/.test(id) ? id : null;
}

/** As `readBrowser`; a browser that is nobody yet becomes somebody. */
export function recognizeBrowser(request: Request, response: Response, https: boolean): string {
  const known = readBrowser(request, https);
  if (known !== null) return known;
  const id = randomUUID();
  const options = { sameSite: 'lax', secure: https, httpOnly: true, maxAge: lifetimeMilliseconds } as const;
  response.cookie(cookieName('browser', https), id, options);
  return id;
}

/** The page that leads back from this link; null when it leads nowhere, or when there is none. */
export async function findReturnHref(
  { core, https }: WayBack,
  request: Request,
  linkId: string | null | undefined,
): Promise<string | null> {
  if (!linkId) return null;
  return (await core.links.findWayBack(linkId, readBrowser(request, https))) && hrefOf(linkId);
}

/** Sends the person of this link to the page that leads back, the first time only; false when there is nothing to do. */
export async function leaveForReturn(
  { core, https }: WayBack,
  request: Request,
  response: Response,
  linkId: string | null | undefined,
  outcome?: 'cancelled',
): Promise<boolean> {
  const href = await findReturnHref({ core, https }, request, linkId);
  if (!linkId || href === null || !(await core.links.markReturned(linkId))) return false;
  response.redirect(303, outcome ? `${href}?outcome=${outcome}` : href);
  return true;
}

function hrefOf(linkId: string): string {
  return `/leaving/${linkId}`;
}
