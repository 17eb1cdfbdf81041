// At the start: do the keys that we were given open what is stored? A missing key must be found before anything is
// overwritten; one damaged value must not stop everybody else (requirements, B2 and B4).

import { ConnectError } from '../core/errors.ts';
import { placeOfGrant } from './connection-row.ts';
import type { Database } from './database.ts';
import { placeOfImportedGrant } from './imported-grant-store.ts';
import { placeOfRevocation } from './revocation-store.ts';
import { type SealedPlace, type Vault, VaultError } from './vault.ts';

const samplesPerKey = 5;

export type SealedTable = (typeof sealedTables)[number];

/** What is sealed for long. Attempts are sealed too, and left out: they end within the hour (decision 5). */
export const sealedTables = [
  {
    name: 'connections',
    counted: 'connections',
    id: 'id',
    columns: [
      { column: 'sealed_access_token', placeOf: (id: string): SealedPlace => placeOfGrant(id, 'access_token') },
      { column: 'sealed_refresh_token', placeOf: (id: string): SealedPlace => placeOfGrant(id, 'refresh_token') },
    ],
  },
  {
    name: 'revocations',
    counted: 'revocations',
    id: 'id',
    columns: [{ column: 'sealed_refresh_token', placeOf: placeOfRevocation }],
  },
  {
    name: 'imported_grants',
    counted: 'importedGrants',
    id: 'user_id',
    columns: [{ column: 'sealed_refresh_token', placeOf: placeOfImportedGrant }],
  },
] as const;

type Sample = { keyId: string; rows: number; outcomes: (true | VaultError['reason'])[] };

/**
 * Opens some values of every key in use. Throws misconfigured when a key is missing from TOKEN_KEYS, or when another
 * one has its name: then none of its values open.
 */
export async function checkKeys(database: Database, vault: Vault): Promise<void> {
  const samples = (await Promise.all(sealedTables.map((table) => openSamples(database, vault, table)))).flat();
  const anyOpens = samples.some(({ outcomes }) => outcomes.includes(true));
  for (const { keyId, rows, outcomes } of samples) {
    if (rows === 0 || outcomes.includes(true)) continue;
    // Damaged values are what resealing leaves behind: a few of them, while the rest of the database opens.
    const leftBehind = anyOpens && rows < samplesPerKey && !outcomes.includes('unknown_key');
    if (!leftBehind) throw describeMissingKey(keyId);
  }
}

async function openSamples(
  database: Database,
  vault: Vault,
  { name, id: idColumn, columns }: SealedTable,
): Promise<Sample[]> {
  const [{ column, placeOf }] = columns;
  const keys = await database.run((db) => db(name).distinct<{ key_id: string }[]>('key_id').whereNotNull(column));
  return Promise.all(
    keys.map(async ({ key_id: keyId }) => {
      const rows = await database.run((db) =>
        db(name)
          .where({ key_id: keyId })
          .whereNotNull(column)
          .limit(samplesPerKey)
          .select<{ id: string; sealed: string }[]>({ id: idColumn, sealed: column }),
      );
      const outcomes = await Promise.all(rows.map(({ id, sealed }) => tryToOpen(vault, sealed, placeOf(id))));
      return { keyId, rows: rows.length, outcomes };
    }),
  );
}

async function tryToOpen(vault: Vault, sealed: string, place: SealedPlace): Promise<true | VaultError['reason']> {
  try {
    await vault.open(sealed, place);
    return true;
  } catch (error) {
    if (error instanceof VaultError) return error.reason;
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
