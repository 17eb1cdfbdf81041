import { expect, test } from '@jest/globals';
import { createBell, repeat } from '../../src/commands/lifetime.ts';

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
