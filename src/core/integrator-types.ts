// What an integrator's backend deals in: its keys, the links that it makes, connections as lists show them.

import type { Connection, Language } from './types.ts';

/** A connection without its grant, as lists show it. */
export type ListedConnection = Pick<
  Connection,
  | 'userId'
  | 'status'
  | 'reason'
  | 'organization'
  | 'generation'
  | 'authorizedAt'
  | 'connectedAt'
  | 'refreshExpiresAt'
  | 'warnedDays'
> & { scope: string[]; accessExpiresAt: Date | null; refreshFailures: number };

/** `setup` opens the setup assistant, `operator` the operator's page, and neither anything of the API. */
export type ApiScope = 'links' | 'connections' | 'tokens' | 'setup' | 'operator';

/** A key of an integrator's backend (requirements, B9). `secretHash` is the SHA-256 of its secret, base64url. */
export type ApiKey = {
  id: string;
  name: string;
  scopes: ApiScope[];
  secretHash: string;
  createdAt: Date;
  /** Null when it does not end by itself. */
  expiresAt: Date | null;
  revokedAt: Date | null;
  /** To the hour; null before its first use. */
  usedAt: Date | null;
};

/**
 * A one-time URL that an integrator's backend makes for one of its users. `browserId` is the browser that opened it
 * first, and `openedAt` when; null before.
 */
export type Link = {
  id: string;
  userId: string;
  kind: 'asked' | 'reconnect';
  /** Where the person goes afterwards; checked when the link is made. Null: nowhere. */
  returnUrl: string | null;
  /** The language that the integrator's user reads; null when nobody said. */
  language: Language | null;
  createdAt: Date;
  expiresAt: Date;
  openedAt: Date | null;
  browserId: string | null;
};
