// The setup assistant: from no account anywhere to the first real connection, and what went wrong on the way. It shows
// nothing secret, not even in part, and asks others nothing but when it examines.

import { type RequestHandler, type Response, Router } from 'express';
import type { AttemptSummary } from '../../core/attempts.ts';
import type { Check, Doctor, Finding } from '../../core/findings.ts';
import type { Core } from '../../core/index.ts';
import type { Clock } from '../../core/ports.ts';
import { refuseOtherMethods } from '../errors.ts';
import { describeAge } from './ages.ts';
import { listAuthorizePieces } from './authorize-pieces.ts';
import { buttonSnippets, buttonStylesheetPath } from './button-snippets.ts';
import { createDebuggerRoutes, diagnosisValues } from './debugger.ts';
import { createExaminations } from './examinations.ts';
import { createGate } from './gate.ts';
import { createPostmanRoute } from './postman.ts';
import { createReferences } from './references.ts';
import { listSteps, type SetupConfig, usesBuiltInClient } from './steps.ts';
import { ownWords } from './words.ts';

export type SetupOptions = {
  config: SetupConfig;
  setup: 'open' | 'key';
  clock: Clock;
  doctor: Doctor | undefined;
};

/** What keeps people on the provider's own error page. */
const strandingChecks: Check[] = ['client_id', 'scopes', 'redirect_uri', 'registration', 'pkce'];
/** Outcomes that nobody reaches without a registration that is right in every part. */
const successes: AttemptSummary['outcome'][] = ['connected', 'authorized', 'undecided', 'kept'];

/** `router` and `renderAgain` are for createApp; `references` hears of every error page. */
export function createSetup(core: Pick<Core, 'apiKeys' | 'attempts'>, options: SetupOptions) {
  const { config, clock } = options;
  const examinations = createExaminations(options.doctor, clock);
  const references = createReferences(clock);
  const gate = createGate(core, { setup: options.setup, clock, https: config.https });
  const debugging = createDebuggerRoutes(config, references);
  const router = Router();
  router.use(gate.router);
  router.use('/setup', gate.guard);

  // Each step of the portal, what to enter, and whether it is right as far as can be seen from here.
  router.get('/setup', (_request, response) => renderSteps(response, null));

  router.post('/setup/examination', async (_request, response) => {
    await examinations.renew();
    response.redirect(303, '/setup');
  });

  // Somebody reloads or bookmarks the address of a form.
  router.get(['/setup/examination', '/setup/key'], (_request, response) => response.redirect(303, '/setup'));

  // What became of the last sign-ins, and what each of them carried to Visma Connect.
  router.get('/setup/attempts', async (_request, response) => {
    const attempts = await core.attempts.listLatest();
    const { language, t } = response.locals;
    const suspects = suspect(examinations.peek()?.findings ?? []);
    response.render('setup-attempts', {
      title: t('setup.attempts.heading'),
      current: 'attempts',
      attempts: attempts.map((attempt) => ({
        ...attempt,
        age: describeAge(attempt.ageSeconds, language),
        // Nobody gets to sign in while something is wrong that the examination has seen.
        absence: attempt.absence === 'signing_in' && suspects.length > 0 ? 'stranded' : attempt.absence,
        explanation: attempt.code && t(`setup.diagnoses.${ownWords[attempt.code]}.happened`, diagnosisValues(config)),
      })),
      suspects: describe(suspects, response),
      pieces: listAuthorizePieces(config),
      authorizeAddress: `${config.provider.issuer}/connect/authorize`,
    });
  });

  // The button for the integrator's own pages.
  router.get('/setup/button', (_request, response) => {
    response.render('setup-button', {
      title: response.locals.t('setup.button.heading'),
      current: 'button',
      snippets: buttonSnippets,
      stylesheetPath: buttonStylesheetPath,
    });
  });

  router.use(debugging.router);
  router.use(createPostmanRoute(config));
  router.all(['/setup', '/setup/attempts', '/setup/button'], refuseOtherMethods('GET, HEAD'));

  async function renderSteps(response: Response, notice: string | null): Promise<void> {
    const examination = await examinations.last();
    const attempts = await core.attempts.listLatest();
    const connected = attempts.some(({ outcome }) => successes.includes(outcome));
    const steps = listSteps(config, examination?.findings ?? null, connected);
    response.render('setup', {
      title: response.locals.t('setup.heading'),
      current: 'setup',
      notice,
      steps: steps.map((step) => ({ ...step, findings: describe(step.findings, response) })),
      examinedAt: examination?.at ?? null,
      canExamine: options.doctor !== undefined,
      builtIn: usesBuiltInClient(config),
      sandboxOrigin: config.sandbox === null ? null : config.provider.issuer,
      use: config.refreshTokenPolicy.use,
      local: !config.https,
    });
  }

  const stale = Router()
    .post('/setup/key', gate.renderAgain)
    .use('/setup', gate.guard)
    .post('/setup/examination', ((_request, response) => renderSteps(response, 'notices.stale')) as RequestHandler)
    .post('/setup/debugger', debugging.renderAgain);

  return { router, stale, references };
}

function suspect(findings: Finding[]): Finding[] {
  return findings.filter(({ check, mark }) => mark === 'wrong' && strandingChecks.includes(check));
}

/** In the words that the doctor uses everywhere. */
function describe(findings: Finding[], { locals: { t } }: Response) {
  return findings.map(({ mark, code, values }) => ({
    mark,
    text: t(`doctor.${code}.text`, values),
    remedy: mark === 'done' ? null : t(`doctor.${code}.remedy`, values),
  }));
}
