import type { Knex } from 'knex';

// Only adds indexes: counting what ends soon and what fails to refresh must not read a million rows.

const failing = 'connections_failing_index';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('connections', (table) => {
    table.index(['refresh_expires_at', 'status']);
    table.index(['failures'], failing, { predicate: knex.whereRaw('failures > 0') });
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('connections', (table) => {
    table.dropIndex([], failing);
    table.dropIndex(['refresh_expires_at', 'status']);
  });
}
