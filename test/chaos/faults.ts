// Faults of the provider's token endpoint, now and then, one request each.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Sandbox } from '../../src/sandbox/types.ts';
import { add, type Counts } from './counts.ts';
import type { Random } from './random.ts';

export async function causeFaults(
  sandbox: Sandbox,
  counts: Counts,
  random: Random,
  pauseMilliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(random.between(0, 2 * pauseMilliseconds), undefined, { signal }).catch(() => undefined);
    const fault = drawFault(random);
    add(counts.faults, fault.kind === 'status' ? '500' : fault.kind);
    sandbox.faults.set('token', fault, 1);
  }
  sandbox.faults.clear();
}

function drawFault(random: Random): Fault {
  const chance = random.next();
  if (chance < 0.45) return { kind: 'slow', ms: random.between(5, 250) };
  if (chance < 0.6) return { kind: 'status', status: 500, body: '{}' };
  if (chance < 0.74) return { kind: 'reset' };
  if (chance < 0.86) return { kind: 'cut' };
  if (chance < 0.98) return { kind: 'answerThenReset' };
  return { kind: 'hang' };
}
