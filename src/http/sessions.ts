// The browser's session: Lax, renewed after a sign-in, ended after 90 days without use and 180 days at the latest.
// Without `openid` it is all that tells who somebody is, so it lasts as long as Visma Connect's consent does.

import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import session, { type SessionData, type Store } from 'express-session';
import { ConnectError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';

declare module 'express-session' {
  interface SessionData {
    /** Stays the same when the session's id is renewed: attempts of other tabs belong to it. */
    browserId: string;
    userId: string;
    startedAt: string;
    /** The link that bound this browser to its user. */
    linkId: string;
    /** The attempt whose success renewed this session's id. */
    renewedFor: string;
    /** The setup assistant is open to this browser: by which key, and until when. */
    setup: { keyId: string; until: string };
    /** When the browser got its cookie anew; that is done once a day. */
    rolledAt: string;
  }
}

const day = 24 * 3600 * 1000;
const sessionIdleMilliseconds = 90 * day;
const sessionAbsoluteMilliseconds = 180 * day;

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
    // Every answer would write its own request's id, a slow one an id that another tab has renewed since.
    rolling: false,
    cookie: { httpOnly: true, sameSite: 'lax', secure: options.https, path: '/', maxAge: sessionIdleMilliseconds },
  });
  const keepUp: RequestHandler = (request, _response, next) => {
    const { startedAt, rolledAt } = request.session;
    if (startedAt === undefined) return next();
    const now = options.clock.now();
    if (now.getTime() - Date.parse(startedAt) >= sessionAbsoluteMilliseconds) return request.session.regenerate(next);
    if (now.getTime() - Date.parse(rolledAt ?? startedAt) >= day) request.session.rolledAt = now.toISOString();
    next();
  };
  return [sessions, keepUp];
}

/**
 * Before a session begins: a Secure cookie that the browser would never send back is to fail loudly (requirements, C9).
 * Throws misconfigured.
 */
export function refuseLostCookies(request: Request, https: boolean): void {
  if (!https || request.secure) return;
  throw new ConnectError('misconfigured', 'BASE_URL is https, but requests come as http: set TRUST_PROXY');
}

/** Who this browser is; the first time, that is made up and the session begins. */
export async function beginSession(request: Request, now: Date): Promise<{ browserId: string; userId: string }> {
  const { session } = request;
  session.browserId ??= randomUUID();
  session.userId ??= randomUUID();
  session.startedAt ??= now.toISOString();
  await saveSession(request);
  return { browserId: session.browserId, userId: session.userId };
}

/**
 * Gives the session a new id and ends the old one (requirements, C3); it names `userId` from now on. `change` is what
 * else it knows then: the browser stays the same, and the link that it came by.
 */
export async function renewSession(
  request: Request,
  userId: string,
  change: { [Key in keyof SessionData]?: SessionData[Key] | undefined },
  now: Date,
): Promise<void> {
  const { sessionID: oldId, session: old, sessionStore } = request;
  sessionStore.generate(request);
  Object.assign(request.session, {
    browserId: old.browserId,
    linkId: old.linkId,
    setup: old.setup,
    userId,
    startedAt: now.toISOString(),
    ...change,
  });
  try {
    await saveSession(request);
  } catch (error) {
    // The browser keeps the session that it has.
    Object.assign(request, { sessionID: oldId, session: old });
    throw error;
  }
  await new Promise<void>((resolve, reject) => {
    sessionStore.destroy(oldId, (error: unknown) => (error ? reject(error) : resolve()));
  });
}

/** express-session saves after the answer has left; whoever follows it could be faster than the database. */
function saveSession(request: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    request.session.save((error: unknown) => (error ? reject(error) : resolve()));
  });
}
