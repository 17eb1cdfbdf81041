import { describe, expect, test } from '@jest/globals';
import { createLogger, type Logger } from '../src/logger.ts';

function logged(write: (logger: Logger) => void): { line: string; record: Record<string, unknown> } {
  const lines: string[] = [];
  write(createLogger({ level: 'trace', destination: { write: (line) => void lines.push(line) } }));
  expect(lines).toHaveLength(1);
  const line = lines.join();
  return { line, record: JSON.parse(line) as Record<string, unknown> };
}

/** As a library would throw it: the token in its cause and in fields of its own. */
function makeLibraryError(): Error {
  const error = new TypeError('no luck', { cause: new Error('the cause is a secret') });
  return Object.assign(error, { body: { refresh_token: 'a secret' }, response: 'a secret', errors: ['a secret'] });
}

describe('an error', () => {
  const ways: [string, string, (logger: Logger, error: Error) => void][] = [
    ['as err', 'err', (logger, error) => logger.error({ err: error }, 'failed')],
    ['as error', 'error', (logger, error) => logger.error({ error }, 'failed')],
    ['alone', 'err', (logger, error) => logger.error(error)],
    ['in a child logger', 'err', (logger, error) => logger.child({ reference: 'r1' }).error({ err: error })],
  ];

  test.each(ways)('%s is written with its name, message and stack, and nothing else', (_way, key, write) => {
    const error = makeLibraryError();
    const { line, record } = logged((logger) => write(logger, error));
    expect(record[key]).toEqual({ name: 'TypeError', message: 'no luck', stack: error.stack });
    expect(line).not.toContain('secret');
  });

  test.each([
    ['a string', 'a secret'],
    ['null', null],
    ['undefined', undefined],
    ['a number', 7],
    ['an object', { refreshToken: 'a secret', message: 'a secret' }],
    ['a function', () => 'a secret'],
  ])('that is %s breaks nothing and is not repeated', (_what, thrown) => {
    for (const key of ['err', 'error']) {
      const { line, record } = logged((logger) => logger.error({ [key]: thrown }, 'failed'));
      expect(record).toMatchObject({ msg: 'failed' });
      expect(line).not.toContain('secret');
    }
  });
});

describe('a secret’s name', () => {
  test.each([
    'access_token',
    'refresh_token',
    'id_token',
    'code',
    'state',
    'nonce',
    'code_verifier',
    'client_secret',
    'accessToken',
    'refreshToken',
    'idToken',
    'codeVerifier',
    'clientSecret',
    'authorization',
    'cookie',
    'set-cookie',
  ])('%s is left out with its value, at the top and one level down', (name) => {
    const fields = { [name]: 'a secret', kept: 'k', inside: { [name]: 'a secret', kept: 'k' } };
    const { line, record } = logged((logger) => logger.info(fields, 'a message'));
    expect(record).toMatchObject({ kept: 'k', inside: { kept: 'k' }, msg: 'a message' });
    expect(record.inside).toEqual({ kept: 'k' });
    expect(record).not.toHaveProperty([name]);
    expect(line).not.toContain('secret"');
  });
});

test('times are ISO in UTC', () => {
  const { record } = logged((logger) => logger.info('hello'));
  expect(record.time).toBe(new Date(String(record.time)).toISOString());
});

test('what is below the level is not written', () => {
  const lines: string[] = [];
  const logger = createLogger({ level: 'warn', destination: { write: (line) => void lines.push(line) } });
  logger.info('hello');
  expect(lines).toEqual([]);
});
