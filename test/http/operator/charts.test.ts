import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { contrast, darkSurfaces, lightSurfaces } from '../../../src/http/brand.ts';
import { layOutBars, layOutColumns } from '../../../src/http/operator/charts.ts';

describe('bars', () => {
  test('are as long as what they count, the longest as wide as the picture', () => {
    expect(layOutBars([200, 100, 0]).rows.map(({ width }) => width)).toEqual([100, 50, 0]);
  });

  test('of nothing are nothing', () => {
    expect(layOutBars([0, 0]).rows.map(({ width }) => width)).toEqual([0, 0]);
  });
});

describe('columns', () => {
  test('pile their series up from the bottom, in their order, as high as what they count', () => {
    const { columns, plotHeight, ticks } = layOutColumns([
      [3, 1],
      [0, 2],
    ]);
    const [first, second] = columns.map(({ segments }) => segments);
    expect(first?.map(({ series }) => series)).toEqual([0, 1]);
    expect(second?.map(({ series }) => series)).toEqual([1]);
    const [low, high] = first ?? [];
    expect((low?.y ?? 0) + (low?.height ?? 0)).toBeCloseTo(plotHeight);
    expect((high?.y ?? 0) + (high?.height ?? 0)).toBeCloseTo(low?.y ?? 0);
    expect(low?.height).toBeCloseTo(3 * (high?.height ?? 0));
    expect(ticks.at(-1)?.value).toBe(4);
    expect(ticks[0]).toEqual({ value: 0, y: plotHeight });
  });

  test('stand side by side within the picture, right of the numbers of their axis', () => {
    const { x, width, left } = layOutColumns(Array.from({ length: 30 }, () => [1]));
    expect(x[0]).toBeCloseTo(left);
    expect((x.at(-1) ?? 0) + width).toBeCloseTo(100);
    for (const [index, start] of x.slice(1).entries()) expect(start).toBeGreaterThan((x[index] ?? 0) + width);
  });

  test.each([1, 7, 13, 30, 31])('of %i days have words below the last, and below four at most', (days) => {
    const { labelled } = layOutColumns(Array.from({ length: days }, () => [1]));
    expect(labelled.length).toBeLessThanOrEqual(4);
    expect(labelled.at(-1)).toBe(days - 1);
  });

  test('of nothing have an axis all the same', () => {
    const { ticks, columns } = layOutColumns([[0], [0]]);
    expect(ticks.map(({ value }) => value)).toEqual([0, 1]);
    expect(columns.every(({ segments }) => segments.length === 0)).toBe(true);
  });
});

test('colours of pictures are seen against the card, in light and in dark', () => {
  const [light = '', dark = ''] = readFileSync('public/operator.css', 'utf8').split('prefers-color-scheme: dark');
  for (const [css, { card }] of [[light, lightSurfaces] as const, [dark, darkSurfaces] as const]) {
    const colors = [...css.matchAll(/--picture-\w+: (#[0-9a-f]{6})/g)].map(([, color]) => color ?? '');
    expect(colors).toHaveLength(7);
    for (const color of colors) expect(contrast(color, card)).toBeGreaterThanOrEqual(3);
  }
});
