// From the first page to the way back from Visma Connect (design, section 5, steps 1, 2 and 4).

import { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { isConnectError } from '../../core/errors.ts';
import type { Core } from '../../core/index.ts';
import type { Clock } from '../../core/ports.ts';
import { describeAccess } from '../access.ts';
import { readAttemptId } from '../attempt-id.ts';
import { parseBody } from '../bodies.ts';
import { languageOf } from '../locals.ts';
import { leaveNotice } from '../notices.ts';
import { findReturnHref, leaveForReturn } from '../returning.ts';
import { beginSession, refuseLostCookies, renewSession } from '../sessions.ts';

const startForm = z.object({ prompt: z.literal('login').optional() });

export function createConnectRoutes(
  core: Pick<Core, 'connecting' | 'connections' | 'links' | 'work'>,
  options: { clock: Clock; scopes: string[]; https: boolean },
) {
  const router = Router();
  const wayBack = { core, https: options.https };

  // The person reads what will happen, and presses the button.
  router.get('/', (request, response) => renderHome(request, response, null));

  // The button: this browser leaves for Visma Connect.
  router.post('/connect', async (request, response) => {
    const { prompt } = parseBody(startForm, request.body);
    refuseLostCookies(request, options.https);
    const { authorizationUrl } = await core.connecting.start({
      ...(await beginSession(request, options.clock.now())),
      linkId: request.session.linkId ?? null,
      language: languageOf(response),
      signInAgain: prompt === 'login',
    });
    response.redirect(303, authorizationUrl);
  });

  // Somebody reloads or bookmarks the address of a form.
  router.get('/connect', (_request, response) => response.redirect(303, '/'));

  // Back from Visma Connect, on a page of ours: the cookie of the browser that started is here again.
  router.get('/oauth/finish/:attemptId', (request, response) => core.work.track(finish(request, response)));

  async function finish(request: Request<{ attemptId: string }>, response: Response): Promise<void> {
    const id = readAttemptId(request);
    const { browserId } = request.session;
    if (browserId === undefined && !('continue' in request.query)) return askForOneClick(request, response);
    const result = await finishOrLeave(request, response, id);
    if (result === null) return;
    // A later visit: the connection knows best what is to be done now.
    const repeated = result.isRepeat || request.session.renewedFor === id || result.kind === 'kept';
    if (repeated) return response.redirect(303, result.kind === 'undecided' ? `/reconnect/${id}` : '/connection');
    const linkId = result.linkId ?? undefined;
    await renewSession(request, result.userId, { renewedFor: id, linkId }, options.clock.now());
    if (result.kind === 'undecided') return response.redirect(303, `/reconnect/${id}`);
    if (result.kind === 'authorized') return response.redirect(303, '/organizations');
    if (await leaveForReturn(wayBack, request, response, linkId)) return;
    leaveNotice(response, 'reconnected', options.https);
    response.redirect(303, '/connection');
  }

  /** Null when the person said no and is on the way back to the integrator who sent them. */
  async function finishOrLeave(request: Request, response: Response, id: string) {
    try {
      return await core.connecting.finish(id, request.session.browserId ?? null);
    } catch (error) {
      const linkId = await core.connecting.findLink(id, request.session.browserId ?? null);
      const cancelled = isConnectError(error, 'access_denied');
      if (cancelled && (await leaveForReturn(wayBack, request, response, linkId, 'cancelled'))) return null;
      response.locals.returnHref = await findReturnHref(wayBack, request, linkId);
      throw error;
    }
  }

  async function renderHome(request: Request, response: Response, notice: string | null): Promise<void> {
    const { userId } = request.session;
    const connection = userId === undefined ? null : await core.connections.find(userId);
    const { t, brand } = response.locals;
    response.render('home', {
      title: t('home.heading', { brand: brand.name }),
      access: describeAccess(options.scopes),
      connected: connection?.status === 'connected' || connection?.status === 'needs_reconnect',
      notice,
      noticeKind: 'warning',
      step: 1,
    });
  }

  const renderHomeAgain: RequestHandler = (request, response) => renderHome(request, response, 'notices.stale');

  return { router, renderHomeAgain };
}

/** A browser that held its cookie back on the way here gives it after a click on a page of ours (facts, section 4). */
function askForOneClick(request: Request<{ attemptId: string }>, response: Response): void {
  response.render('finish-continue', {
    title: response.locals.t('finish.heading'),
    continueUrl: `/oauth/finish/${request.params.attemptId}?continue=1`,
    step: 2,
  });
}
