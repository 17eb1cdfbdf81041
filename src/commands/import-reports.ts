// What the reports of an import say of a row. The user's id is all that they quote.

import type { RowProblem } from '../core/import-checking.ts';
import type { ActivationFailure, ImportCheck } from '../core/importing.ts';

type Report = { line: number; text: string };

const problemTexts: Record<RowProblem, string> = {
  user_id_invalid: 'the user id has to be 1 to 255 characters, without NUL',
  user_id_doubled: 'the user id is in a row before this one',
  refresh_token_invalid: 'the refresh token has to be 20 to 4000 visible ASCII characters',
  refresh_token_doubled: 'the refresh token is in a row before this one',
  scope_invalid: 'the scope has to be names with spaces between, one of them Dinero’s, one of them offline_access',
  organization_id_invalid: 'the organization id has to be 1 to 19 digits',
  connected_already: 'this user has a connection already',
  waiting_otherwise: 'this user waits already, with another token, scope or organization',
};

const failureTexts: Record<ActivationFailure, string> = {
  needs_reconnect: 'the refresh token was refused: this user has to connect again',
  not_connected: 'the connection was ended or renewed meanwhile, and stays as it is',
  organization_unknown: 'the organization is not among the user’s own: another one has to be chosen',
  organization_not_pro: 'the organization has no Dinero Pro: another one has to be chosen',
  dinero_unauthorized: 'Dinero refuses the access token: the organization has to be chosen later',
  dinero_rejected: 'Dinero refuses the organization: it has to be chosen later',
  connected_otherwise: 'has connected or disconnected meanwhile, which stays as it is: the imported token was dropped',
  unreadable: 'the imported token does not open with these TOKEN_KEYS, and was left as it is',
};

/** Its user id is not quoted: with a field too many or too few it may be another field. */
export function describeMisshapen(line: number): Report {
  return { line, text: `line ${line}: another number of fields than the header has` };
}

export function describeRow({ line, userId, problems }: ImportCheck['failed'][number]): Report {
  const user = problems.includes('user_id_invalid') ? '' : `, user ${quote(userId)}`;
  return { line, text: `line ${line}${user}: ${problems.map((problem) => problemTexts[problem]).join('; ')}` };
}

export function describeActivation(userId: string, failure: ActivationFailure): string {
  return `user ${quote(userId)}: ${failureTexts[failure]}`;
}

/** A terminal would act on control characters, and hide or turn others. */
function quote(text: string): string {
  const toEscape = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;
  return `"${text.replace(/["\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, toEscape)}"`;
}
