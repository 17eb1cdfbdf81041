// What was found, as one Markdown table with a column for each series.

import { total } from './counts.ts';
import { causes } from './judging.ts';
import { points } from './points.ts';
import type { Report } from './series.ts';

type Row = [label: string, value: (report: Report) => string | number];

const killRows: Row[] = [...points, 'random', 'starting', 'idle', 'all at once', 'its time was over'].map((point) => [
  `… killed: ${point}`,
  ({ counts }) => counts.kills.get(point) ?? 0,
]);
const lostRows: Row[] = [...Object.values(causes), 'not explained'].map((cause) => [
  `… lost: ${cause}`,
  ({ counts }) => counts.lost.get(cause) ?? 0,
]);

const rows: Row[] = [
  ['rounds', ({ rounds }) => rounds],
  ['processes, customers', ({ options }) => `${options.processes}, ${options.customers}`],
  ['times scaled by', ({ options }) => options.scale],
  ['kills (SIGKILL)', ({ counts }) => total(counts.kills)],
  ...killRows,
  ['stops (SIGSTOP, SIGCONT) and full disks', ({ counts }) => list(counts.stops)],
  ['faults of the token endpoint', ({ counts }) => list(counts.faults)],
  ['token calls', ({ counts }) => counts.tokenCalls],
  ['**replays while a successor was stored**', ({ counts }) => counts.replaysBesideSuccessor],
  ['replays where none had been stored', ({ counts }) => counts.replaysWithoutSuccessor],
  ['grants lost', ({ counts }) => total(counts.lost)],
  ...lostRows,
  ['connections that needed a reconnect, by reason', ({ counts }) => list(counts.reconnects)],
  ['answers to callers', ({ counts }) => list(counts.answers)],
  ['callers’ time to a 200, median / p99', ({ counts }) => `${quantile(counts, 0.5)} / ${quantile(counts, 0.99)} ms`],
  ['duration', ({ seconds }) => `${Math.round(seconds)} s`],
  ['seed', ({ options }) => options.seed],
  ['**invariants broken**', ({ counts }) => list(counts.violations)],
];

export function renderTable(reports: Report[]): string {
  const lines = [
    ['', ...reports.map(({ options }) => options.name)],
    ['---', ...reports.map(() => '---')],
    ...rows.map(([label, value]) => [label, ...reports.map((report) => String(value(report)))]),
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function list(counts: Map<string, number>): string {
  const entries = [...counts].sort(([a], [b]) => a.localeCompare(b));
  return entries.length === 0 ? '0' : entries.map(([what, count]) => `${what}: ${count}`).join('; ');
}

function quantile({ latencies }: Report['counts'], share: number): string {
  const sorted = latencies.toSorted((a, b) => a - b);
  return (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(0);
}
