// The secrets that this deployment made for itself. Not one of their bytes leaves here.

import type { Finding } from '../core/findings.ts';
import type { DatabaseFacts } from '../core/probes.ts';
import { findingsOf } from './finding.ts';

const { done, wrong, unknown } = findingsOf('keys');

/** Of 32 random bytes about 30 differ; fewer than these come once in ages. */
const leastDifferentBytes = 20;
/** A secret in hexadecimal has 16 characters to choose from. */
const leastDifferentCharacters = 10;
/** As development calls the key that it makes for itself. */
const developmentKeyId = 'dev';

export type Secrets = { production: boolean; tokenKeys: { id: string; bytes: Uint8Array }[]; sessionSecrets: string[] };

export function checkStrength({ production, tokenKeys, sessionSecrets }: Secrets): Finding[] {
  const found = [
    ...tokenKeys
      .filter(({ id }) => production && id === developmentKeyId)
      .map(({ id }) => wrong('keys_development', { id })),
    ...tokenKeys.filter(({ bytes }) => isPatterned(bytes)).map(({ id }) => wrong('keys_weak', { id })),
    ...findDoubledKeys(tokenKeys).map(([first, second]) => wrong('keys_doubled', { first, second })),
    ...sessionSecrets.flatMap((secret, at) =>
      new Set(secret).size < leastDifferentCharacters ? [wrong('session_secrets_weak', { place: String(at + 1) })] : [],
    ),
    ...(new Set(sessionSecrets).size < sessionSecrets.length ? [wrong('session_secrets_doubled')] : []),
  ];
  return found.length > 0 ? found : [done('keys_done')];
}

/** Whether they open what is stored. */
export function checkOpening(keys: DatabaseFacts['keys']): Finding[] {
  if (keys === 'open') return [done('keys_open')];
  return [keys === 'refused' ? wrong('keys_do_not_open') : unknown('keys_untried')];
}

/** Zeros, repetitions, sequences, and what somebody typed. */
function isPatterned(bytes: Uint8Array): boolean {
  const steps = bytes.slice(1).map((byte, at) => byte - (bytes[at] ?? 0));
  const isTyped = bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  return new Set(bytes).size < leastDifferentBytes || new Set(steps).size === 1 || isTyped;
}

function findDoubledKeys(keys: Secrets['tokenKeys']): [string, string][] {
  return keys.flatMap(({ id, bytes }, at) => {
    const before = keys.slice(0, at).find((other) => Buffer.compare(other.bytes, bytes) === 0);
    return before ? [[before.id, id] as [string, string]] : [];
  });
}
