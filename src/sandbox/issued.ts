// Everything secret that was ever given out, for tests that look for it where it must not be. Bounded.

import type { Issued } from './types.ts';

const MOST_VALUES = 10_000;

export function createIssued(): Issued {
  return { codes: [], accessTokens: [], refreshTokens: [], idTokens: [] };
}

export function noteIssued(list: string[], value: unknown): void {
  if (typeof value !== 'string') return;
  list.push(value);
  if (list.length > MOST_VALUES) list.shift();
}
