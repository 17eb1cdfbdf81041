// What Visma Connect answers to an authorize request: the six errors that come back to the client, everything else
// stranded on its own error page, and the fields of the form_post, which differ from oidc-provider's.

import { createHash, randomBytes } from 'node:crypto';
import type Provider from 'oidc-provider';
import type { errors, KoaContextWithOIDC } from 'oidc-provider';
import type { ErrorRecords } from './error-records.ts';
import { renderHandOver } from './hand-over-page.ts';
import { noteIssued } from './issued.ts';
import { chooseLanguage } from './languages.ts';
import { PAGE_HEADERS } from './pages.ts';
import { orderScopes, splitScope } from './scopes.ts';
import type { Issued } from './types.ts';

const ERRORS_THAT_COME_BACK = [
  'access_denied',
  'login_required',
  'consent_required',
  'interaction_required',
  'account_selection_required',
  'temporarily_unavailable',
];

type Outcome = { kind: 'accepted' } | { kind: 'refused'; error: errors.OIDCProviderError | Error };
type Fields = Record<string, string>;

export type AuthorizeAnswers = {
  /** Called by oidc-provider for what it would show on a page of its own. */
  strand(ctx: KoaContextWithOIDC, error: errors.OIDCProviderError | Error): void;
  attach(provider: Provider): void;
};

export function createAuthorizeAnswers(errorRecords: ErrorRecords, issued: Issued): AuthorizeAnswers {
  const outcomes = new WeakMap<object, Outcome>();
  const stranded = new WeakMap<object, Error>();

  function answer(ctx: KoaContextWithOIDC) {
    const error = stranded.get(ctx);
    if (error) return showErrorPage(ctx, error);
    const outcome = outcomes.get(ctx);
    if (!outcome) return;
    if (outcome.kind === 'accepted') return handOver(ctx, acceptedFields(ctx, issued));
    const fields = refusedFields(ctx, outcome.error);
    if (ERRORS_THAT_COME_BACK.includes(fields.error ?? '')) return handOver(ctx, fields);
    showErrorPage(ctx, outcome.error);
  }
  function showErrorPage(ctx: KoaContextWithOIDC, error: Error): void {
    const errorId = errorRecords.add(error, { ...ctx.query, ...ctx.oidc.params });
    ctx.status = 302;
    ctx.redirect(`/error?errorId=${errorId}`);
  }

  return {
    strand(ctx, error) {
      stranded.set(ctx, error);
    },
    attach(provider) {
      provider.on('authorization.success', (ctx) => outcomes.set(ctx, { kind: 'accepted' }));
      provider.on('authorization.error', (ctx, error) => outcomes.set(ctx, { kind: 'refused', error }));
      provider.use(async (ctx, next) => {
        await next();
        answer(ctx as KoaContextWithOIDC);
      });
    },
  };
}

function acceptedFields(ctx: KoaContextWithOIDC, issued: Issued): Fields {
  const { AuthorizationCode: code } = ctx.oidc.entities;
  const scopes = orderScopes(splitScope(code?.scope));
  const value = String(code?.jti);
  noteIssued(issued.codes, value);
  return {
    code: value,
    scope: scopes.join(' '),
    ...stateField(ctx),
    iss: ctx.oidc.issuer,
    ...(scopes.includes('openid') ? { session_state: createSessionState(ctx) } : {}),
  };
}

/** No `iss` and no `scope`: Duende leaves both out of an error, RFC 9207 notwithstanding. */
function refusedFields(ctx: KoaContextWithOIDC, error: Error): Fields {
  const description = 'error_description' in error ? error.error_description : undefined;
  return {
    error: error.message,
    ...(typeof description === 'string' ? { error_description: description } : {}),
    ...stateField(ctx),
  };
}

function stateField(ctx: KoaContextWithOIDC): Fields {
  const state = ctx.oidc.params?.state;
  return typeof state === 'string' ? { state } : {};
}

/** OpenID Connect Session Management 1.0, section 2. */
function createSessionState(ctx: KoaContextWithOIDC): string {
  const salt = randomBytes(16).toString('hex').toUpperCase();
  const { origin } = new URL(String(ctx.oidc.params?.redirect_uri));
  const text = [ctx.oidc.client?.clientId, origin, ctx.oidc.session?.uid, salt].join(' ');
  return `${createHash('sha256').update(text).digest('base64url')}.${salt}`;
}

function handOver(ctx: KoaContextWithOIDC, fields: Fields) {
  const redirectUri = String(ctx.oidc.params?.redirect_uri);
  if (ctx.oidc.responseMode !== 'form_post') {
    const target = new URL(redirectUri);
    const answer = new URLSearchParams(fields);
    if (ctx.oidc.responseMode === 'fragment') target.hash = answer.toString();
    else for (const [name, value] of answer) target.searchParams.append(name, value);
    ctx.status = 303;
    return ctx.redirect(target.href);
  }
  ctx.remove('Location');
  ctx.status = 200;
  ctx.type = 'html';
  ctx.set(PAGE_HEADERS);
  ctx.body = renderHandOver(chooseLanguage(ctx.oidc.params?.ui_locales), redirectUri, fields);
}
