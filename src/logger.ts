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

export function createLogger(options: { level: string; destination?: DestinationStream }): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: redacted.flatMap((name) => [`["${name}"]`, `*["${name}"]`]), remove: true },
      serializers: { err: serializeError, error: serializeError },
    },
    options.destination ?? pino.destination({ sync: true }),
  );
}

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { name: typeof error };
  return { name: error.name, message: error.message, stack: error.stack };
}
