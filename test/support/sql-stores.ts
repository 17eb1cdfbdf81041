// The SQL stores on a database of their own, for contract and adapter tests.

import { createApiKeyStore } from '../../src/adapters/api-key-store.ts';
import { createAttemptStore } from '../../src/adapters/attempt-store.ts';
import { createConnectionStore } from '../../src/adapters/connection-store.ts';
import type { Database } from '../../src/adapters/database.ts';
import { createEventStore } from '../../src/adapters/event-store.ts';
import { createIdentityStore } from '../../src/adapters/identity-store.ts';
import { createImportedGrantStore } from '../../src/adapters/imported-grant-store.ts';
import { checkKeys } from '../../src/adapters/key-check.ts';
import { createLinkStore } from '../../src/adapters/link-store.ts';
import { createOnboardingStore } from '../../src/adapters/onboarding-store.ts';
import { createOversightStore } from '../../src/adapters/oversight-store.ts';
import { createRevocationStore } from '../../src/adapters/revocation-store.ts';
import { createVault, type VaultError, type VaultKey } from '../../src/adapters/vault.ts';
import { createWebhookStore } from '../../src/adapters/webhook-store.ts';
import type { EventDraft } from '../../src/core/types.ts';

export const testKey: VaultKey = { id: 'k1', bytes: new Uint8Array(32).fill(7) };

/** With `announce`, what changes is queued for the integrator. */
export function createSqlStores(database: Database, keys: VaultKey[] = [testKey], { announce = false } = {}) {
  const vault = createVault(keys);
  const unreadable: { connectionId: string; reason: VaultError['reason'] }[] = [];
  const dropped: string[] = [];
  const written: { connectionId: string; event: EventDraft }[] = [];
  return {
    attempts: createAttemptStore(database, vault),
    connections: createConnectionStore(
      database,
      vault,
      {
        unreadable: (connectionId, { reason }) => unreadable.push({ connectionId, reason }),
        written: (connectionId, event) => written.push({ connectionId, event }),
      },
      { announce },
    ),
    revocations: createRevocationStore(database, vault, (id) => dropped.push(id)),
    identities: createIdentityStore(database),
    events: createEventStore(database),
    apiKeys: createApiKeyStore(database),
    links: createLinkStore(database),
    webhooks: createWebhookStore(database),
    onboarding: createOnboardingStore(database),
    oversight: createOversightStore(database),
    importedGrants: createImportedGrantStore(database, vault, (connectionId, event) =>
      written.push({ connectionId, event }),
    ),
    unreadable,
    dropped,
    written,
    checkKeys: () => checkKeys(database, vault),
  };
}

const tables = [
  'attempts',
  'connections',
  'revocations',
  'identities',
  'events',
  'imported_grants',
  'api_keys',
  'links',
  'webhooks',
  'onboarding_counts',
];

/** The stores on a database in which nothing is left of the test before. */
export async function emptySqlStores(database: Database, options: { announce?: boolean } = {}) {
  for (const table of tables) await database.run((db) => db(table).delete());
  return createSqlStores(database, [testKey], options);
}
