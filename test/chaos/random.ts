// Random numbers that a seed repeats. When a process dies at a seed is still up to the machine.

export type Random = ReturnType<typeof createRandom>;

/** Mulberry32. */
export function createRandom(seed: number) {
  let state = seed >>> 0;

  /** From 0 up to, but not, 1. */
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  return {
    next,
    between: (least: number, most: number) => least + next() * (most - least),
    pick<T>(choices: readonly T[]): T {
      const choice = choices[Math.floor(next() * choices.length)];
      if (choice === undefined) throw new Error('there is nothing to pick from');
      return choice;
    },
  };
}
