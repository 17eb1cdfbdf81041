// The authorize URL, piece by piece, as this configuration makes it. Attempts keep no URL, and what is random in one
// (state, nonce, challenge) is nobody's business.

import type { Config } from '../../config.ts';

/** `value` null: made anew for each attempt, and not shown. The explanation is under `setup.pieces.<name>`. */
export type AuthorizePiece = { name: string; value: string | null };

export type AuthorizeConfig = Pick<Config, 'redirectUri'> & { provider: { clientId: string; scopes: string[] } };

const pieces = {
  client_id: ({ provider }) => provider.clientId,
  redirect_uri: ({ redirectUri }) => redirectUri,
  response_type: () => 'code',
  response_mode: () => 'form_post',
  scope: ({ provider }) => provider.scopes.join(' '),
  state: () => null,
  nonce: () => null,
  code_challenge: () => null,
  code_challenge_method: () => 'S256',
  ui_locales: () => 'da-DK / en-GB',
} satisfies Record<string, (config: AuthorizeConfig) => string | null>;

export type PieceName = keyof typeof pieces;

export function listAuthorizePieces(config: AuthorizeConfig): AuthorizePiece[] {
  return Object.entries(pieces).map(([name, valueIn]) => ({ name, value: valueIn(config) }));
}
