// Core on whatever ports a test hands in; what it does not hand in is refused, so that nothing happens unseen.

import { createCore } from '../../src/core/index.ts';
import type { AccountingApi, IdentityProvider, Ports } from '../../src/core/ports.ts';
import type { RefreshTokenPolicy } from '../../src/core/refresh-schedule.ts';
import type { Stores } from './memory-stores.ts';

const refuse = () => Promise.reject(new Error('not asked for here'));

export function createFakeCore(
  options: Stores & {
    clock: Ports['clock'];
    refresh?: IdentityProvider['refresh'];
    identityProvider?: IdentityProvider;
    accountingApi?: AccountingApi;
    isOurs?: () => boolean;
    watchRefresh?: Ports['watchRefresh'];
    webhookReceiver?: Ports['webhookReceiver'];
    policy?: RefreshTokenPolicy;
    scopes?: string[];
  },
) {
  const identityProvider: IdentityProvider = options.identityProvider ?? {
    createAuthorizationRequest: refuse,
    exchangeCode: refuse,
    revoke: refuse,
    refresh: options.refresh ?? refuse,
  };
  return createCore(
    {
      ...options,
      identityProvider,
      accountingApi: options.accountingApi ?? { listOrganizations: refuse, proveAccess: refuse },
      forwarding: { send: refuse },
      deployment: { isOurs: async () => options.isOurs?.() ?? true },
      watchRefresh: options.watchRefresh ?? (() => {}),
      watchOnboarding: () => {},
      watchHandOut: () => {},
      webhookReceiver: options.webhookReceiver ?? null,
    },
    {
      scopes: options.scopes ?? ['dineropublicapi:read', 'offline_access'],
      refreshTokenPolicy: options.policy ?? { use: 're-use', lifetimeSeconds: 180 * 86_400, graceSeconds: 0 },
      linkSecrets: ['a secret that signs links in tests, long enough'],
      returnUrlOrigins: [],
    },
  );
}
