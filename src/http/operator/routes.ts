// The operator's page: how it goes, and one user at a time. It shows nothing secret, changes nothing but by making a
// link, and writes down who did what.

import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Store } from 'express-session';
import type { Config } from '../../config.ts';
import type { Core } from '../../core/index.ts';
import type { MadeLink } from '../../core/links.ts';
import { type OverviewSpan, overviewSpans } from '../../core/overview.ts';
import type { Clock } from '../../core/ports.ts';
import type { Logger } from '../../logger.ts';
import { readForm } from '../bodies.ts';
import { type Csrf, createCsrf } from '../csrf.ts';
import { refuseOtherMethods, refuseUnknownPath } from '../errors.ts';
import { languageOf, setFormToken } from '../locals.ts';
import { type Act, createActLog } from './acts.ts';
import { createGate } from './gate.ts';
import { describeOverview } from './overview-page.ts';
import { describeUser, parseConnectionId, parseEventId, parseSearch } from './users-page.ts';

export type OperatorOptions = {
  config: Pick<Config, 'https' | 'baseUrl' | 'sessionSecrets' | 'refreshTokenPolicy'>;
  clock: Clock;
  logger: Logger;
  sessionStore: Store;
};

type UserRequest = Request<{ connectionId: string }>;
type Shown = { act: Act; link?: MadeLink | null; notice?: string };

const home = '/operator';

/** All that is below `/operator`, from its session to its last page. */
export function createOperator(core: Pick<Core, 'apiKeys' | 'overview' | 'users'>, options: OperatorOptions): Router {
  const { clock, sessionStore, config } = options;
  const { https, baseUrl, sessionSecrets: secrets } = config;
  const log = createActLog(options.logger);
  const gate = createGate(core, { clock, https, secrets, sessionStore, log });
  const csrf: Csrf = createCsrf({ secrets, https });
  const router = Router();

  // How far people got, what ends, what does not work.
  router.get('/', async (request, response) => {
    const span = overviewSpans.find((days) => String(days) === request.query.days) ?? 30;
    await renderOverview(response, span);
  });

  // Somebody reloads or bookmarks the address of a form.
  router.get(['/sign-in', '/sign-out', '/users'], (_request, response) => response.redirect(303, home));

  router.get('/search', async (request, response) => {
    const { text, status, after } = parseSearch(request.query);
    const asked = text !== '' || status !== null;
    const found = asked ? await core.users.search(text, { status, after }) : { page: [], next: null };
    if (asked) log(response, 'search', { found: found.page.length, status });
    const { t } = response.locals;
    response.render('operator-search', {
      title: t('operator.search.heading'),
      current: 'search',
      query: text,
      status,
      asked,
      found,
    });
  });

  router.get('/users/:connectionId', async (request: UserRequest, response) => {
    await renderUser(request, response, { act: 'look_at_user' });
  });

  // The link is shown on this answer alone; whoever reloads it is shown the same one, while nobody has opened it.
  router.post('/users/:connectionId/link', async (request: UserRequest, response) => {
    const connectionId = parseConnectionId(request.params.connectionId);
    const link = connectionId && (await core.users.makeLink(connectionId));
    await renderUser(request, response, { act: 'make_link', link: link || null });
  });

  router.get('/users/:connectionId/link', ({ params }: UserRequest, response) =>
    response.redirect(303, `${home}/users/${encodeURIComponent(params.connectionId)}`),
  );

  async function renderOverview(response: Response, span: OverviewSpan): Promise<void> {
    const overview = await core.overview.read(span);
    const { t } = response.locals;
    response.render('operator', {
      title: t('operator.overview.heading'),
      current: 'overview',
      span,
      spans: overviewSpans,
      use: config.refreshTokenPolicy.use,
      ...describeOverview(overview, { t, language: languageOf(response), draw: await import('./charts.ts') }),
    });
  }

  async function renderUser(request: UserRequest, response: Response, { act, link, notice }: Shown): Promise<void> {
    const connectionId = parseConnectionId(request.params.connectionId);
    const before = parseEventId(request.query.before);
    const found = connectionId && (await core.users.find(connectionId, before));
    const { t } = response.locals;
    if (!found) {
      response.status(404).render('operator-nobody', { title: t('operator.nobody.heading'), current: 'search' });
      return;
    }
    log(response, act, { connectionId });
    response.render('operator-user', {
      title: t('operator.user.heading'),
      current: 'search',
      before,
      notice: notice ?? null,
      ...describeUser(found, t),
      link: link ? { url: `${baseUrl}/link/${link.token}`, expiresAt: link.expiresAt } : null,
    });
  }

  const stale = Router()
    .post('/sign-in', gate.renderAgain)
    .use(gate.guard)
    .post('/users/:connectionId/link', ((request: UserRequest, response) =>
      renderUser(request, response, { act: 'look_at_user', notice: 'notices.stale' })) as RequestHandler<{
      connectionId: string;
    }>);

  const door = Router();
  door.use(setPageNature, gate.sessions, setFormToken(csrf), readForm(), csrf.protect(stale));
  door.use(gate.router, gate.guard, router);
  door.all('/sign-in', refuseOtherMethods('POST'));
  door.all(['/', '/search', '/users/:connectionId'], refuseOtherMethods('GET, HEAD'));
  door.use(refuseUnknownPath());
  return door;
}

/** Pages below lead back here, and no search engine is to know of them. */
const setPageNature: RequestHandler = (_request, response, next) => {
  response.locals.homeHref = home;
  response.setHeader('x-robots-tag', 'noindex, nofollow');
  next();
};
