// What keeps a long-running command going, and what ends it.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../logger.ts';

/** Longer than a token call may take. */
const stopLimitMilliseconds = 25_000;

/** Something that ends a pause early. Rung while nobody waits, it ends the next one. */
export type Bell = ReturnType<typeof createBell>;

export function createBell() {
  let rung = false;
  let wake = () => {};
  return {
    ring(): void {
      rung = true;
      wake();
    },
    /** Resolves once it is rung, after that time, or when `signal` is aborted. */
    async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
      const woken = new AbortController();
      wake = () => woken.abort();
      if (rung) wake();
      await sleep(milliseconds, undefined, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => {});
      rung = false;
    },
  };
}

/**
 * Runs `work` now and after every pause, give or take a quarter, so that several processes do not run in step; sooner
 * when the bell rings. `stop` aborts the signal that `work` got, and waits for it.
 */
export function repeat(
  work: (signal: AbortSignal) => Promise<void>,
  pauseMilliseconds: number,
  bell: Bell = createBell(),
) {
  const stopped = new AbortController();
  const running = (async () => {
    while (!stopped.signal.aborted) {
      await work(stopped.signal);
      const pause = pauseMilliseconds * (0.75 + Math.random() / 2);
      await bell.wait(pause, stopped.signal);
    }
  })();
  return {
    stop(): Promise<void> {
      stopped.abort();
      return running;
    },
  };
}

/** A bug that reaches here has left the process in a state that nobody knows; libraries' errors can carry tokens. */
export function exitOnBugs(logger: Logger): void {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'a bug: nobody caught this');
    process.exit(1);
  });
}

/** SIGUSR2: from the configured level to debug, to see more of what happens right now, and back at the next one. */
export function changeLevelOnSignal(logger: Logger): void {
  const configured = logger.level;
  process.on('SIGUSR2', () => {
    const level = logger.level === configured ? 'debug' : configured;
    logger.level = level;
    logger.warn({ level }, 'the level of this log was changed by SIGUSR2');
  });
}

/**
 * Resolves at the first signal to stop, also at one that comes while the app is still starting. A second one, or taking
 * more than 25 seconds after a delay of `delayMilliseconds`, ends the process with exit code 1.
 */
export function stopOnSignals(delayMilliseconds = 0): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (signal: NodeJS.Signals) => {
      if (asked) process.exit(1);
      asked = true;
      setTimeout(() => {
        process.stderr.write('Stopped before all work was done: what was being stored may be lost.\n');
        process.exit(1);
      }, delayMilliseconds + stopLimitMilliseconds).unref();
      resolve(signal);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}
