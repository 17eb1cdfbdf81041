// The question before a connection's access is replaced: another person signed in, or the company is not on this login.

import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { Core } from '../../core/index.ts';
import { readAttemptId } from '../attempt-id.ts';
import { parseBody } from '../bodies.ts';
import { leaveNotice, type Notice } from '../notices.ts';
import { leaveForReturn } from '../returning.ts';

const decisionForm = z.object({ decision: z.enum(['replace', 'keep']) });

type Decision = z.infer<typeof decisionForm>['decision'];
type Result = Awaited<ReturnType<Core['connecting']['decide']>>;
type AttemptRequest = Request<{ attemptId: string }>;

export function createReconnectRoutes(
  core: Pick<Core, 'connecting' | 'connections' | 'links'>,
  options: { https: boolean },
) {
  const router = Router();

  // Which company it is about, what is different, and what the person can do now.
  router.get('/reconnect/:attemptId', (request, response) => renderQuestion(request, response, null));

  router.post('/reconnect/:attemptId', async (request, response) => {
    const { decision } = parseBody(decisionForm, request.body);
    const id = readAttemptId(request);
    const browserId = browserOf(request);
    const before = await core.connecting.describe(id, browserId);
    // Somebody presses the button of an old page: the connection knows best what is to be done now.
    if (before.kind !== 'undecided') {
      if (!follows(before, decision)) leaveNotice(response, 'first_answer', options.https);
      return response.redirect(303, '/connection');
    }
    const result = await core.connecting.decide(id, browserId, decision);
    const notice = follows(result, decision) ? noticeOf(result) : 'first_answer';
    if (result.kind !== 'authorized' && notice !== 'first_answer') {
      const wayBack = { core, https: options.https };
      if (await leaveForReturn(wayBack, request, response, request.session.linkId)) return;
    }
    if (notice) leaveNotice(response, notice, options.https);
    response.redirect(303, result.kind === 'authorized' ? '/organizations' : '/connection');
  });

  async function renderQuestion(request: AttemptRequest, response: Response, notice: string | null): Promise<void> {
    const attemptId = readAttemptId(request);
    const result = await core.connecting.describe(attemptId, browserOf(request));
    const connection = result.kind === 'undecided' ? await core.connections.find(result.userId) : null;
    // Decided, or ended meanwhile: there is nothing left to ask.
    if (result.kind !== 'undecided' || !connection?.organization) return response.redirect(303, '/connection');
    response.render('reconnect', {
      title: response.locals.t(`reconnect.${result.objection}.heading`),
      attemptId,
      objection: result.objection,
      organization: connection.organization,
      stopped: connection.status === 'needs_reconnect',
      notice,
    });
  }

  const renderQuestionAgain = (request: AttemptRequest, response: Response) =>
    renderQuestion(request, response, 'notices.stale');

  return { router, renderQuestionAgain };
}

function browserOf(request: AttemptRequest): string | null {
  return request.session.browserId ?? null;
}

function follows(result: Result, decision: Decision): boolean {
  return (result.kind === 'kept') === (decision === 'keep');
}

function noticeOf({ kind }: Result): Notice | null {
  if (kind === 'kept') return 'kept';
  return kind === 'connected' ? 'reconnected' : null;
}
