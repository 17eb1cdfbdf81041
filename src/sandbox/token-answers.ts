// What Visma Connect's token, revocation and discovery endpoints answer, where it differs from oidc-provider:
// every error is a bare 400, scopes come in their captured order, Dinero's scopes are advertised.

import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { grantedScopes } from './access-tokens.ts';
import { noteIssued } from './issued.ts';
import type { RefreshTokens } from './refresh-tokens.ts';
import { KNOWN_SCOPES } from './scopes.ts';
import type { Issued } from './types.ts';

type Answer = Record<string, unknown>;
const TOKEN_PATHS = ['/connect/token', '/connect/revocation'];

export function attachTokenAnswers(provider: Provider, refreshTokens: RefreshTokens, issued: Issued): void {
  provider.use(async (koa, next) => {
    const ctx = koa as KoaContextWithOIDC;
    if (ctx.path === '/.well-known/openid-configuration') {
      await next();
      Object.assign(ctx.body as Answer, { scopes_supported: KNOWN_SCOPES });
      return;
    }
    if (!TOKEN_PATHS.includes(ctx.path)) return next();
    // Errors are rendered as a page for whoever accepts HTML; a token endpoint has no pages.
    ctx.req.headers.accept = 'application/json';
    await next();
    if (ctx.status >= 400 && ctx.status < 500) refuse(ctx, refreshTokens);
    else if (ctx.status === 200 && ctx.path === '/connect/token') complete(ctx, issued);
  });
}

function refuse(ctx: KoaContextWithOIDC, refreshTokens: RefreshTokens): void {
  const sent = ctx.oidc.params?.refresh_token;
  if (typeof sent === 'string' && ctx.path === '/connect/token') noteReplay(sent, refreshTokens);
  const error = nameError(ctx);
  ctx.remove('WWW-Authenticate');
  if (error === 'unsupported_token_type') {
    ctx.status = 200;
    ctx.body = '';
    return;
  }
  ctx.status = 400;
  ctx.body = { error };
}

function noteReplay(token: string, refreshTokens: RefreshTokens): void {
  if (refreshTokens.isSpent(token) && !refreshTokens.isInGrace(token)) refreshTokens.noteReplay(token);
}

function nameError(ctx: KoaContextWithOIDC): unknown {
  const isForm = ctx.is('application/x-www-form-urlencoded') !== false;
  // oidc-provider calls a request without credentials invalid_request; Duende calls it what it is (RFC 6749, 5.2).
  if (isForm && !ctx.oidc.client) return 'invalid_client';
  return (ctx.body as Answer | undefined)?.error ?? 'invalid_request';
}

function complete(ctx: KoaContextWithOIDC, issued: Issued): void {
  const answer = ctx.body as Answer;
  const { id_token, access_token, expires_in, token_type, refresh_token } = answer;
  ctx.body = {
    id_token,
    access_token,
    expires_in,
    token_type,
    refresh_token,
    scope: grantedScopes(ctx).join(' '),
  };
  noteIssued(issued.accessTokens, access_token);
  noteIssued(issued.refreshTokens, refresh_token);
  noteIssued(issued.idTokens, id_token);
}
