// What the next page says once. It travels in a cookie of its own: in the session it would make every slow answer
// write the session, and with it the cookie, which another tab may have renewed meanwhile.

import type { Request, Response } from 'express';
import { cookieName } from './sessions.ts';

const notices = ['connected', 'company_changed', 'reconnected', 'kept', 'first_answer'] as const;
export type Notice = (typeof notices)[number];

const lifetimeMilliseconds = 60_000;

export function leaveNotice(response: Response, notice: Notice, https: boolean): void {
  const options = { sameSite: 'lax', secure: https, httpOnly: true, maxAge: lifetimeMilliseconds } as const;
  response.cookie(cookieName('notice', https), notice, options);
}

/** The notice that was left, once; null when there is none. */
export function takeNotice(request: Request, response: Response, https: boolean): Notice | null {
  const name = cookieName('notice', https);
  const notice = notices.find((known) => known === request.cookies[name]) ?? null;
  if (notice) response.clearCookie(name, { sameSite: 'lax', secure: https, httpOnly: true });
  return notice;
}
