// Which deployment the database belongs to: one row, by base URL and client id (design, section 7, rule 8). A copy of
// the file that starts under another identity has to be told from the original, or the two end each other's grants.

import { ConnectError } from '../core/errors.ts';
import type { DeploymentGuard } from '../core/ports.ts';
import type { Database } from './database.ts';

type Row = {
  id: number;
  base_url: string;
  client_id: string;
  adopted_at: string;
  key_ids: string;
  written_at: string;
};

/** `keyIds`: TOKEN_KEYS of the owner's last start, the sealing one first; empty when it has not started since. */
export type DeploymentOwner = { baseUrl: string; clientId: string; adoptedAt: Date; keyIds: string[] };

export type Deployment = ReturnType<typeof createDeployment>;

/** `identity` is the one that this process runs under. */
export function createDeployment(database: Database, identity: { baseUrl: string; clientId: string }) {
  const ours = { base_url: identity.baseUrl, client_id: identity.clientId };
  const readRow = () => database.run((db) => db<Row>('deployments').where({ id: 1 }).first());

  const toRow = (keyIds: string[], now: Date): Row => ({
    id: 1,
    ...ours,
    adopted_at: now.toISOString(),
    key_ids: keyIds.join(','),
    written_at: now.toISOString(),
  });

  const isOurRow = (row: Row | undefined) =>
    !row || (row.base_url === ours.base_url && row.client_id === ours.client_id);

  return {
    /**
     * Makes the database ours unless it has an owner who has something to lose: who tried the app and then changes its
     * address or client id, with nobody connected yet, goes on with the same file. Notes the keys that we run with when
     * it is ours.
     */
    async claim(keyIds: string[], now: Date): Promise<void> {
      await database.run((db) =>
        db<Row>('deployments')
          .where((other) => other.whereNot('base_url', ours.base_url).orWhereNot('client_id', ours.client_id))
          .whereNotExists(db('connections').select(db.raw('1')))
          .whereNotExists(db('imported_grants').select(db.raw('1')))
          .delete(),
      );
      await database.run((db) =>
        db<Row>('deployments')
          .insert(toRow(keyIds, now))
          .onConflict('id')
          .merge(['key_ids', 'written_at'])
          .where('deployments.base_url', ours.base_url)
          .where('deployments.client_id', ours.client_id),
      );
    },

    /** Read each time, so that a running app notices an adoption. */
    async isOurs(): Promise<boolean> {
      return isOurRow(await readRow());
    },

    async findOwner(): Promise<DeploymentOwner | null> {
      const row = await readRow();
      if (!row) return null;
      return {
        baseUrl: row.base_url,
        clientId: row.client_id,
        adoptedAt: new Date(row.adopted_at),
        keyIds: row.key_ids.split(',').filter((id) => id !== ''),
      };
    },

    /** Makes us the owner, whoever was. The keys are unknown until our next start: the former owner's are not ours. */
    async adopt(now: Date): Promise<void> {
      await database.run((db) => db<Row>('deployments').insert(toRow([], now)).onConflict('id').merge());
    },

    /** Throws deployment_foreign. */
    async checkOwner(): Promise<void> {
      const row = await readRow();
      if (!row || isOurRow(row)) return;
      throw new ConnectError(
        'deployment_foreign',
        `this database belongs to ${row.base_url} (${row.client_id}): nothing is refreshed until \`npm run adopt\``,
      );
    },
  } satisfies DeploymentGuard & Record<string, unknown>;
}
