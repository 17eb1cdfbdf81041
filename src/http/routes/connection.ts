// The connection as its person sees it, and its end (design, section 5, step 7).

import { type RequestHandler, type Response, Router } from 'express';
import type { ConnectionSummary } from '../../core/connections.ts';
import type { Core } from '../../core/index.ts';
import type { Clock } from '../../core/ports.ts';
import { describeAccess } from '../access.ts';
import { type Notice, takeNotice } from '../notices.ts';
import { findReturnHref } from '../returning.ts';
import { describeEvent, describeReason } from '../timeline.ts';

const dayMilliseconds = 24 * 3600 * 1000;
const noticeKinds: Record<Notice, 'success' | 'info'> = {
  connected: 'success',
  company_changed: 'success',
  reconnected: 'success',
  kept: 'info',
  first_answer: 'info',
};

export function createConnectionRoutes(
  core: Pick<Core, 'connections' | 'disconnecting' | 'links'>,
  options: { clock: Clock; https: boolean },
) {
  const router = Router();

  // Which company, since when, with what access, until when.
  router.get('/connection', async (request, response) => {
    const connection = await find(request.session.userId);
    if (!connection) return response.redirect(303, '/');
    if (connection.status === 'disconnected') return renderDisconnected(response);
    if (connection.status === 'pending') return response.redirect(303, '/organizations');
    const notice = takeNotice(request, response, options.https);
    const wayBack = { core, https: options.https };
    response.locals.returnHref = await findReturnHref(wayBack, request, request.session.linkId);
    renderConnection(response, connection, notice, options.clock.now());
  });

  // Asks once, and says what exactly will happen.
  router.get('/disconnect', (request, response) => renderConfirmation(request.session.userId, response, null));

  router.post('/disconnect', async (request, response) => {
    if (request.session.userId !== undefined) await core.disconnecting.disconnect(request.session.userId);
    response.redirect(303, '/connection');
  });

  const find = async (userId: string | undefined) => (userId === undefined ? null : core.connections.find(userId));

  async function renderConfirmation(userId: string | undefined, response: Response, notice: string | null) {
    const connection = await find(userId);
    if (!connection || connection.status === 'disconnected') return response.redirect(303, '/connection');
    response.render('disconnect', {
      title: response.locals.t('disconnect.heading'),
      organizationName: connection.organization?.name ?? null,
      notice,
    });
  }

  const renderConfirmationAgain: RequestHandler = (request, response) =>
    renderConfirmation(request.session.userId, response, 'notices.stale');

  return { router, renderConfirmationAgain };
}

function renderDisconnected(response: Response): void {
  response.render('disconnected', { title: response.locals.t('disconnected.heading') });
}

function renderConnection(response: Response, connection: ConnectionSummary, notice: Notice | null, now: Date): void {
  const arrived = notice === 'connected';
  const { t } = response.locals;
  response.render('connection', {
    title: t(`connection.heading_${connection.status}`),
    step: arrived ? 4 : null,
    connection: {
      status: connection.status,
      organization: connection.organization,
      connectedAt: connection.connectedAt,
      access: describeAccess(connection.scope),
      missingAccess: describeAccess(connection.missingScope),
      accessExpiresAt: connection.accessExpiresAt,
      accessIsOver: connection.accessExpiresAt !== null && connection.accessExpiresAt <= now,
      refreshExpiresAt: connection.refreshExpiresAt,
      reason: describeReason(connection.reason, t),
      refreshDelayed: connection.refreshDelayed,
      daysLeft: countDaysLeft(connection, now),
    },
    events: connection.events.map((event) => describeEvent(event, t)),
    notice: notice === null || arrived ? null : `notices.${notice}`,
    noticeKind: notice === null ? null : noticeKinds[notice],
  });
}

/** Days that are left of a connection whose person has been warned, the last one begun; null without a warning. */
function countDaysLeft({ status, warnedDays, refreshExpiresAt }: ConnectionSummary, now: Date): number | null {
  if (status !== 'connected' || warnedDays === null || refreshExpiresAt === null) return null;
  return Math.max(0, Math.ceil((refreshExpiresAt.getTime() - now.getTime()) / dayMilliseconds));
}
