import type { Knex } from 'knex';

// Only adds: a table, and indexes by which an operator finds somebody. The version before runs on beside it.

const givenUp = 'webhooks_given_up_index';

export async function up(knex: Knex): Promise<void> {
  // What outlives the attempts, which are deleted after two days: numbers alone, of nobody.
  await knex.schema.createTable('onboarding_counts', (table) => {
    table.text('day').notNullable();
    table.text('step').notNullable();
    // Empty where a step has none: a primary key knows no null.
    table.text('outcome').notNullable();
    table.text('code').notNullable();
    table.integer('total').notNullable();
    table.primary(['day', 'step', 'outcome', 'code']);
  });
  await knex.schema.alterTable('connections', (table) => {
    table.index(['organization_id']);
    table.index(['organization_vat_number']);
    table.index(['organization_name']);
  });
  await knex.schema.alterTable('webhooks', (table) => {
    table.index(['created_at'], givenUp, { predicate: knex.whereRaw('due_at is null and delivered_at is null') });
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('webhooks', (table) => {
    table.dropIndex([], givenUp);
  });
  await knex.schema.alterTable('connections', (table) => {
    table.dropIndex(['organization_id']);
    table.dropIndex(['organization_vat_number']);
    table.dropIndex(['organization_name']);
  });
  await knex.schema.dropTable('onboarding_counts');
}
