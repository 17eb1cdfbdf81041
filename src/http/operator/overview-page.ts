// The overview as its view draws it: each picture with the table that has the same numbers.

import type { TFunction } from 'i18next';
import type { ErrorCode } from '../../core/errors.ts';
import type { OnboardingDay } from '../../core/onboarding-counts.ts';
import type { Overview } from '../../core/overview.ts';
import type { ConnectionStatus, Language } from '../../core/types.ts';
import type { Bars, Columns } from './charts.ts';
import { addUp, countDropOffs, type DropOff, dropOffs, gather } from './drop-offs.ts';
import { createFormats, type Formats } from './formats.ts';

/** What draws; loaded with the first overview that is asked for. */
export type Drawing = { layOutBars(values: number[]): Bars; layOutColumns(columns: number[][]): Columns };
export type Stage = 'started' | 'returned' | 'authorized' | 'connected';
export type Health = 'good' | 'warning' | 'bad';

/** `tone` is the class that colours it, `share` what it is of the first one. */
type BarRow = { key: string; label: string; value: number; share: string | null; tone: string };
type Page = { t: TFunction; language: Language; draw: Drawing };

const stages: Stage[] = ['started', 'returned', 'authorized', 'connected'];
const statuses: ConnectionStatus[] = ['connected', 'pending', 'needs_reconnect', 'disconnected'];
const mostColumns = 31;

export function describeOverview(overview: Overview, page: Page) {
  const formats = createFormats(page.language);
  return {
    at: overview.at,
    formats,
    tiles: describeTiles(overview, page.t),
    funnel: describeFunnel(overview.onboarding, page, formats),
    dropOffs: describeDropOffs(overview.onboarding, page, formats),
    statuses: describeStatuses(overview.connections, page, formats),
    ends: describeEnds(overview.ends, page, formats),
    failing: describeFailing(overview.failing, page),
    webhooks: describeWebhooks(overview.webhooks, page),
  };
}

function describeTiles({ connections, failing, webhooks }: Overview, t: TFunction) {
  const tile = (key: string, value: number, health: Health) => ({
    key,
    value,
    health,
    label: t(`operator.tiles.${key}`),
  });
  return [
    tile('connected', connections.connected, 'good'),
    tile('needs_reconnect', connections.needs_reconnect, connections.needs_reconnect > 0 ? 'warning' : 'good'),
    tile('failing', failing.total, failing.withoutAccess > 0 ? 'bad' : failing.total > 0 ? 'warning' : 'good'),
    tile('waiting', webhooks.waiting, webhooks.failing > 0 ? 'warning' : 'good'),
  ];
}

function describeFunnel(days: OnboardingDay[], { t, draw }: Page, formats: Formats) {
  const total = addUp(days);
  const rows = stages.map(
    (stage): BarRow => ({
      key: stage,
      label: t(`operator.stages.${stage}`),
      value: total[stage],
      share: formats.share(total[stage], total.started),
      tone: `stage-${stage}`,
    }),
  );
  const table = gather(days, mostColumns).map((one) => ({
    day: new Date(one.day),
    values: stages.map((stage) => one[stage]),
  }));
  return { rows, drawing: draw.layOutBars(rows.map(({ value }) => value)), table, empty: total.started === 0 };
}

function describeDropOffs(days: OnboardingDay[], { t, draw }: Page, formats: Formats) {
  const columns = gather(days, mostColumns);
  // What is shown adds up to what its legend says.
  const counted = columns.map(countDropOffs);
  const totals = dropOffs.map((reason) => counted.reduce((sum, one) => sum + one[reason], 0));
  return {
    series: dropOffs.map((reason, index) => ({
      key: reason,
      label: t(`operator.drop_offs.${reason}`),
      value: totals[index] ?? 0,
      tone: `drop-${reason}`,
    })),
    weekly: columns.length < days.length,
    labels: columns.map((one) => formats.day(new Date(one.day))),
    table: counted.map((one, index) => ({
      day: new Date(columns[index]?.day ?? ''),
      values: dropOffs.map((reason: DropOff) => one[reason]),
    })),
    failures: addUp(days).failures.map(({ code, total }) => ({ code, total, label: headingOf(code, t) })),
    drawing: draw.layOutColumns(counted.map((one) => dropOffs.map((reason) => one[reason]))),
    empty: totals.every((total) => total === 0),
  };
}

function headingOf(code: ErrorCode, t: TFunction): string {
  return t(`errors.${code}.heading`);
}

function describeStatuses(connections: Overview['connections'], { t, draw }: Page, formats: Formats) {
  const all = statuses.reduce((sum, status) => sum + connections[status], 0);
  const rows = statuses.map(
    (status): BarRow => ({
      key: status,
      label: t(`operator.statuses.${status}`),
      value: connections[status],
      share: formats.share(connections[status], all),
      tone: `status-${status}`,
    }),
  );
  return { rows, drawing: draw.layOutBars(rows.map(({ value }) => value)), empty: all === 0 };
}

function describeEnds(ends: Overview['ends'], { draw }: Page, formats: Formats) {
  return {
    total: ends.reduce((sum, { total }) => sum + total, 0),
    labels: ends.map(({ from }) => formats.day(from)),
    table: ends.map(({ from, total }) => ({ day: from, values: [total] })),
    drawing: draw.layOutColumns(ends.map(({ total }) => [total])),
    empty: ends.every(({ total }) => total === 0),
  };
}

function describeFailing({ worst, total, withoutAccess }: Overview['failing'], { t, draw }: Page) {
  const rows = [
    { key: 'working', value: total - withoutAccess, tone: 'failing-working' },
    { key: 'over', value: withoutAccess, tone: 'failing-over' },
  ].map((row): BarRow => ({ ...row, share: null, label: t(`operator.failing.${row.key}`) }));
  const begun = worst.flatMap(({ since }) => (since ? [since.getTime()] : []));
  return {
    total,
    worst,
    rows,
    drawing: draw.layOutBars(rows.map(({ value }) => value)),
    oldest: begun.length > 0 ? new Date(Math.min(...begun)) : null,
  };
}

function describeWebhooks({ waiting, failing, givenUp, oldest }: Overview['webhooks'], { t, draw }: Page) {
  const rows = [
    { key: 'first', value: waiting - failing, tone: 'queue-first' },
    { key: 'again', value: failing, tone: 'queue-again' },
    { key: 'given_up', value: givenUp, tone: 'queue-given_up' },
  ].map((row): BarRow => ({ ...row, share: null, label: t(`operator.webhooks.${row.key}`) }));
  return { rows, oldest, drawing: draw.layOutBars(rows.map(({ value }) => value)), empty: waiting + givenUp === 0 };
}
