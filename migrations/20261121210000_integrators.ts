import type { Knex } from 'knex';

// Only adds: tables, a column that may be empty, an index. The version before runs on beside it.

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('api_keys', (table) => {
    table.text('id').primary();
    table.text('name').notNullable();
    table.text('scopes').notNullable();
    table.text('secret_hash').notNullable();
    table.text('created_at').notNullable();
    table.text('expires_at');
    table.text('revoked_at');
    table.text('used_at');
  });
  await knex.schema.createTable('links', (table) => {
    table.text('id').primary();
    table.text('user_id').notNullable();
    table.text('kind').notNullable();
    table.text('return_url');
    table.text('language');
    table.text('created_at').notNullable();
    table.text('expires_at').notNullable().index();
    table.text('opened_at');
    table.text('browser_id');
    table.text('returned_at');
    table.index(['user_id', 'kind', 'expires_at']);
  });
  await knex.schema.alterTable('attempts', (table) => {
    table.text('link_id');
  });
  await knex.schema.alterTable('connections', (table) => {
    table.index(['status', 'user_id']);
  });
  // The outbox. `position` gives the order, `id` is what the receiver tells repeats by.
  await knex.schema.createTable('webhooks', (table) => {
    table.increments('position');
    table.text('id').notNullable().unique();
    table.text('user_id').notNullable();
    table.text('type').notNullable();
    table.text('content').notNullable();
    table.text('created_at').notNullable().index();
    table.text('due_at');
    table.integer('tries').notNullable();
    table.text('delivered_at');
    table.text('failure');
    table.index(['due_at', 'position']);
    table.index(['user_id', 'position']);
  });
  // Grants that were taken over from elsewhere and wait to be put to use.
  await knex.schema.createTable('imported_grants', (table) => {
    table.text('user_id').primary();
    table.text('sealed_refresh_token').notNullable();
    table.text('key_id').notNullable().index();
    table.text('scope').notNullable();
    table.text('organization_id').notNullable();
    table.text('imported_at').notNullable();
    table.text('activated_at');
  });
}

export async function down(knex: Knex): Promise<void> {
  for (const table of ['imported_grants', 'webhooks', 'links', 'api_keys']) await knex.schema.dropTable(table);
  await knex.schema.alterTable('connections', (table) => {
    table.dropIndex(['status', 'user_id']);
  });
  await knex.schema.alterTable('attempts', (table) => {
    table.dropColumn('link_id');
  });
}
