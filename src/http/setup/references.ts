// What the references on our error pages were, for the debugger: the last ones, in memory, without anything of a person.

import type { Clock } from '../../core/ports.ts';
import type { PageCode } from '../errors.ts';

export type Reference = { code: PageCode; method: string; path: string; at: Date };
export type References = ReturnType<typeof createReferences>;

const mostReferences = 500;
const longestPath = 200;

export function createReferences(clock: Clock) {
  const references = new Map<string, Reference>();

  /** `path` is the one that may be logged. */
  function remember(reference: string, { path, ...rest }: Omit<Reference, 'at'>): void {
    references.set(reference, { ...rest, path: path.slice(0, longestPath), at: clock.now() });
    for (const oldest of references.keys()) {
      if (references.size <= mostReferences) break;
      references.delete(oldest);
    }
  }

  /** Null for one that was never given, or too long ago, or by another process. */
  const find = (reference: string): Reference | null => references.get(reference) ?? null;

  return { remember, find };
}
