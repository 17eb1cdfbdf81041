// The SQLite file on its disk: is it still the one that was opened, and is there room to write more?

import { type Stats, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

export function createDatabaseFile(filename: string, leastFreeBytes: number) {
  let opened: Stats | null = null;

  /** Null when there is none, or the disk does not say. */
  function look(): Stats | null {
    try {
      return statSync(filename);
    } catch {
      return null;
    }
  }

  return {
    /** What is under the name now is what is open from here on. */
    remember(): void {
      opened = look();
    },
    /** `missing`: it was deleted or moved, and whatever is written goes nowhere. `replaced`: another one is there. */
    state(): 'same' | 'missing' | 'replaced' {
      if (opened === null) return 'same';
      const found = look();
      if (found === null) return 'missing';
      return found.ino === opened.ino && found.dev === opened.dev ? 'same' : 'replaced';
    },
    hasRoom(): boolean {
      try {
        const { bavail, bsize } = statfsSync(dirname(filename));
        return bavail * bsize >= leastFreeBytes;
      } catch {
        return false;
      }
    },
  };
}
