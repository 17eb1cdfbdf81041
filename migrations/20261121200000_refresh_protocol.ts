import type { Knex } from 'knex';

// Only adds columns that may be empty, so that what the version before writes goes on being right.

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('connections', (table) => {
    table.text('lease_owner');
    table.text('lease_until');
    table.text('sent_at');
    table.integer('failures').notNullable().defaultTo(0);
    table.text('next_attempt_at');
    table.text('due_at');
    table.integer('warned_days');
    table.text('obtained_at');
    table.text('subject');
    table.index(['due_at', 'user_id']);
  });
  // Due at once: the first look at each of them finds out when it has to be kept alive or warned of.
  await knex('connections')
    .whereNotNull('sealed_refresh_token')
    .update({ due_at: knex.ref('authorized_at') });
  await knex.schema.alterTable('events', (table) => {
    table.text('detail');
  });
  await knex.schema.alterTable('attempts', (table) => {
    table.text('sealed_grant');
  });
  await knex.schema.createTable('deployments', (table) => {
    table.integer('id').primary();
    table.text('base_url').notNullable();
    table.text('client_id').notNullable();
    table.text('adopted_at').notNullable();
    table.text('key_ids').notNullable();
    table.text('written_at').notNullable();
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('deployments');
  await knex.schema.alterTable('attempts', (table) => {
    table.dropColumn('sealed_grant');
  });
  await knex.schema.alterTable('events', (table) => {
    table.dropColumn('detail');
  });
  await knex.schema.alterTable('connections', (table) => {
    table.dropIndex(['due_at', 'user_id']);
    table.dropColumns(
      'lease_owner',
      'lease_until',
      'sent_at',
      'failures',
      'next_attempt_at',
      'due_at',
      'warned_days',
      'obtained_at',
      'subject',
    );
  });
}
