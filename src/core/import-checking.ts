// What a row of a file of existing tokens has to be like: by itself, and among the others.

import { isUserId } from './user-ids.ts';

export type ImportRow = { line: number; userId: string; refreshToken: string; scope: string; organizationId: string };

export type RowProblem =
  | 'user_id_invalid'
  | 'user_id_doubled'
  | 'refresh_token_invalid'
  | 'refresh_token_doubled'
  | 'scope_invalid'
  | 'organization_id_invalid'
  | 'connected_already'
  | 'waiting_otherwise';

const dineroScope = 'dineropublicapi:';
/** RFC 6749, 3.3. */
const scopeForm = /^[\x21\x23-\x5b\x5d-\x7e]+(?: +[\x21\x23-\x5b\x5d-\x7e]+)*$/;
const longestScope = 1_000;
/** Shorter ones are no tokens: most likely two columns have changed places. */
const refreshTokenForm = /^[\x21-\x7e]{20,4000}$/;
const organizationIdForm = /^\d{1,19}$/;

/** Asked row by row, answers what speaks against each; remembers those before it. */
export function createRowInspection(): (row: ImportRow) => RowProblem[] {
  const userIds = new Set<string>();
  const refreshTokens = new Set<string>();
  return ({ userId, refreshToken, scope, organizationId }) => {
    const problems: RowProblem[] = [];
    if (!isUserId(userId)) problems.push('user_id_invalid');
    else if (userIds.has(userId)) problems.push('user_id_doubled');
    if (!refreshTokenForm.test(refreshToken)) problems.push('refresh_token_invalid');
    else if (refreshTokens.has(refreshToken)) problems.push('refresh_token_doubled');
    if (!isScope(scope)) problems.push('scope_invalid');
    if (!organizationIdForm.test(organizationId)) problems.push('organization_id_invalid');
    userIds.add(userId);
    refreshTokens.add(refreshToken);
    return problems;
  };
}

/** The names in a scope; empty when it is no list of them. */
export function toScopeNames(scope: string): string[] {
  return scope.split(' ').filter((name) => name !== '');
}

/** Without a scope of Dinero's, or without offline_access, there is nothing that could be kept alive. */
function isScope(text: string): boolean {
  if (text.length > longestScope || !scopeForm.test(text)) return false;
  const names = toScopeNames(text);
  return names.includes('offline_access') && names.some((name) => name.startsWith(dineroScope));
}
