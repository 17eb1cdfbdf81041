// The token endpoint's raw answer, before and beside what the OAuth library makes of it.

import { ConnectError } from '../core/errors.ts';
import { parseJsonObject } from '../core/json.ts';
import type { RefreshOutcome } from '../core/types.ts';
import { parseRetryAfter } from './outbound.ts';

export type Answer = {
  /** For the library: the same answer without its id_token, which `id-token.ts` verifies in every mode. */
  response: Response;
  status: number;
  /** The RFC 6749, 5.2 error code; null when the body has none that is known. */
  error: string | null;
  idToken: string | null;
  /** The two tokens as they stand in the body, whatever stands beside them; null when they are no usable text. */
  accessToken: string | null;
  refreshToken: string | null;
  retryAfter: string | null;
};

const knownErrors = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'temporarily_unavailable',
  'server_error',
  'slow_down',
];

/** Reads a token endpoint's answer of any shape; never throws on its content. */
export async function readTokenAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const body = parseJsonObject(text);
  const { id_token: idToken, ...rest } = body ?? {};
  const init = { status: response.status, headers: response.headers };
  const bodyless = [204, 205, 304].includes(response.status);
  return {
    response: new Response(bodyless ? null : body ? toText(rest) : text, init),
    status: response.status,
    error: typeof body?.error === 'string' && knownErrors.includes(body.error) ? body.error : null,
    // An id_token of another type is as wrong as a forged one: hand it on, it will not verify.
    idToken: idToken === undefined || idToken === null ? null : toIdToken(idToken),
    accessToken: toToken(body?.access_token),
    refreshToken: toToken(body?.refresh_token),
    retryAfter: response.headers.get('retry-after'),
  };
}

function toIdToken(value: unknown): string {
  return typeof value === 'string' ? value : 'malformed';
}

/** What is nested too deep to be written again is nothing that anybody reads. */
function toText(body: Record<string, unknown>): string {
  try {
    return JSON.stringify(body);
  } catch {
    return '{}';
  }
}

/** RFC 6749, appendix A.12 and A.17: printable ASCII. */
function toToken(value: unknown): string | null {
  return typeof value === 'string' && /^[\x20-\x7e]+$/.test(value) ? value : null;
}

/** What a token request that was answered and ended in an error means. */
export function judgeTokenFailure(answer: Answer, now: Date): ConnectError {
  const { status, error } = answer;
  if (status === 429 || status >= 500 || error === 'temporarily_unavailable' || error === 'slow_down') {
    const retryAfter = parseRetryAfter(answer.retryAfter, now);
    return new ConnectError('provider_unavailable', `token endpoint answered ${status}`, retryAfter);
  }
  if (error === 'invalid_grant') return new ConnectError('grant_rejected', 'token endpoint: invalid_grant');
  if (error !== null || status === 401) {
    return new ConnectError(
      'client_rejected',
      `token endpoint answered ${status} ${error ?? ''}: check VISMA_CLIENT_ID, VISMA_CLIENT_SECRET and VISMA_SCOPES`,
    );
  }
  return new ConnectError('provider_unavailable', `token endpoint gave an unusable answer with status ${status}`);
}

/** What a refresh that brought no usable answer means for the token that was sent. */
export function judgeRefreshFailure(answer: Answer, now: Date): Exclude<RefreshOutcome, { kind: 'refreshed' }> {
  const { status, error } = answer;
  const { code, message, retryAfterSeconds } = judgeTokenFailure(answer, now);
  if (code === 'grant_rejected') return { kind: 'rejected' };
  if (status === 401 || error === 'invalid_client' || error === 'unauthorized_client') {
    return { kind: 'client_rejected', message };
  }
  // A success without tokens may have spent the one that was sent, and so may what broke behind a gateway.
  const spent = status < 300 || (status >= 500 && status !== 503);
  return spent ? { kind: 'unknown', message } : { kind: 'try_later', message, retryAfterSeconds };
}

/** The token was not sent, or surely not spent, and nobody said how long to wait. */
export function tryLater(message: string): RefreshOutcome {
  return { kind: 'try_later', message, retryAfterSeconds: null };
}
