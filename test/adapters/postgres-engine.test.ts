import { describe, expect, test } from '@jest/globals';
import { createPostgresEngine } from '../../src/adapters/postgres-engine.ts';

const engine = createPostgresEngine({ url: 'postgres://test@127.0.0.1:5432/test' });
const withCode = (code: string) => Object.assign(new Error('what was being stored'), { code });

describe('an error of the driver', () => {
  test.each([
    new Error('Connection terminated unexpectedly'),
    new Error('select * from "connections" where "user_id" = $1 limit $2 - Connection terminated unexpectedly'),
    new Error('BEGIN; - Client has encountered a connection error and is not queryable'),
    new Error('timeout expired'),
    withCode('ECONNREFUSED'),
    withCode('ENOTFOUND'),
    withCode('28P01'),
    withCode('3D000'),
    withCode('42501'),
    withCode('57P01'),
    withCode('53100'),
    withCode('25006'),
    withCode('25P03'),
    withCode('55P03'),
  ])('is the database’s: %s', (error) => {
    const code = engine.codeOf(error);
    expect(code).not.toBeNull();
    expect(engine.isUnavailable(code ?? '')).toBe(true);
  });

  test.each(['22021', '23505', '42601', '42P01', '0A000'])('is a bug of ours: %s', (code) => {
    expect(engine.isUnavailable(engine.codeOf(withCode(code)) ?? '')).toBe(false);
  });

  test.each([new TypeError('x is not a function'), new Error('the vault'), 'a text', null])('is none: %s', (error) => {
    expect(engine.codeOf(error)).toBeNull();
  });

  test.each([
    ['ECONNREFUSED', true],
    ['57P03', true],
    ['40P01', true],
    ['57P01', false],
    ['53100', false],
  ])('%s is asked again at once: %j', (code, again) => {
    expect(engine.isBusy(code)).toBe(again);
  });
});
