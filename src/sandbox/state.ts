// What outlives a restart: named maps, written together to one JSON file a moment after they change.
// Knows nothing of what lies in them.

import { readFile, rename, writeFile } from 'node:fs/promises';

const WRITE_DELAY_MS = 200;

export type State = {
  shelf<T>(name: string): Map<string, T>;
  changed(): void;
  flush(): Promise<void>;
};

export async function openState(stateFile: string | null): Promise<State> {
  const shelves = new Map<string, Map<string, unknown>>(stateFile === null ? [] : await readShelves(stateFile));
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();

  function flush(): Promise<void> {
    if (timer) clearTimeout(timer);
    timer = null;
    writing = writing.then(() => (stateFile === null ? undefined : writeShelves(stateFile, shelves)));
    return writing;
  }

  return {
    shelf<T>(name: string): Map<string, T> {
      const shelf = shelves.get(name) ?? new Map<string, unknown>();
      shelves.set(name, shelf);
      return shelf as Map<string, T>;
    },
    changed() {
      if (stateFile === null || timer) return;
      timer = setTimeout(() => {
        flush().catch((error: unknown) => console.error(`sandbox: ${stateFile} could not be written:`, error));
      }, WRITE_DELAY_MS);
      timer.unref();
    },
    flush,
  };
}

async function readShelves(stateFile: string): Promise<[string, Map<string, unknown>][]> {
  let text: string;
  try {
    text = await readFile(stateFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const shelves = JSON.parse(text) as Record<string, [string, unknown][]>;
    return Object.entries(shelves).map(([name, entries]) => [name, new Map(entries)]);
  } catch {
    throw new Error(`The sandbox's state file ${stateFile} is not readable. Delete it to start anew.`);
  }
}

async function writeShelves(stateFile: string, shelves: Map<string, Map<string, unknown>>): Promise<void> {
  const text = JSON.stringify(Object.fromEntries([...shelves].map(([name, shelf]) => [name, [...shelf]])));
  const unfinished = `${stateFile}.writing`;
  await writeFile(unfinished, text, { mode: 0o600 });
  await rename(unfinished, stateFile);
}
