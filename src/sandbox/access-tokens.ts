// The access token as captured from Visma Connect (facts, section 1): its header, its claims, its array of scopes.

import { createHash } from 'node:crypto';
import type { JWTStructured, KoaContextWithOIDC } from 'oidc-provider';
import { orderScopes, splitScope } from './scopes.ts';

/** What was granted and is asked for now: of the code, or of the refresh token and the narrower `scope` beside it. */
export function grantedScopes(ctx: KoaContextWithOIDC): string[] {
  const { AuthorizationCode: code, RefreshToken: refreshToken } = ctx.oidc.entities;
  const asked = ctx.oidc.params?.scope;
  return orderScopes(splitScope(asked ?? code?.scope ?? refreshToken?.scope));
}

export function shapeAccessToken(ctx: KoaContextWithOIDC, token: JWTStructured): void {
  const { iss, iat, exp, aud, client_id, sub, jti } = token.payload;
  const { authTime, sessionUid } = ctx.oidc.entities.AuthorizationCode ?? ctx.oidc.entities.RefreshToken ?? {};
  token.header = { typ: 'at+JWT' };
  token.payload = {
    iss,
    nbf: iat,
    iat,
    exp,
    aud,
    scope: grantedScopes(ctx),
    amr: ['pwd'],
    client_id,
    sub,
    auth_time: authTime,
    idp: 'Visma Connect',
    acr: '1',
    sid: createSessionId(sessionUid ?? ''),
    jti,
  };
}

function createSessionId(sessionUid: string): string {
  return createHash('sha256').update(sessionUid).digest('hex').slice(0, 32).toUpperCase();
}
