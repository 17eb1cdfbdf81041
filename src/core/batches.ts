// What several workers take turns at, read a batch at a time.

/**
 * Answers a function that gives out one after the other; null when a reading left nothing for whoever waited for it.
 * `readBatch` is asked for those after `last`, by one worker for all; null: from the beginning. What it throws, every
 * worker gets that waits for it.
 */
export function takeOneByOne<T>(readBatch: (last: T | null) => Promise<T[]>): () => Promise<T | null> {
  let batch: T[] = [];
  let last: T | null = null;
  let reading: Promise<void> | null = null;

  async function read(): Promise<void> {
    batch = await readBatch(last);
    last = batch.at(-1) ?? last;
  }

  return async () => {
    const next = batch.shift();
    if (next !== undefined) return next;
    reading ??= read().finally(() => {
      reading = null;
    });
    await reading;
    return batch.shift() ?? null;
  };
}
