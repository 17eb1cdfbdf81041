// Work that must come to its end although whoever asked for it may be gone: a caller that hangs up, a process that is
// asked to stop.

export type RunningWork = ReturnType<typeof createRunningWork>;

export function createRunningWork() {
  const running = new Set<Promise<unknown>>();

  /** Answers `work` as it is, and remembers it until it has ended. */
  function track<T>(work: Promise<T>): Promise<T> {
    const ended = work.catch(() => {}).finally(() => running.delete(ended));
    running.add(ended);
    return work;
  }

  /** Resolves when nothing is running any more. */
  async function settled(): Promise<void> {
    while (running.size > 0) await Promise.all(running);
  }

  return { track, settled };
}
