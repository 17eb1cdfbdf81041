// Who may see the operator's page: whoever has a key for it. The key is asked for once and not kept; a session of its
// own, apart from the one of the person who may use this browser, knows its id. Every request looks whether the key
// still counts.

import { type Request, type RequestHandler, type Response, Router } from 'express';
import session, { type Store } from 'express-session';
import { z } from 'zod';
import type { ApiKeyCheck } from '../../core/api-keys.ts';
import type { Core } from '../../core/index.ts';
import type { Clock } from '../../core/ports.ts';
import { parseBody, text } from '../bodies.ts';
import { limitRefusedKeys } from '../rate-limit.ts';
import { cookieName, refuseLostCookies } from '../sessions.ts';
import type { ActLog } from './acts.ts';

declare module 'express-session' {
  interface SessionData {
    /** An operator has signed in: by which key, when, and when they were last here, to the minute. */
    operator: { keyId: string; signedInAt: string; seenAt: string };
  }
}

export type GateOptions = { clock: Clock; https: boolean; secrets: string[]; sessionStore: Store; log: ActLog };

const absoluteMilliseconds = 8 * 3_600_000;
const idleMilliseconds = 30 * 60_000;
const seenMilliseconds = 60_000;
const command = 'npm run --silent api-key -- create --name operator --scopes operator --expires 30d';
const keyForm = z.object({ key: text(200).default('') });

type Notice = 'operator.key.refused' | 'operator.key.ended' | 'notices.stale';

export function createGate(core: Pick<Core, 'apiKeys'>, options: GateOptions) {
  const { clock, https, log } = options;
  const cookie = cookieName('operator', https);
  // Without an end in the browser: the one that counts is in the session, and it goes when the browser closes.
  const cookieOptions = { httpOnly: true, sameSite: 'strict', secure: https, path: '/' } as const;
  const sessions = session({
    name: cookie,
    secret: options.secrets,
    store: options.sessionStore,
    resave: false,
    saveUninitialized: false,
    rolling: false,
    cookie: cookieOptions,
  });
  const router = Router();

  /** Shows the question for the key in place of every page, until it is answered. */
  const guard: RequestHandler = async (request, response, next) => {
    const { operator } = request.session;
    if (!operator) return renderQuestion(request, response, null);
    const opened = isAlive(operator) && opens(await core.apiKeys.checkAgain(operator.keyId));
    if (!opened) {
      await destroySession(request);
      return renderQuestion(request, response, 'operator.key.ended');
    }
    const now = clock.now();
    if (now.getTime() - Date.parse(operator.seenAt) >= seenMilliseconds) operator.seenAt = now.toISOString();
    response.locals.apiKeyId = operator.keyId;
    response.locals.signedIn = true;
    next();
  };

  router.post('/sign-in', limitRefusedKeys(), async (request, response) => {
    refuseLostCookies(request, https);
    const { key } = parseBody(keyForm, request.body);
    const check = await core.apiKeys.check(key.trim());
    if ('key' in check) response.locals.apiKeyId = check.key.id;
    if (!opens(check)) {
      log(response, 'sign_in_refused', { refusal: 'refusal' in check ? check.refusal : 'scope' });
      return renderQuestion(request, response, 'operator.key.refused');
    }
    await beginSession(request, check.key.id);
    log(response, 'sign_in');
    response.redirect(303, '/operator');
  });

  router.post('/sign-out', guard, async (request, response) => {
    await destroySession(request);
    log(response, 'sign_out');
    response.clearCookie(cookie, cookieOptions);
    response.redirect(303, '/operator');
  });

  function isAlive({ signedInAt, seenAt }: { signedInAt: string; seenAt: string }): boolean {
    const now = clock.now().getTime();
    return now - Date.parse(signedInAt) < absoluteMilliseconds && now - Date.parse(seenAt) < idleMilliseconds;
  }

  /** Always under an id that nobody knew before (requirements, C3). */
  async function beginSession(request: Request, keyId: string): Promise<void> {
    await settle((done) => request.session.regenerate(done));
    const now = clock.now().toISOString();
    request.session.operator = { keyId, signedInAt: now, seenAt: now };
    await settle((done) => request.session.save(done));
  }

  return {
    sessions,
    guard,
    router,
    renderAgain: ((request, response) => renderQuestion(request, response, 'notices.stale')) as RequestHandler,
  };
}

function opens(check: ApiKeyCheck): check is Extract<ApiKeyCheck, { key: unknown }> {
  return 'key' in check && check.key.scopes.includes('operator');
}

function destroySession(request: Request): Promise<void> {
  return settle((done) => request.session.destroy(done));
}

function settle(start: (done: (error: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
}

/** Whoever follows a link from another site comes without the cookie, and has it again with the next click. */
function renderQuestion(request: Request, response: Response, notice: Notice | null): void {
  const cameFromElsewhere = request.method === 'GET' && request.headers['sec-fetch-site'] === 'cross-site';
  response.status(403).render('operator-key', {
    title: response.locals.t('operator.key.heading'),
    command,
    notice,
    continueHref: cameFromElsewhere && notice === null ? request.originalUrl : null,
  });
}
