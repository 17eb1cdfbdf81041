// How it goes, at a glance: how many got how far, what ends soon, what does not work.

import type { OnboardingCounts, OnboardingDay } from './onboarding-counts.ts';
import type { FailingCount, FailingRefresh, OversightStore, WebhookCount } from './oversight.ts';
import type { Clock } from './ports.ts';
import type { ConnectionStatus } from './types.ts';

export const overviewSpans = [7, 30, 90] as const;
export type OverviewSpan = (typeof overviewSpans)[number];

export type Overview = {
  /** When it was counted. */
  at: Date;
  /** Oldest first. */
  onboarding: OnboardingDay[];
  connections: Record<ConnectionStatus, number>;
  /** The next thirteen weeks, from today on: how many connections end in each. */
  ends: { from: Date; total: number }[];
  failing: FailingCount & { worst: FailingRefresh[] };
  webhooks: WebhookCount;
};

const dayMilliseconds = 24 * 3600 * 1000;
const shownWeeks = 13;
const shownFailing = 20;
/** Counting a million connections takes a moment, in which SQLite answers nobody else. */
const rememberedMilliseconds = 10_000;

export function createOverview(ports: { clock: Clock; oversight: OversightStore }, counts: OnboardingCounts) {
  const { clock, oversight } = ports;
  const remembered = new Map<OverviewSpan, { overview: Promise<Overview>; until: number }>();

  /** Whoever looks again within ten seconds sees the same. Throws database_unavailable. */
  function read(span: OverviewSpan): Promise<Overview> {
    const known = remembered.get(span);
    if (known && known.until > clock.monotonic()) return known.overview;
    const overview = count(span);
    overview.catch(() => remembered.delete(span));
    remembered.set(span, { overview, until: clock.monotonic() + rememberedMilliseconds });
    return overview;
  }

  async function count(span: OverviewSpan): Promise<Overview> {
    const at = clock.now();
    return {
      at,
      onboarding: await counts.listDays(span),
      connections: await oversight.countStatuses(),
      ends: await countEnds(at),
      failing: { ...(await oversight.countFailing(at)), worst: await oversight.listFailing(shownFailing) },
      webhooks: await oversight.countWebhooks(),
    };
  }

  /** One week at a time, so that others are answered in between. */
  async function countEnds(now: Date): Promise<Overview['ends']> {
    const today = now.getTime() - (now.getTime() % dayMilliseconds);
    const weekFrom = (week: number) => new Date(today + week * 7 * dayMilliseconds);
    const ends: Overview['ends'] = [];
    for (let week = 0; week < shownWeeks; week += 1) {
      const from = weekFrom(week);
      ends.push({ from, total: await oversight.countEnds(week === 0 ? now : from, weekFrom(week + 1)) });
    }
    return ends;
  }

  return { read };
}
