// What a token endpoint gave, as a grant of ours.

import { decodeJwt } from 'jose';
import type { TokenEndpointResponse } from 'openid-client';
import type { RefreshableGrant } from '../core/ports.ts';
import type { Grant } from '../core/types.ts';
import type { Answer } from './token-answer.ts';

const shortLifetimeSeconds = 300;
const longestLifetimeSeconds = 86_400;
/** RFC 6749, 3.3: with anything else in it no database may lose a grant. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** `before` stands in for what an answer may leave out (RFC 6749, 5.1 and 6). */
export function toGrant(
  tokens: TokenEndpointResponse,
  before: Pick<Grant, 'scope' | 'refreshToken'>,
  now: Date,
): Grant {
  return {
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token ?? before.refreshToken,
    scope: tokens.scope === undefined ? before.scope : tokens.scope.split(' ').filter((name) => scopeToken.test(name)),
    expiresAt: inSeconds(now, lifetimeSeconds(tokens.expires_in)),
    obtainedAt: now,
  };
}

/**
 * The tokens of a success that the library refused for another field (facts, section 5): the refresh token may be the
 * only one there is by now. Without an access token the former one stays. Null when there is nothing to keep.
 */
export function keepTokens(answer: Answer, before: RefreshableGrant, now: Date): Grant | null {
  const { status, accessToken, refreshToken } = answer;
  if (status < 200 || status > 299 || (accessToken === null && refreshToken === null)) return null;
  const kept = { ...before, refreshToken: refreshToken ?? before.refreshToken };
  if (accessToken === null) return kept;
  return { ...kept, accessToken, expiresAt: inSeconds(now, shortLifetimeSeconds), obtainedAt: now };
}

/** Who an access token is about, unverified: it is Dinero's to judge, and a hint to us (facts, section 1). */
export function subjectHint(accessToken: string): string | null {
  try {
    const { sub } = decodeJwt(accessToken);
    return typeof sub === 'string' && sub.length <= 255 && !sub.includes('\0') ? sub : null;
  } catch {
    return null;
  }
}

/** An answer without a usable lifetime gets a short one; nothing lives longer than a day (facts, section 1: an hour). */
function lifetimeSeconds(expiresIn: number | undefined): number {
  if (expiresIn === undefined || !Number.isFinite(expiresIn) || expiresIn <= 0) return shortLifetimeSeconds;
  return Math.min(expiresIn, longestLifetimeSeconds);
}

function inSeconds(now: Date, seconds: number): Date {
  return new Date(now.getTime() + seconds * 1000);
}
