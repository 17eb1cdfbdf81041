// What several workers take turns at, read a batch at a time.

/**
 * Answers a function that gives out one after the other, and null once a batch is empty. `readBatch` is asked for those
 * after `last`, by one worker for all; null: from the beginning. What it throws, every worker gets that waits for it.
 */
export function takeOneByOne<T>(readBatch: (last: T | null) => Promise<T[]>): () => Promise<T | null> {
  let batch: T[] = [];
  let last: T | null = null;
  let reading: Promise<boolean> | null = null;

  async function read(): Promise<boolean> {
    batch = await readBatch(last);
    last = batch.at(-1) ?? last;
    return batch.length > 0;
  }

  return async () => {
    for (;;) {
      const next = batch.shift();
      if (next !== undefined) return next;
      reading ??= read().finally(() => {
        reading = null;
      });
      if (!(await reading)) return null;
    }
  };
}
