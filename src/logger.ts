// Structured logs. Errors of libraries can carry tokens, so of an error only its name, its own message and its stack
// are written, never its cause or its other fields.

import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

const redacted = [
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
];

const flushMilliseconds = 100;

export function createLogger(options: { level: string; destination?: DestinationStream }): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: redacted.map((name) => `["${name}"]`), remove: true },
      // One level down by ourselves: the library's wildcards cost 20 µs a line, ten times the line itself.
      formatters: { log: removeNestedSecrets },
      serializers: { err: serializeError, error: serializeError },
    },
    // A write per line would cost more than most requests do; what is fatal, and the end, flush at once.
    options.destination ?? pino.destination({ sync: false, minLength: 4096, periodicFlush: flushMilliseconds }),
  );
}

function removeNestedSecrets(fields: Record<string, unknown>): Record<string, unknown> {
  for (const value of Object.values(fields)) {
    if (isPlain(value) && redacted.some((name) => name in value))
      return Object.fromEntries(Object.entries(fields).map(clean));
  }
  return fields;
}

function clean([key, value]: [string, unknown]): [string, unknown] {
  if (!isPlain(value)) return [key, value];
  return [key, Object.fromEntries(Object.entries(value).filter(([name]) => !redacted.includes(name)))];
}

/** Errors have a serializer of their own. */
function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Error);
}

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { name: typeof error };
  return { name: error.name, message: error.message, stack: error.stack };
}
