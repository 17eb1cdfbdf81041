import type { Knex } from 'knex';

// Times are ISO 8601 texts in UTC: they sort, they read, and every database stores them alike.

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('connections', (table) => {
    table.text('id').primary();
    table.text('user_id').notNullable().unique();
    table.text('status').notNullable();
    table.text('reason');
    table.text('organization_id');
    table.text('organization_name');
    table.text('organization_vat_number');
    table.text('scope').notNullable();
    table.text('sealed_access_token');
    table.text('sealed_refresh_token');
    table.text('key_id').index();
    table.integer('generation').notNullable();
    table.text('access_expires_at');
    table.text('refresh_expires_at');
    table.text('authorized_at').notNullable();
    table.text('connected_at');
    table.text('disconnected_at');
  });
  await knex.schema.createTable('attempts', (table) => {
    table.text('id').primary();
    table.text('state_hash').notNullable().unique();
    table.text('sealed_secrets');
    table.text('browser_id').notNullable();
    table.text('user_id').notNullable();
    table.text('started_at').notNullable().index();
    table.text('expires_at').notNullable();
    table.text('returned_at');
    table.text('sealed_response');
    table.text('response_hash');
    table.text('claimed_at');
    table.text('result');
    table.text('result_code');
    table.text('result_user_id');
  });
  await knex.schema.createTable('identities', (table) => {
    table.text('issuer').notNullable();
    table.text('subject').notNullable();
    table.text('user_id').notNullable().unique();
    table.text('first_seen_at').notNullable();
    table.primary(['issuer', 'subject']);
  });
  await knex.schema.createTable('events', (table) => {
    table.increments('id');
    table.text('connection_id').notNullable();
    table.text('type').notNullable();
    table.text('at').notNullable().index();
    table.index(['connection_id', 'id']);
  });
  await knex.schema.createTable('revocations', (table) => {
    table.text('id').primary();
    table.text('sealed_refresh_token').notNullable();
    table.text('key_id').notNullable().index();
    table.text('due_at').notNullable().index();
    table.integer('tries').notNullable();
  });
  await knex.schema.createTable('sessions', (table) => {
    table.text('id_hash').primary();
    table.text('content').notNullable();
    table.text('expires_at').notNullable().index();
    table.text('destroyed_at');
  });
}

export async function down(knex: Knex): Promise<void> {
  for (const table of ['sessions', 'revocations', 'events', 'identities', 'attempts', 'connections']) {
    await knex.schema.dropTable(table);
  }
}
