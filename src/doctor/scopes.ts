// The scopes that are asked for (facts, sections 1 and 3).

import type { Finding } from '../core/findings.ts';
import { findingsOf } from './finding.ts';

const { done, wrong, unexamined } = findingsOf('scopes');

const readScope = 'dineropublicapi:read';
const offlineScope = 'offline_access';
const knownScopes = [readScope, 'dineropublicapi:write', offlineScope, 'openid'];

/** `scopes` as they were given, or null when they cannot be read. */
export function checkScopes(scopes: string[] | null): Finding[] {
  if (scopes === null) return [unexamined('needs_configuration')];
  const distinct = [...new Set(scopes)];
  const internal = distinct.filter((scope) => /internal/i.test(scope));
  const foreign = distinct.filter((scope) => !knownScopes.includes(scope) && !internal.includes(scope));
  const wrongs = [
    ...internal.map((scope) => wrong('scopes_internal', { scope })),
    ...foreign.map((scope) => wrong('scopes_unknown', { scope, known: knownScopes.join(' ') })),
    ...(distinct.includes(offlineScope) ? [] : [wrong('scopes_offline_missing')]),
    ...(distinct.includes(readScope) ? [] : [wrong('scopes_read_missing')]),
  ];
  const doubled = distinct.filter((scope) => scopes.indexOf(scope) !== scopes.lastIndexOf(scope));
  return [
    ...wrongs,
    ...(wrongs.length > 0 ? [] : [done('scopes_done', { scopes: distinct.join(' ') })]),
    ...doubled.map((scope) => done('scopes_doubled', { scope })),
    ...(distinct.includes('openid') ? [done('scopes_openid')] : []),
  ];
}
