// What this deployment does, in numbers for Prometheus over prom-client. Labels have closed sets of values: none of them
// is an id, a path, or anything that a person or a provider wrote (requirements, B1). docs/operations/metrics.md is the list.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { errorCodes } from '../core/errors.ts';
import type { HandOutWatch, OnboardingWatch, RefreshWatch } from '../core/ports.ts';
import type { FirstResult, RefreshOutcome } from '../core/types.ts';
import type { WebhookReport } from '../core/webhooks.ts';
import type { Observation } from './observing.ts';
import type { CallName, CallWatch } from './watched-calls.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/** Of the library's own: what tells whether this process is well. One of a group that is filled together brings the others. */
const ofProcess = [
  ...['process_cpu_user_seconds_total', 'process_cpu_system_seconds_total', 'process_cpu_seconds_total'],
  ...['process_start_time_seconds', 'process_resident_memory_bytes', 'process_open_fds', 'process_max_fds'],
  ...['nodejs_heap_size_total_bytes', 'nodejs_heap_size_used_bytes', 'nodejs_external_memory_bytes'],
  ...['nodejs_eventloop_lag_seconds', 'nodejs_eventloop_lag_max_seconds', 'nodejs_gc_duration_seconds'],
  ...['nodejs_eventloop_lag_p50_seconds', 'nodejs_eventloop_lag_p90_seconds', 'nodejs_eventloop_lag_p99_seconds'],
];
/** From a token that is handed out from memory to a page that waits for a slow provider. */
const requestBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** The last ones are the time limits of the calls. */
const callBuckets = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30];
const targets: Record<CallName, 'visma_connect' | 'dinero'> = {
  discovery: 'visma_connect',
  jwks: 'visma_connect',
  token: 'visma_connect',
  revocation: 'visma_connect',
  organizations: 'dinero',
  proof: 'dinero',
  proxy: 'dinero',
};
const refreshOutcomes: RefreshOutcome['kind'][] = ['refreshed', 'rejected', 'client_rejected', 'try_later', 'unknown'];
const finishOutcomes: FirstResult['kind'][] = ['connected', 'authorized', 'undecided'];
const fromDatabase = '(of the database: the same on every instance, use max and not sum)';

/** `version` is this app's. */
export function createMetrics(version: string) {
  const registry = createRegistry();
  const counters = createCounters(registry);
  const histograms = createHistograms(registry);
  const gauges = createGauges(registry);
  startAtZero(counters);
  gauges.build.set({ version, node: process.versions.node }, 1);

  const onboarding: OnboardingWatch = (step) => {
    if (step.step === 'finished') counters.onboarding.inc(labelsOfFinish(step.outcome, step.code));
    else counters.onboarding.inc({ step: step.step });
  };
  const refresh: RefreshWatch = ({ outcome }) => counters.refreshes.inc({ outcome });
  const handOut: HandOutWatch = (outcome, code) => counters.handOuts.inc(labelsOfHandOut(outcome, code));
  const call: CallWatch = (name, outcome, milliseconds) =>
    histograms.calls.observe({ target: targets[name], call: name, outcome }, milliseconds / 1000);

  return {
    onboarding,
    refresh,
    handOut,
    call,
    /** A stored grant did not open. */
    unreadableGrant: () => counters.unreadable.inc(),
    webhook: ({ outcome }: Pick<WebhookReport, 'outcome'>) => counters.webhooks.inc({ outcome }),
    /** An answer of ours; all three texts are from closed sets. */
    request: (labels: { method: string; route: string; status: string }, milliseconds: number) =>
      histograms.requests.observe(labels, milliseconds / 1000),
    contentType: registry.contentType,
    /** The text that Prometheus reads; without counts their gauges are left out. */
    render(observation: Observation, now: Date): Promise<string> {
      setGauges(gauges, observation, now);
      return registry.metrics();
    },
  };
}

type Counters = ReturnType<typeof createCounters>;
type Gauges = ReturnType<typeof createGauges>;

function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const { name } of registry.getMetricsAsArray()) if (!ofProcess.includes(name)) registry.removeSingleMetric(name);
  return registry;
}

function createCounters(registry: Registry) {
  const counter = <T extends string>(name: string, help: string, ...labelNames: T[]) =>
    new Counter({ name: `dinero_connect_${name}`, help, labelNames, registers: [registry] });
  return {
    onboarding: counter(
      'onboarding_steps_total',
      'Steps on the way to a connection: started, finished with its outcome, connected to a company that works',
      ...(['step', 'outcome', 'code'] as const),
    ),
    refreshes: counter('refreshes_total', 'Token requests with a refresh token, by how they ended', 'outcome'),
    handOuts: counter(
      'token_handouts_total',
      'Access tokens asked for by backends, by how that ended',
      ...(['outcome', 'code'] as const),
    ),
    unreadable: counter('unreadable_grants_total', 'Times that a stored grant did not open with the keys there are'),
    webhooks: counter('webhook_deliveries_total', 'Tries to deliver a webhook, by how they ended', 'outcome'),
  };
}

function createHistograms(registry: Registry) {
  return {
    requests: new Histogram({
      name: 'dinero_connect_http_request_duration_seconds',
      help: 'Requests to this app, from their arrival to the end of the answer',
      labelNames: ['method', 'route', 'status'],
      buckets: requestBuckets,
      registers: [registry],
    }),
    calls: new Histogram({
      name: 'dinero_connect_outbound_request_duration_seconds',
      help: 'Calls to Visma Connect and Dinero, the wait for a free place included',
      labelNames: ['target', 'call', 'outcome'],
      buckets: callBuckets,
      registers: [registry],
    }),
  };
}

function createGauges(registry: Registry) {
  const gauge = <T extends string>(name: string, help: string, ...labelNames: T[]) =>
    new Gauge({ name: `dinero_connect_${name}`, help, labelNames, registers: [registry] });
  return {
    build: gauge('build_info', 'The version of this app and of its Node; always 1', 'version', 'node'),
    ready: gauge('ready', 'Whether this check of /readyz passes: 1 or 0', 'check'),
    connections: gauge('connections', `Connections by status ${fromDatabase}`, 'status'),
    due: gauge('connections_due', `Connections that keep-alive should look at by now ${fromDatabase}`),
    atRisk: gauge(
      'connections_at_risk',
      `Connections whose refresh token ends within 7 days, or whose last refresh failed ${fromDatabase}`,
      'cause',
    ),
    waiting: gauge('webhooks_waiting', `Webhooks that wait to be delivered ${fromDatabase}`),
    oldest: gauge('webhooks_oldest_age_seconds', `Age of the first webhook that waits, 0 without one ${fromDatabase}`),
  };
}

/** A series that begins with its first event hides that event from rate() and increase(). */
function startAtZero({ onboarding, refreshes, handOuts, webhooks }: Counters): void {
  for (const step of ['started', 'connected']) onboarding.inc({ step }, 0);
  for (const outcome of finishOutcomes) onboarding.inc(labelsOfFinish(outcome, null), 0);
  for (const code of errorCodes) onboarding.inc(labelsOfFinish('failed', code), 0);
  for (const outcome of refreshOutcomes) refreshes.inc({ outcome }, 0);
  for (const outcome of ['fresh', 'refreshed', 'delayed']) handOuts.inc(labelsOfHandOut(outcome, null), 0);
  for (const code of [...errorCodes, null]) handOuts.inc(labelsOfHandOut('failed', code), 0);
  for (const outcome of ['delivered', 'failed', 'given_up']) webhooks.inc({ outcome }, 0);
}

function labelsOfFinish(outcome: string, code: string | null) {
  return code === null ? { step: 'finished', outcome } : { step: 'finished', outcome, code };
}

/** `internal`: an error that nobody expected. */
function labelsOfHandOut(outcome: string, code: string | null) {
  return outcome === 'failed' ? { outcome, code: code ?? 'internal' } : { outcome };
}

function setGauges(gauges: Gauges, { counts, ready }: Observation, now: Date): void {
  for (const [check, passes] of Object.entries(ready)) gauges.ready.set({ check }, passes ? 1 : 0);
  const { connections, due, atRisk, waiting, oldest } = gauges;
  if (counts === null) {
    // Absent, so that nobody takes the last known number for today's.
    for (const gauge of [connections, due, atRisk, waiting, oldest]) gauge.reset();
    for (const gauge of [due, waiting, oldest]) gauge.remove();
    return;
  }
  for (const [status, count] of Object.entries(counts.connections)) connections.set({ status }, count);
  due.set(counts.due);
  atRisk.set({ cause: 'ending' }, counts.ending);
  atRisk.set({ cause: 'failing' }, counts.failing);
  waiting.set(counts.webhooksWaiting);
  const { oldestWebhookAt } = counts;
  oldest.set(oldestWebhookAt === null ? 0 : Math.max(0, (now.getTime() - oldestWebhookAt.getTime()) / 1000));
}
