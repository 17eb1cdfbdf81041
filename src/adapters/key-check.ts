// At the start: do the keys that we were given open what is stored? A missing key must be found before anything is
// overwritten; one damaged value must not stop everybody else (requirements, B2 and B4).

import { ConnectError } from '../core/errors.ts';
import { placeOfGrant } from './connection-row.ts';
import type { Database } from './database.ts';
import { placeOfRevocation } from './revocation-store.ts';
import { type SealedPlace, type Vault, VaultError } from './vault.ts';

const samplesPerKey = 5;

const sealedColumns: { table: string; column: string; placeOf: (id: string) => SealedPlace }[] = [
  { table: 'connections', column: 'sealed_access_token', placeOf: (id) => placeOfGrant(id, 'access_token') },
  { table: 'revocations', column: 'sealed_refresh_token', placeOf: placeOfRevocation },
];

/**
 * Opens some values of every key in use. Throws misconfigured when none of one key opens: it is missing from
 * TOKEN_KEYS, or another key has its name.
 */
export async function checkKeys(database: Database, vault: Vault): Promise<void> {
  for (const { table, column, placeOf } of sealedColumns) {
    const keys = await database.run((db) => db(table).distinct<{ key_id: string }[]>('key_id').whereNotNull(column));
    for (const { key_id: keyId } of keys) {
      const rows = await database.run((db) =>
        db(table)
          .where({ key_id: keyId })
          .whereNotNull(column)
          .limit(samplesPerKey)
          .select<{ id: string; sealed: string }[]>('id', { sealed: column }),
      );
      const opened = await Promise.all(rows.map(({ id, sealed }) => opens(vault, sealed, placeOf(id))));
      if (rows.length > 0 && !opened.includes(true)) throw describeMissingKey(keyId);
    }
  }
}

async function opens(vault: Vault, sealed: string, place: SealedPlace): Promise<boolean> {
  try {
    await vault.open(sealed, place);
    return true;
  } catch (error) {
    if (error instanceof VaultError) return false;
    throw error;
  }
}

function describeMissingKey(keyId: string): ConnectError {
  return new ConnectError(
    'misconfigured',
    `TOKEN_KEYS: the database holds grants sealed with key "${keyId}", and TOKEN_KEYS does not have that key, or ` +
      'another one under its name. Put the former key back beside the new one.',
  );
}
