// What can go wrong at the token endpoint, ready to be picked.

import {
  ANSWER_THEN_RESET,
  type FaultGroup,
  group,
  ODD_ANSWERS,
  OUT_OF_ORDER,
  type Sketch,
  SLOW,
  tooManyRequests,
} from './fault-groups.ts';

export const INVALID_CLIENT = refusal('invalid_client', '400 invalid_client: the client is refused');

const TRY_LATER = '{"error":"temporarily_unavailable"}';

export const TOKEN_FAULTS: FaultGroup[] = [
  group(
    'token',
    'Token endpoint out of order',
    'Say that Visma Connect is not answering and let the person try again; keep the connection and its tokens.',
    [SLOW, ...OUT_OF_ORDER, ...ODD_ANSWERS],
  ),
  group(
    'token',
    'Token endpoint, answer lost',
    'The one-time token is spent: send it again at once within its grace period, else once later, then ask for a reconnect.',
    [
      ['cut', 'Processed, but cut in the middle of the answer', { kind: 'cut' }],
      ANSWER_THEN_RESET,
      ['late', 'Processed, but the answer comes after 30 seconds', { kind: 'slow', ms: 30_000 }],
      ['drip', 'Processed, but the answer comes a byte a second', { kind: 'drip' }],
    ],
  ),
  group(
    'token',
    'Token endpoint refuses',
    'After invalid_grant ask the person to reconnect; after the others keep the connection and tell the operator.',
    [
      refusal('invalid_grant', '400 invalid_grant: the code or refresh token is refused'),
      INVALID_CLIENT,
      refusal('unauthorized_client', '400 unauthorized_client: the client may not do this'),
    ],
  ),
  group(
    'token',
    'Token endpoint, too many requests',
    'Keep the connection and wait: for as long as Retry-After says if that is sensible, else for a while of your own.',
    [
      ...tooManyRequests('Too many requests'),
      [
        '429-json',
        '429, Retry-After: 30, with a JSON error',
        { kind: 'status', status: 429, body: TRY_LATER, headers: { 'Retry-After': '30' } },
      ],
    ],
  ),
  group(
    'token',
    'Token endpoint, one odd field',
    'Keep the new refresh token whatever else is odd, because the old one may be spent; make do, or ask for a reconnect.',
    [
      odd('expires_in', 'text', 'expires_in is the text "soon"', 'soon'),
      odd('expires_in', 'negative', 'expires_in is -3600', -3600),
      odd('expires_in', 'absurd', 'expires_in is 1e300', 1e300),
      odd('expires_in', 'missing', 'expires_in is missing', undefined),
      odd('token_type', 'missing', 'token_type is missing', undefined),
      odd('token_type', 'unknown', 'token_type is "mac"', 'mac'),
      odd('scope', 'list', 'scope is a list', ['dineropublicapi:read', 'dineropublicapi:write', 'offline_access']),
      odd('scope', 'number', 'scope is the number 7', 7),
      odd('id_token', 'malformed', 'id_token is no JWT', 'not.a-jwt'),
      odd('access_token', 'missing', 'access_token is missing', undefined),
      odd('access_token', 'number', 'access_token is the number 42', 42),
      odd('refresh_token', 'missing', 'refresh_token is missing', undefined),
    ],
  ),
];

function odd(field: string, how: string, label: string, value: unknown): Sketch {
  return [`${field}-${how}`, label, { kind: 'odd', field, value }];
}

function refusal(error: string, label: string): Sketch {
  return [error, label, { kind: 'status', status: 400, body: JSON.stringify({ error }) }];
}
