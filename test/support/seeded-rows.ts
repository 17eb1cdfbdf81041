// Rows as an app of any age has left them, sealed with the key of the caller's choice.

import { placeOfGrant } from '../../src/adapters/connection-row.ts';
import type { Database } from '../../src/adapters/database.ts';
import { placeOfImportedGrant } from '../../src/adapters/imported-grant-store.ts';
import { placeOfRevocation } from '../../src/adapters/revocation-store.ts';
import type { Vault } from '../../src/adapters/vault.ts';

const longAgo = '2026-11-20T10:00:00.000Z';
const farAway = '2126-11-20T10:00:00.000Z';

/** What a connection of this user holds, by `seedConnection`. */
export const tokensOf = (user: string) => ({ accessToken: `access-of-${user}`, refreshToken: `refresh-of-${user}` });

export async function sealTokens(
  vault: Vault,
  id: string,
  tokens: { accessToken: string; refreshToken: string | null },
) {
  const { accessToken, refreshToken } = tokens;
  return {
    sealed_access_token: await vault.seal(accessToken, placeOfGrant(id, 'access_token')),
    sealed_refresh_token: refreshToken && (await vault.seal(refreshToken, placeOfGrant(id, 'refresh_token'))),
    key_id: vault.sealingKeyId,
  };
}

export async function seedConnection(
  database: Database,
  vault: Vault,
  user: string,
  tokens: { accessToken: string; refreshToken: string | null } = tokensOf(user),
): Promise<string> {
  const id = `connection-of-${user}`;
  const row = {
    id,
    user_id: user,
    status: 'connected',
    scope: 'dineropublicapi:read',
    generation: 7,
    access_expires_at: farAway,
    authorized_at: longAgo,
    ...(await sealTokens(vault, id, tokens)),
  };
  await database.run((db) => db('connections').insert(row));
  return id;
}

/** Due in a hundred years, so that no app revokes it meanwhile. */
export async function seedRevocation(database: Database, vault: Vault, name: string): Promise<string> {
  const id = `revocation-of-${name}`;
  const sealed = await vault.seal(`refresh-of-${name}`, placeOfRevocation(id));
  await database.run((db) =>
    db('revocations').insert({
      id,
      sealed_refresh_token: sealed,
      key_id: vault.sealingKeyId,
      due_at: farAway,
      tries: 0,
    }),
  );
  return id;
}

export async function seedImportedGrant(database: Database, vault: Vault, user: string): Promise<void> {
  const sealed = await vault.seal(`refresh-of-${user}`, placeOfImportedGrant(user));
  await database.run((db) =>
    db('imported_grants').insert({
      user_id: user,
      sealed_refresh_token: sealed,
      key_id: vault.sealingKeyId,
      scope: 'dineropublicapi:read offline_access',
      organization_id: '118244',
      imported_at: longAgo,
    }),
  );
}
