// Seals anew, under the first key, what former keys sealed, row by row and while the app runs: every write names the
// exact sealed texts that it replaces, so that what the app stored meanwhile is never overwritten.

import type { Database } from './database.ts';
import { type SealedTable, sealedTables } from './key-check.ts';
import { type Vault, VaultError } from './vault.ts';

const batchSize = 100;
const raceTries = 5;

/** `id` is what names the row in its table, whatever its column is called there. */
type Row = { id: string; key_id: string; sealed_access_token?: string | null; sealed_refresh_token: string | null };

/** How many rows a key has sealed. */
export type KeyUse = { keyId: string } & Record<SealedTable['counted'], number>;

/** `left`: gone, or sealed with the first key by somebody else meanwhile. */
export type RowOutcome = {
  kind: 'sealed' | 'unreadable' | 'left';
  table: SealedTable['name'];
  id: string;
  /** The key that the row was found under; null when there was nothing to do. */
  keyId: string | null;
};

export function createResealing(database: Database, vault: Vault) {
  const { sealingKeyId } = vault;

  async function listKeyUse(): Promise<KeyUse[]> {
    const uses = new Map<string, KeyUse>();
    for (const { name, counted } of sealedTables) {
      const counts = await database.run((db) =>
        db(name)
          .whereNotNull('key_id')
          .groupBy('key_id')
          .select<{ key_id: string; rows: number | string }[]>('key_id', db.raw('count(*) as ??', ['rows'])),
      );
      for (const { key_id: keyId, rows } of counts) {
        // PostgreSQL's driver answers counts as texts.
        uses.set(keyId, { ...(uses.get(keyId) ?? unused(keyId)), [counted]: Number(rows) });
      }
    }
    return [...uses.values()].sort((a, b) => (a.keyId < b.keyId ? -1 : 1));
  }

  /** By id and not by offset: rows leave the selection while it is being read. */
  async function* listIds({ name, id: idColumn }: SealedTable): AsyncGenerator<string> {
    let after = '';
    for (;;) {
      const last = after;
      const rows = await database.run((db) =>
        db(name)
          .whereNot({ key_id: sealingKeyId })
          .where(idColumn, '>', last)
          .orderBy(idColumn)
          .limit(batchSize)
          .select<Pick<Row, 'id'>[]>({ id: idColumn }),
      );
      yield* rows.map(({ id }) => id);
      if (rows.length < batchSize) return;
      after = rows.at(-1)?.id ?? '';
    }
  }

  async function findFormer({ name, id: idColumn }: SealedTable, id: string): Promise<Row | undefined> {
    const row = await database.run((db) =>
      db(name).where(idColumn, id).whereNotNull('key_id').whereNot({ key_id: sealingKeyId }).first(),
    );
    return row && { ...row, id };
  }

  /** The sealed texts as they lie there, and the same under the first key. Throws VaultError. */
  async function sealAnew({ columns }: SealedTable, row: Row) {
    const before: Partial<Row> = {};
    const after: Partial<Row> = { key_id: sealingKeyId };
    for (const { column, placeOf } of columns) {
      const sealed = row[column] ?? null;
      before[column] = sealed;
      if (sealed !== null) after[column] = await vault.seal(await vault.open(sealed, placeOf(row.id)), placeOf(row.id));
    }
    return { before, after };
  }

  async function resealRow(table: SealedTable, id: string, dryRun: boolean): Promise<RowOutcome> {
    for (let tries = 0; tries < raceTries; tries += 1) {
      const row = await findFormer(table, id);
      if (!row) break;
      const found = { table: table.name, id, keyId: row.key_id };
      try {
        const { before, after } = await sealAnew(table, row);
        if (dryRun) return { kind: 'sealed', ...found };
        const count = await database.run((db) =>
          db(table.name)
            .where({ [table.id]: id, ...before })
            .update(after),
        );
        if (count === 1) return { kind: 'sealed', ...found };
      } catch (error) {
        if (!(error instanceof VaultError)) throw error;
        return { kind: 'unreadable', ...found };
      }
    }
    return { kind: 'left', table: table.name, id, keyId: null };
  }

  /**
   * Goes through everything that another key than the first has sealed, one row each time it is asked for the next.
   * What does not open is left as it is. With `dryRun` nothing is written.
   */
  async function* resealAll({ dryRun }: { dryRun: boolean }): AsyncGenerator<RowOutcome> {
    for (const table of sealedTables) {
      for await (const id of listIds(table)) yield await resealRow(table, id, dryRun);
    }
  }

  return { listKeyUse, resealAll };
}

/** What a key has sealed that has sealed nothing. */
export function unused(keyId: string): KeyUse {
  return { keyId, connections: 0, revocations: 0, importedGrants: 0 };
}

export function countRows({ connections, revocations, importedGrants }: KeyUse): number {
  return connections + revocations + importedGrants;
}
