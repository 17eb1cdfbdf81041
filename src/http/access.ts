// Scopes in people's words: what the integrator may do.

export type Access = 'read' | 'write' | 'offline';

const accessOfScope: Record<string, Access> = {
  'dineropublicapi:read': 'read',
  'dineropublicapi:write': 'write',
  offline_access: 'offline',
};

/** In the order in which people are told; scopes that mean nothing to them (`openid`) are left out. */
export function describeAccess(scope: string[]): Access[] {
  return Object.entries(accessOfScope)
    .filter(([name]) => scope.includes(name))
    .map(([, access]) => access);
}
