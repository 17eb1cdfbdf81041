// Comparing what somebody sent with what is right, without telling by the time it takes how much of it was.

import { timingSafeEqual } from 'node:crypto';

/** True when both are the same bytes. Only their length may be learnt from how long it takes. */
export function isSameSecret(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
