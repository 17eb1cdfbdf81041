// Refreshes what would lapse, finds out what has ended, and warns of what will (design, section 7, rule 7).

import type { AccessTokens } from './access-tokens.ts';
import { takeOneByOne } from './batches.ts';
import { type ErrorCode, isConnectError } from './errors.ts';
import type { Clock, DeploymentGuard } from './ports.ts';
import {
  dueWarning,
  earliestAttempt,
  isLeased,
  needsRefresh,
  nextDue,
  type RefreshTokenPolicy,
} from './refresh-schedule.ts';
import type { ConnectionStore, DuePosition } from './stores.ts';
import type { Connection, Grant } from './types.ts';

/**
 * `stopped`: the provider or the database does not work, and the rest waits for the next sweep. `bug` is the first error
 * that nobody expected; the connection that met it is looked at again in the next sweep.
 */
export type SweepReport = {
  seen: number;
  refreshed: number;
  warned: number;
  failed: number;
  stopped: string | null;
  bug: unknown;
};

const batchSize = 100;
const defaultConcurrency = 4;
const defaultPauseMilliseconds = 50;
/** People who wait for a refresh go first: the sweep leaves the provider to them while there are so many. */
const busyRefreshes = 8;
const longestPausesForPeople = 300;
const troublesToStop = 3;
/** Troubles that no other connection can be without. */
const stopping: ErrorCode[] = ['client_rejected', 'database_unavailable', 'deployment_foreign'];
const restSeconds = 60;
const unreadableAgainMilliseconds = 24 * 3600 * 1000;

export function createKeepAlive(
  ports: { clock: Clock; connections: ConnectionStore; deployment: DeploymentGuard },
  accessTokens: AccessTokens,
  policy: RefreshTokenPolicy,
  options: { concurrency?: number; pauseMilliseconds?: number } = {},
) {
  const { clock, connections, deployment } = ports;
  const concurrency = options.concurrency ?? defaultConcurrency;
  const pauseMilliseconds = options.pauseMilliseconds ?? defaultPauseMilliseconds;
  let restUntil = 0;

  /**
   * One round over all that is due, a few at a time; ends early when `signal` is aborted, and when the provider says
   * no to several or asks to wait. Safe to run in any number of processes. Throws database_unavailable.
   */
  async function sweep(signal?: AbortSignal): Promise<SweepReport> {
    const report: SweepReport = { seen: 0, refreshed: 0, warned: 0, failed: 0, stopped: null, bug: null };
    if (clock.monotonic() < restUntil || !(await deployment.isOurs())) return report;
    const now = clock.now();
    const due = takeOneByOne<DuePosition>((last) => connections.listDue(now, last, batchSize));
    let troubles = 0;

    async function work(): Promise<void> {
      for (;;) {
        if (signal?.aborted || report.stopped) return;
        const next = await due();
        if (next === null) return;
        report.seen += 1;
        const trouble = await lookAfterSafely(next.userId, report);
        troubles = trouble === null ? 0 : troubles + 1;
        if (trouble !== null && (stopping.includes(trouble.code) || troubles >= troublesToStop)) {
          report.stopped = trouble.code;
          restUntil = clock.monotonic() + Math.max(restSeconds, trouble.seconds) * 1000;
        }
        await clock.sleep(Math.random() * pauseMilliseconds, signal);
      }
    }

    const workers = await Promise.allSettled(Array.from({ length: concurrency }, work));
    const failure = workers.find((worker) => worker.status === 'rejected');
    if (failure) throw failure.reason;
    return report;
  }

  /** One connection that meets a bug costs the others nothing. */
  async function lookAfterSafely(userId: string, report: SweepReport): Promise<Trouble | null> {
    try {
      return await lookAfter(userId, report);
    } catch (error) {
      report.failed += 1;
      if (isConnectError(error)) return { code: error.code, seconds: restSeconds };
      report.bug ??= error;
      return null;
    }
  }

  /** What went wrong that will go wrong for others too; null when nothing did. */
  async function lookAfter(userId: string, report: SweepReport): Promise<Trouble | null> {
    const connection = await connections.findByUser(userId);
    const now = clock.now();
    if (!connection?.dueAt || connection.dueAt > now) return null;
    const { grant, status } = connection;
    if (grant === null || status === 'needs_reconnect' || status === 'disconnected') {
      // One that does not open may open again, once its key is back.
      const again = connection.reason === 'grant_unreadable' ? unreadableAgainMilliseconds : null;
      await reschedule(connection, again === null ? null : new Date(now.getTime() + again), now);
      return null;
    }
    const authorized = { ...connection, grant };
    if (needsRefresh(policy, authorized, now)) return refresh(authorized, report, now);
    const warning = dueWarning(policy, connection, now);
    const warnedDays = warning ?? connection.warnedDays;
    const dueAt = nextDue(policy, grant, { ...connection, warnedDays }, now);
    const event = warning === null ? null : ({ type: 'expiring', daysLeft: warning } as const);
    const told = await connections.reschedule(connection, { dueAt, warnedDays, now }, event);
    if (told && warning !== null) report.warned += 1;
    return null;
  }

  async function refresh(connection: Authorized, report: SweepReport, now: Date): Promise<Trouble | null> {
    if (isLeased(connection.refreshState, now)) return null;
    const earliest = earliestAttempt(policy, connection.refreshState, now);
    if (earliest > now) {
      await reschedule(connection, earliest, now);
      return null;
    }
    await letPeopleGoFirst();
    try {
      await accessTokens.keepAlive(connection);
      report.refreshed += 1;
      return null;
    } catch (error) {
      if (!isConnectError(error)) throw error;
      if (error.code === 'needs_reconnect' || error.code === 'not_connected') return null;
      report.failed += 1;
      const seconds = error.retryAfterSeconds ?? restSeconds;
      await reschedule(connection, new Date(now.getTime() + seconds * 1000), now);
      return { code: error.code, seconds };
    }
  }

  /** Does nothing when the refresh itself has said already when it is due again. */
  function reschedule(connection: Connection, dueAt: Date | null, now: Date): Promise<boolean> {
    return connections.reschedule(connection, { dueAt, warnedDays: connection.warnedDays, now }, null);
  }

  async function letPeopleGoFirst(): Promise<void> {
    for (let pauses = 0; pauses < longestPausesForPeople; pauses += 1) {
      if (accessTokens.running() < busyRefreshes) return;
      await clock.sleep(100);
    }
  }

  return { sweep };
}

type Authorized = Connection & { grant: Grant };
type Trouble = { code: ErrorCode; seconds: number };
