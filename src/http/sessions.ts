// The browser's session: Lax, renewed after a sign-in, ended after 90 days without use and 180 days at the latest.
// Without `openid` it is all that tells who somebody is, so it lasts as long as Visma Connect's consent does.

import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import session, { type Store } from 'express-session';
import type { Clock } from '../core/ports.ts';

declare module 'express-session' {
  interface SessionData {
    /** Stays the same when the session's id is renewed: attempts of other tabs belong to it. */
    browserId: string;
    userId: string;
    startedAt: string;
    /** The attempt whose success renewed this session's id. */
    renewedFor: string;
    /** Locale key of what the next connection page says once. */
    notice: string;
    /** The first choice has just been made: the flow ends on the next connection page. */
    arrived: true;
  }
}

const day = 24 * 3600 * 1000;
export const sessionIdleMilliseconds = 90 * day;
export const sessionAbsoluteMilliseconds = 180 * day;

export function cookieName(name: string, https: boolean): string {
  return https ? `__Host-${name}` : `dinero-connect-${name}`;
}

export function useSessions(options: {
  secrets: string[];
  https: boolean;
  store: Store;
  clock: Clock;
}): RequestHandler[] {
  const sessions = session({
    name: cookieName('session', options.https),
    secret: options.secrets,
    store: options.store,
    resave: false,
    saveUninitialized: false,
    rolling: true,
    cookie: { httpOnly: true, sameSite: 'lax', secure: options.https, path: '/', maxAge: sessionIdleMilliseconds },
  });
  const endOldSessions: RequestHandler = (request, _response, next) => {
    const { startedAt } = request.session;
    const age = startedAt ? options.clock.now().getTime() - Date.parse(startedAt) : 0;
    if (age < sessionAbsoluteMilliseconds) return next();
    request.session.regenerate(next);
  };
  return [sessions, endOldSessions];
}

/** Who this browser is; the first time, that is made up and the session begins. */
export function beginSession(request: Request, now: Date): { browserId: string; userId: string } {
  const { session } = request;
  session.browserId ??= randomUUID();
  session.userId ??= randomUUID();
  session.startedAt ??= now.toISOString();
  return { browserId: session.browserId, userId: session.userId };
}

/** Gives the session a new id and ends the old one (requirements, C3); it names `userId` from now on. */
export async function renewSession(request: Request, userId: string, attemptId: string, now: Date): Promise<void> {
  const { browserId } = request.session;
  await new Promise<void>((resolve, reject) => {
    request.session.regenerate((error: unknown) => (error ? reject(error) : resolve()));
  });
  Object.assign(request.session, { browserId, userId, startedAt: now.toISOString(), renewedFor: attemptId });
}
