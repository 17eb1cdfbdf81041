// The two pages between an authorize request and its answer: who are you, and do you agree.

import { type NextFunction, type Request, type Response, Router, urlencoded } from 'express';
import type Provider from 'oidc-provider';
import type { Applications } from './applications.ts';
import type { ErrorRecords } from './error-records.ts';
import { findPerson, findPersonBySub } from './people.ts';
import type { RefreshTokens } from './refresh-tokens.ts';
import type { ScenarioSwitch } from './scenario-switch.ts';
import { DINERO_AUDIENCE, DINERO_SCOPES, PROTOCOL_SCOPES, splitScope } from './scopes.ts';
import { renderConsent, renderSignIn } from './signing-in-pages.ts';

const DECLINED = { error: 'access_denied', error_description: 'The user declined' };

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;
export type SigningInParts = {
  provider: Provider;
  refreshTokens: RefreshTokens;
  errorRecords: ErrorRecords;
  applications: Applications;
  scenarios: ScenarioSwitch;
};

export function createSigningIn(parts: SigningInParts): Router {
  const { provider, refreshTokens, errorRecords, applications, scenarios } = parts;
  const router = Router();
  router.use(urlencoded({ extended: false }));

  router.get('/interaction/:uid', async (req: Request, res: Response) => {
    const interaction = await provider.interactionDetails(req, res);
    if (scenarios.is('cancel')) return res.redirect(303, await provider.interactionResult(req, res, DECLINED));
    const isSigningIn = interaction.prompt.name === 'login';
    const client = applications.rulesOf(interaction.params.client_id)?.name ?? '';
    const preselected = scenarios.person();
    res.send(
      isSigningIn
        ? renderSignIn(interaction, preselected)
        : renderConsent(interaction, { person: personOf(interaction), client }),
    );
  });

  router.post('/interaction/:uid/sign-in', async (req: Request, res: Response) => {
    const interaction = await provider.interactionDetails(req, res);
    const person = findPerson(req.body?.person);
    if (!person) return res.redirect(303, `/interaction/${interaction.uid}`);
    const login = { accountId: person.sub, amr: ['pwd'], acr: '1' };
    const returnTo = await provider.interactionResult(req, res, { login });
    await forgetOtherPerson(provider, interaction, person.sub);
    res.redirect(303, returnTo);
  });

  router.post('/interaction/:uid/consent', async (req: Request, res: Response) => {
    const interaction = await provider.interactionDetails(req, res);
    const accepted = req.body?.decision === 'accept' && interaction.prompt.name === 'consent';
    const terms = applications.rulesOf(interaction.params.client_id)?.refreshTerms ?? null;
    const result = accepted
      ? { consent: { grantId: await createGrant(provider, interaction, (id) => refreshTokens.agree(id, terms)) } }
      : DECLINED;
    res.redirect(303, await provider.interactionResult(req, res, result));
  });

  router.use('/interaction', (error: Error, req: Request, res: Response, next: NextFunction) => {
    if (!('expose' in error) || error.expose !== true) return next(error);
    res.redirect(303, `/error?errorId=${errorRecords.add(error, req.query)}`);
  });
  return router;
}

function personOf(interaction: Interaction): string {
  return findPersonBySub(interaction.session?.accountId)?.name ?? '';
}

/** Otherwise oidc-provider inserts a sign-out page of its own when another person signs in (its resume action). */
async function forgetOtherPerson(provider: Provider, interaction: Interaction, sub: string): Promise<void> {
  if (!interaction.session?.uid || interaction.session.accountId === sub) return;
  const session = await provider.Session.findByUid(interaction.session.uid);
  if (!session) return;
  Object.assign(session, { accountId: undefined, loginTs: undefined, authorizations: undefined });
  await session.persist();
}

async function createGrant(provider: Provider, at: Interaction, agree: (grantId: string) => void): Promise<string> {
  const scopes = splitScope(at.params.scope);
  const grant = new provider.Grant({
    accountId: String(at.session?.accountId),
    clientId: String(at.params.client_id),
  });
  const ofProtocol = scopes.filter((scope) => PROTOCOL_SCOPES.includes(scope));
  const ofDinero = scopes.filter((scope) => DINERO_SCOPES.includes(scope));
  if (ofProtocol.length > 0) grant.addOIDCScope(ofProtocol.join(' '));
  if (ofDinero.length > 0) grant.addResourceScope(DINERO_AUDIENCE, ofDinero.join(' '));
  const grantId = await grant.save();
  agree(grantId);
  return grantId;
}
