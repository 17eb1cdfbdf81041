// A link of the integrator, and the way back to it. Looking at a link changes nothing, for mail programs look at links
// too; the button binds this browser to the link's user (decision 14).

import { type Request, type Response, Router } from 'express';
import type { ConnectionSummary } from '../../core/connections.ts';
import type { Core } from '../../core/index.ts';
import type { Link } from '../../core/integrator-types.ts';
import type { Clock } from '../../core/ports.ts';
import { describeAccess } from '../access.ts';
import { RequestError } from '../errors.ts';
import { languageOf } from '../locals.ts';
import { type LinkStep, type Outcome, readBrowser, recognizeBrowser } from '../returning.ts';
import { refuseLostCookies, renewSession } from '../sessions.ts';

const outcomeField = 'connection';

type LinkRequest = Request<{ token: string }>;

export function createLinkRoutes(
  core: Pick<Core, 'links' | 'connecting' | 'connections'>,
  options: { clock: Clock; scopes: string[]; https: boolean },
) {
  const router = Router();
  const { https } = options;

  // Who asks, for what, and where it leads.
  router.get('/link/:token', async (request, response) => {
    const link = await find(request, response);
    if (link.language !== null && link.language !== languageOf(response) && !('lang' in request.query)) {
      return response.redirect(303, `${request.path}?lang=${link.language}`);
    }
    await renderLink(link, request, response, null);
  });

  // The button: from now on this browser acts for the link's user.
  router.post('/link/:token', async (request, response) => {
    refuseLostCookies(request, https);
    const browser = readBrowser(request, https);
    if (browser === null) throw new RequestError('form_expired');
    const { id: linkId, userId } = await core.links.open(request.params.token, browser);
    const browserId = request.session.browserId ?? browser;
    await renewSession(request, userId, { browserId, linkId }, options.clock.now());
    const step = nextStep(await core.connections.find(userId));
    if (step === 'see') return response.redirect(303, '/connection');
    if (step === 'choose') return response.redirect(303, '/organizations');
    const { authorizationUrl } = await core.connecting.start({
      browserId,
      userId,
      linkId,
      language: languageOf(response),
      signInAgain: false,
    });
    response.redirect(303, authorizationUrl);
  });

  // The last page: the browser goes on by itself, and a person who is faster has a button.
  router.get('/leaving/:linkId', async (request, response) => {
    const way = await core.links.findWayBack(request.params.linkId, readBrowser(request, https));
    if (way === null) return response.redirect(303, '/connection');
    const connection = await core.connections.find(way.userId);
    const outcome = outcomeOf(request.query.outcome === 'cancelled', connection);
    response.render('leaving', {
      title: response.locals.t(`leaving.${outcome}.heading`),
      step: outcome === 'connected' ? 4 : null,
      outcome,
      returnUrl: addOutcome(way.returnUrl, outcome),
      organization: outcome === 'connected' ? (connection?.organization ?? null) : null,
    });
  });

  function find(request: LinkRequest, response: Response): Promise<Link> {
    return core.links.find(request.params.token, recognizeBrowser(request, response, https));
  }

  async function renderLink(link: Link, request: LinkRequest, response: Response, notice: string | null) {
    const step = nextStep(await core.connections.find(link.userId));
    const { t, brand } = response.locals;
    response.render('link', {
      title: t(`link.${step}.heading`, { brand: brand.name }),
      linkStep: step,
      action: request.path,
      access: describeAccess(options.scopes),
      returnHost: link.returnUrl === null ? null : new URL(link.returnUrl).host,
      opened: link.browserId !== null,
      // The button acts for the link's user, whoever this browser acted for before.
      userMark: '',
      notice,
      step: step === 'connect' ? 1 : null,
      asking: step === 'connect' || step === 'reconnect',
    });
  }

  async function renderAgain(request: LinkRequest, response: Response): Promise<void> {
    await renderLink(await find(request, response), request, response, 'notices.stale');
  }

  return { router, renderAgain };
}

function nextStep(connection: ConnectionSummary | null): LinkStep {
  if (connection?.status === 'connected') return 'see';
  if (connection?.status === 'pending') return 'choose';
  return connection?.status === 'needs_reconnect' ? 'reconnect' : 'connect';
}

function outcomeOf(cancelled: boolean, connection: ConnectionSummary | null): Outcome {
  if (cancelled) return 'cancelled';
  return connection?.status === 'connected' ? 'connected' : 'failed';
}

/** The query stays as it was written, to the letter: it may be signed. */
function addOutcome(returnUrl: string, outcome: Outcome): string {
  const url = new URL(returnUrl);
  if (url.searchParams.has(outcomeField)) url.searchParams.set(outcomeField, outcome);
  else url.search += `${url.search === '' ? '?' : '&'}${outcomeField}=${outcome}`;
  return url.href;
}
