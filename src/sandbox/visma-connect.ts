// Visma Connect on one Express router: oidc-provider under Visma's paths, with the pages and answers around it.

import { type NextFunction, type Request, type Response, Router } from 'express';
import type Provider from 'oidc-provider';
import { createAuthorizeAnswers } from './authorize-answers.ts';
import { createErrorPages } from './error-pages.ts';
import { createErrorRecords } from './error-records.ts';
import { createProvider, type ProviderParts } from './provider.ts';
import type { RequestLog } from './request-log.ts';
import { DINERO_AUDIENCE, splitScope } from './scopes.ts';
import { createSigningIn } from './signing-in.ts';
import { attachSigningOut } from './signing-out.ts';
import { attachTokenAnswers } from './token-answers.ts';
import type { Issued } from './types.ts';

export type VismaConnectParts = ProviderParts & { issued: Issued; requestLog: RequestLog };

const PROVIDER_PATHS = /^\/(connect\/|\.well-known\/openid-configuration)/;
/** oidc-provider refuses these without `openid`; Duende looks past them, and our app always sends a nonce. */
const ONLY_WITH_OPENID = ['acr_values', 'claims', 'claims_locales', 'id_token_hint', 'max_age', 'nonce'];

export function createVismaConnect(parts: VismaConnectParts): Router {
  const errorRecords = createErrorRecords();
  const answers = createAuthorizeAnswers(errorRecords, parts.issued);
  const provider = createProvider(parts, (ctx, _out, error) => answers.strand(ctx, error));
  answers.attach(provider);
  attachSigningOut(provider);
  attachTokenAnswers(provider, parts.refreshTokens, parts.issued);
  provider.on('server_error', (_ctx, error) => console.error('sandbox: Visma Connect failed:', error));
  return assemble(parts, provider, errorRecords);
}

function assemble(
  parts: VismaConnectParts,
  provider: Provider,
  errorRecords: ReturnType<typeof createErrorRecords>,
): Router {
  const callProvider = provider.callback();
  const router = Router();
  router.get('/connect/authorize', forgiveAuthorizeRequest);
  router.all('/connect/userinfo', (req, res) => answerUserinfo(parts, req, res));
  router.use((req: Request, res: Response, next: NextFunction) => {
    if (!PROVIDER_PATHS.test(req.path)) return next();
    parts.requestLog.listen(req);
    void callProvider(req, res);
  });
  router.use(createSigningIn({ ...parts, provider, errorRecords }));
  router.use(createErrorPages(errorRecords, parts.applications));
  return router;
}

function forgiveAuthorizeRequest(req: Request, _res: Response, next: NextFunction): void {
  const url = new URL(req.url, 'http://sandbox.invalid');
  const { searchParams } = url;
  searchParams.delete('resource');
  if (!splitScope(searchParams.get('scope')).includes('openid')) {
    for (const name of ONLY_WITH_OPENID) searchParams.delete(name);
  }
  if (searchParams.get('prompt') === 'select_account') searchParams.set('prompt', 'login');
  req.url = url.pathname + url.search;
  next();
}

/** Of our own, because oidc-provider takes only opaque access tokens here and Visma's are JWTs. */
async function answerUserinfo({ keys, origin }: VismaConnectParts, req: Request, res: Response): Promise<void> {
  const token = req.get('authorization')?.match(/^Bearer (.+)$/i)?.[1];
  try {
    const claims = await keys.verify(token ?? '', { issuer: origin, audience: DINERO_AUDIENCE });
    if (!Array.isArray(claims.scope) || !claims.scope.includes('openid')) {
      res.status(403).json({ error: 'insufficient_scope' });
      return;
    }
    res.json({ sub: claims.sub });
  } catch {
    res.status(401).set('WWW-Authenticate', 'Bearer error="invalid_token"').end();
  }
}
