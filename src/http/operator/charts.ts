// The geometry of the pictures: widths in percent, so that they fill any screen, heights in pixels, so that words in them
// stay as large as others. Views draw it; colours are the stylesheet's. Loaded with the first page that shows one.

import { scaleBand, scaleLinear } from 'd3-scale';
import { stack } from 'd3-shape';

export type Bars = { height: number; rows: { y: number; width: number }[] };

/** `top` is where the column ends, in pixels from above. */
export type Column = { center: number; top: number; segments: { series: number; y: number; height: number }[] };
export type Columns = {
  height: number;
  plotHeight: number;
  /** Where columns begin; left of it are the numbers of the axis. */
  left: number;
  ticks: { value: number; y: number }[];
  x: number[];
  width: number;
  columns: Column[];
  /** Which columns have words below: as many as there is room for on a telephone. */
  labelled: number[];
};

const rowHeight = 52;
const plotHeight = 180;
const labelsHeight = 26;
/** Above the plot, for the number on the tallest column. */
const headroom = 18;
const leftPercent = 9;
const mostLabels = 4;
const wantedTicks = 4;

/** Bars from the left, one below the other; the longest fills the picture. */
export function layOutBars(values: number[]): Bars {
  const width = scaleLinear([0, Math.max(1, ...values)], [0, 100]);
  return {
    height: values.length * rowHeight,
    rows: values.map((value, row) => ({ y: row * rowHeight, width: width(value) })),
  };
}

/** Columns side by side, each a pile of its series from the bottom up. */
export function layOutColumns(columns: number[][]): Columns {
  const sums = columns.map((values) => values.reduce((sum, value) => sum + value, 0));
  const height = scaleLinear([0, Math.max(1, ...sums)], [plotHeight, headroom]).nice(wantedTicks);
  const places = scaleBand(columns.keys(), [leftPercent, 100]).paddingInner(columns.length > 20 ? 0.2 : 0.3);
  const x = columns.map((_, index) => places(index) ?? 0);
  const width = places.bandwidth();
  return {
    height: plotHeight + labelsHeight,
    plotHeight,
    left: leftPercent,
    // Nobody comes in halves.
    ticks: height
      .ticks(wantedTicks)
      .filter(Number.isInteger)
      .map((value) => ({ value, y: height(value) })),
    x,
    width,
    columns: pile(columns, height).map((segments, index) => ({
      center: (x[index] ?? 0) + width / 2,
      top: height(sums[index] ?? 0),
      segments,
    })),
    labelled: [...columns.keys()].filter((index) => (columns.length - 1 - index) % stepOf(columns.length) === 0),
  };
}

function pile(columns: number[][], height: (value: number) => number): Column['segments'][] {
  const series = [...(columns[0] ?? []).keys()];
  const piles = stack<number[], number>()
    .keys(series)
    .value((values, one) => values[one] ?? 0)(columns);
  return columns.map((_, index) =>
    piles
      .map((layer, one) => ({ series: one, from: layer[index]?.[0] ?? 0, to: layer[index]?.[1] ?? 0 }))
      .filter(({ from, to }) => to > from)
      .map(({ series: one, from, to }) => ({ series: one, y: height(to), height: height(from) - height(to) })),
  );
}

function stepOf(count: number): number {
  return Math.ceil(count / mostLabels);
}
