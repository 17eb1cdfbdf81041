// The path of a request, from top to bottom.

import { fileURLToPath } from 'node:url';
import express, { type Express, Router } from 'express';
import type { Store } from 'express-session';
import type { Config } from '../config.ts';
import type { Doctor } from '../core/findings.ts';
import type { Core } from '../core/index.ts';
import type { Clock } from '../core/ports.ts';
import type { Logger } from '../logger.ts';
import { createDocsRoutes } from './api/docs.ts';
import { createApi } from './api/router.ts';
import { serveAssets } from './assets.ts';
import { readForm } from './bodies.ts';
import { createCsrf } from './csrf.ts';
import { refuseOddRequests, refuseOtherMethods, refuseUnknownPath, renderErrors } from './errors.ts';
import { setFormToken, setLanguage } from './locals.ts';
import { measureRequests, type RequestMeasure } from './measured-requests.ts';
import { createOperator } from './operator/routes.ts';
import { limitForms } from './rate-limit.ts';
import { logRequests } from './request-log.ts';
import { createCallbackRoute } from './routes/callback.ts';
import { createConnectRoutes } from './routes/connect.ts';
import { createConnectionRoutes } from './routes/connection.ts';
import { createHealthRoutes, type ReadinessCheck } from './routes/health.ts';
import { createLinkRoutes } from './routes/link.ts';
import { createMetricsRoute, type MetricsAccess, type MetricsText } from './routes/metrics.ts';
import { createOrganizationRoutes } from './routes/organizations.ts';
import { createReconnectRoutes } from './routes/reconnect.ts';
import { setApiHeaders, setPageHeaders } from './security-headers.ts';
import type { RequestWatch } from './seen-request.ts';
import { useSessions } from './sessions.ts';
import { createSetup } from './setup/routes.ts';
import type { SetupConfig } from './setup/steps.ts';

export type AppDependencies = {
  core: Core;
  config: SetupConfig & Pick<Config, 'sessionSecrets' | 'trustProxy' | 'brand' | 'apiRateLimit' | 'setup'>;
  clock: Clock;
  logger: Logger;
  sessionStore: Store;
  /** For the operator's page, which has sessions of its own; without it there is none. No other middleware may have it. */
  operatorSessionStore?: Store;
  /** Origins that POST /connect may lead to. */
  formTargets: () => string[];
  readinessChecks: ReadinessCheck[];
  /** Whether this process has been asked to stop. */
  isStopping?: () => boolean;
  /** Examines the deployment for the setup assistant; without one it knows less. */
  doctor?: Doctor;
  /** Notes how page requests come, for the doctor. */
  requestWatch?: RequestWatch;
  /** Numbers for Prometheus; without them there is no such address. */
  metrics?: (MetricsText & MetricsAccess & { request: RequestMeasure }) | null;
};

export function createApp(dependencies: AppDependencies): Express {
  const { core, config, clock, logger, sessionStore, metrics } = dependencies;
  const { https, baseUrl, brand } = config;
  const csrf = createCsrf({ secrets: config.sessionSecrets, https });
  const connect = createConnectRoutes(core, { clock, scopes: config.provider.scopes, https });
  const organizations = createOrganizationRoutes(core, { https });
  const connection = createConnectionRoutes(core, { clock, https });
  const reconnect = createReconnectRoutes(core, { https });
  const link = createLinkRoutes(core, { clock, scopes: config.provider.scopes, https });
  const setup = config.setup && createSetup(core, { config, setup: config.setup, clock, doctor: dependencies.doctor });

  const { operatorSessionStore } = dependencies;
  const operator =
    operatorSessionStore && createOperator(core, { ...dependencies, sessionStore: operatorSessionStore });

  const app = express();
  configure(app, config);

  app.use(logRequests(logger));
  if (metrics) app.use(measureRequests(metrics.request));

  app.use('/api/v1', setApiHeaders({ https }), createApi(core, { baseUrl, apiRateLimit: config.apiRateLimit, logger }));

  if (metrics) app.use('/metrics', setApiHeaders({ https }), createMetricsRoute(metrics, logger));

  app.use(setPageHeaders({ https, formTargets: dependencies.formTargets }));
  app.use(setLanguage({ https, brand, sandbox: config.sandbox !== null }));
  app.use(createHealthRoutes(dependencies.readinessChecks, dependencies.isStopping ?? (() => false)));
  app.use(serveAssets(brand.color));
  app.use(createDocsRoutes(brand));

  if (dependencies.requestWatch) app.use(dependencies.requestWatch.record);
  app.use(limitForms());

  // Before the session: on a cross-site POST it would replace the person's cookie (facts, section 5).
  app.use(createCallbackRoute(core));

  app.use(refuseOddRequests());
  if (operator) app.use('/operator', operator);
  app.use(useSessions({ secrets: config.sessionSecrets, https, store: sessionStore, clock }));
  app.use(setFormToken(csrf));
  if (setup) app.use('/setup/debugger', readForm('40kb'));
  app.use(readForm());
  app.use(
    csrf.protect(
      Router()
        .post('/connect', connect.renderHomeAgain)
        .post('/link/:token', link.renderAgain)
        .post('/organizations', organizations.renderPickerAgain)
        .post('/reconnect/:attemptId', reconnect.renderQuestionAgain)
        .post('/disconnect', connection.renderConfirmationAgain)
        .use(setup?.stale ?? Router()),
    ),
  );

  app.use(link.router);
  app.use(connect.router);
  app.use(organizations.router);
  app.use(connection.router);
  app.use(reconnect.router);
  if (setup) app.use(setup.router);

  app.all(['/', '/connection', '/leaving/:linkId', '/oauth/finish/:attemptId'], refuseOtherMethods('GET, HEAD'));
  app.use(refuseUnknownPath());
  app.use(renderErrors(logger, setup?.references));
  return app;
}

function configure(app: Express, config: Pick<Config, 'trustProxy'>): void {
  app.disable('etag');
  app.disable('x-powered-by');
  app.set('trust proxy', config.trustProxy);
  app.set('query parser', 'simple');
  app.set('views', fileURLToPath(new URL('../../views', import.meta.url)));
  app.set('view engine', 'ejs');
  app.set('view cache', true);
}
