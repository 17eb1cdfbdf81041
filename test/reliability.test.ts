import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

// Every row of docs/reliability.md names a test; one that was renamed or deleted is noticed here.

const page = readFileSync('docs/reliability.md', 'utf8');
const rows = [...page.matchAll(/^\| ([BF][\dF–]+) \|.*\| ([^|]+) \|$/gm)].map(([, row = '', shownBy = '']) => ({
  row,
  shownBy: shownBy.trim(),
}));

/** `F4–F6` stands for three rows. */
function idsOf(row: string): string[] {
  const [first, last] = row.split('–').map((id) => Number(id.slice(1)));
  const letter = row[0];
  return Array.from(
    { length: (last ?? first ?? 0) - (first ?? 0) + 1 },
    (_, offset) => `${letter}${(first ?? 0) + offset}`,
  );
}

test('every row of the requirements about staying connected is there', () => {
  // The gaps are the requirements' own.
  const numbers = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30,
  ];
  const later = [31, 32, 33, 37, 38, 39, 40];
  const wanted = [
    ...[...numbers, ...later].map((number) => `F${number}`),
    ...[5, 6, 8, 9, 10, 11, 13].map((number) => `B${number}`),
  ];
  const there = new Set(rows.flatMap(({ row }) => idsOf(row)));
  expect(wanted.filter((id) => !there.has(id))).toEqual([]);
});

test.each(rows)('$row is shown by what it names', ({ shownBy }) => {
  if (shownBy === 'Chaos') return expect(page).toContain('## Chaos run');
  const [, file = '', name = ''] = /^`(test\/[^`]+)`: (.+)$/.exec(shownBy) ?? [];
  expect(readFileSync(file, 'utf8')).toContain(name);
});
