// Verifies an id_token (OpenID Connect Core, 3.1.3.7) with jose: signature, too, which openid-client leaves out.

import { type JWTVerifyGetKey, jwtVerify } from 'jose';
import { ConnectError } from '../core/errors.ts';
import type { Identity } from '../core/types.ts';

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const clockToleranceSeconds = 300;

/** Who signed in. Throws id_token_invalid, and provider_unavailable when the keys cannot be fetched. */
export async function verifyIdToken(
  idToken: string,
  keys: JWTVerifyGetKey,
  expected: { issuer: string; clientId: string; nonce: string; now: Date },
): Promise<Identity> {
  const { payload } = await jwtVerify(idToken, keysOrUnavailable(keys), {
    issuer: expected.issuer,
    audience: expected.clientId,
    algorithms,
    requiredClaims: ['exp', 'iat', 'sub', 'nonce'],
    clockTolerance: clockToleranceSeconds,
    currentDate: expected.now,
  }).catch((error: unknown) => {
    if (error instanceof ConnectError) throw error;
    throw new ConnectError('id_token_invalid', 'the id_token failed verification');
  });
  const foreignParty = payload.azp !== undefined && payload.azp !== expected.clientId;
  const unnamedParty = Array.isArray(payload.aud) && payload.aud.length > 1 && payload.azp === undefined;
  const issuedLater = (payload.iat ?? 0) > expected.now.getTime() / 1000 + clockToleranceSeconds;
  if (issuedLater || payload.nonce !== expected.nonce || foreignParty || unnamedParty || !payload.sub) {
    throw new ConnectError('id_token_invalid', 'the id_token is for another sign-in or another client');
  }
  return { issuer: expected.issuer, subject: payload.sub };
}

function keysOrUnavailable(keys: JWTVerifyGetKey): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      const unreachable = !(error instanceof Error && 'code' in error && error.code === 'ERR_JWKS_NO_MATCHING_KEY');
      if (unreachable) throw new ConnectError('provider_unavailable', 'the provider’s keys cannot be fetched');
      throw error;
    }
  };
}
