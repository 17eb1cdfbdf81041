// The numbers for Prometheus: the library is loaded where they are wanted, and nowhere else.

import { readFileSync } from 'node:fs';
import { readCounts } from '../adapters/counts.ts';
import type { Database } from '../adapters/database.ts';
import type { Metrics } from '../adapters/metrics.ts';
import { createObserving } from '../adapters/observing.ts';
import type { Config } from '../config.ts';
import type { AppDependencies } from '../http/app.ts';
import type { ReadinessCheck } from '../http/routes/health.ts';
import { clock } from './wiring.ts';

export async function loadMetrics(config: Config): Promise<Metrics | null> {
  if (config.metrics === null) return null;
  const { createMetrics } = await import('../adapters/metrics.ts');
  return createMetrics(readVersion());
}

/** What `/metrics` answers with; null when it is not there. */
export function publishMetrics(
  { metrics: access }: Config,
  metrics: Metrics | null,
  checks: ReadinessCheck[],
  database: Database,
): AppDependencies['metrics'] {
  if (!access || !metrics) return null;
  const { contentType, request } = metrics;
  const { observe } = createObserving(clock, { checks, readCounts: (now) => readCounts(database, now) });
  return { ...access, contentType, request, render: async () => metrics.render(await observe(), clock.now()) };
}

function readVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
