// A long command that is asked to stop ends what it is at, and says how far it came.

export type Interruption = { signal: NodeJS.Signals | null; asked: AbortSignal };

const exitCodes: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 };

export function exitCodeOf(signal: NodeJS.Signals): number {
  return exitCodes[signal] ?? 1;
}

/** npm hands a ctrl-C on, so that it can come twice: the second one asks for nothing new. */
export function listenForSignals(): Interruption {
  const asking = new AbortController();
  const interruption: Interruption = { signal: null, asked: asking.signal };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      interruption.signal ??= signal;
      asking.abort();
    });
  }
  return interruption;
}
