// The scopes this provider knows and the order in which it names them (the captured order, facts section 1).

export const DINERO_AUDIENCE = 'https://api.dinero.dk';
export const DINERO_SCOPES = ['dineropublicapi:write', 'dineropublicapi:read'];
export const PROTOCOL_SCOPES = ['openid', 'offline_access'];
export const KNOWN_SCOPES = ['openid', ...DINERO_SCOPES, 'offline_access'];

export function splitScope(scope: unknown): string[] {
  return typeof scope === 'string' ? scope.split(' ').filter(Boolean) : [];
}

export function orderScopes(scopes: string[]): string[] {
  return KNOWN_SCOPES.filter((scope) => scopes.includes(scope));
}
