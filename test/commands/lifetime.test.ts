import { expect, jest, test } from '@jest/globals';
import { createBell, repeat, stopOnSignals } from '../../src/commands/lifetime.ts';

const longMilliseconds = 600_000;
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('a bell ends a pause early, once, and also the next one when it rings during the work', async () => {
  const bell = createBell();
  const works: (() => void)[] = [];
  const work = () => new Promise<void>((resolve) => works.push(resolve));
  const repeating = repeat(work, longMilliseconds, bell);
  expect(works).toHaveLength(1);
  works[0]?.();
  await settle();
  expect(works).toHaveLength(1);
  bell.ring();
  await settle();
  expect(works).toHaveLength(2);
  bell.ring();
  works[1]?.();
  await settle();
  await settle();
  expect(works).toHaveLength(3);
  works[2]?.();
  await settle();
  await settle();
  expect(works).toHaveLength(3);
  await repeating.stop();
});

test.each([0, 15_000])(
  'F30: what has not ended 25 seconds after a delay of %d ms is ended with code 1',
  async (delay) => {
    jest.useFakeTimers();
    const exit = jest.spyOn(process, 'exit').mockImplementation((() => {}) as never);
    const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const stopping = stopOnSignals(delay);
      process.emit('SIGTERM', 'SIGTERM');
      expect(await stopping).toBe('SIGTERM');
      jest.advanceTimersByTime(delay + 24_999);
      expect(exit).not.toHaveBeenCalled();
      jest.advanceTimersByTime(1);
      expect(exit).toHaveBeenCalledWith(1);
      expect(stderr).toHaveBeenCalledWith('Stopped before all work was done: what was being stored may be lost.\n');
    } finally {
      jest.useRealTimers();
      jest.restoreAllMocks();
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.removeAllListeners(signal);
    }
  },
);
