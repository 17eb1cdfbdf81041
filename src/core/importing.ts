// Takes over tokens that another system has used: checks all of them, keeps them unused, and puts them to use when it
// is asked to (decision 16). Knows no file: rows come as they were written.

import { ConnectError, type ErrorCode, isConnectError } from './errors.ts';
import { createRowInspection, type ImportRow, type RowProblem, toScopeNames } from './import-checking.ts';
import type { ImportedGrant, WaitingGrant } from './imported-grants.ts';
import type { Organizations } from './organizations.ts';
import type { Ports } from './ports.ts';

export type Importing = ReturnType<typeof createImporting>;

/** `grants` are those that would be new, `unchanged` counts those that wait already, just so. */
export type ImportCheck = {
  failed: { line: number; userId: string; problems: RowProblem[] }[];
  grants: ImportedGrant[];
  unchanged: number;
};

/** Ends one activation and no other: its connection stays as it is then, and a person has to go on. */
const finalCodes = [
  'needs_reconnect',
  'not_connected',
  'organization_unknown',
  'organization_not_pro',
  'dinero_unauthorized',
  'dinero_rejected',
] as const satisfies ErrorCode[];
const refusals: ActivationFailure[] = ['needs_reconnect', 'dinero_unauthorized', 'dinero_rejected'];

/** `connected_otherwise`: the user connected, or ended that, without us. `unreadable`: it does not open; it is kept. */
export type ActivationFailure = (typeof finalCodes)[number] | 'connected_otherwise' | 'unreadable';
/** How one activation ended; `failure` is null when the user is connected. */
export type Activation = { userId: string; failure: ActivationFailure | null };

const pageSize = 100;
const connectionsPageSize = 1_000;
const concurrency = 4;
/** Keep-alive finds what an activation left behind that was never gone on with, and leaves it alone until then. */
const keepAliveAfterMilliseconds = 3_600_000;
/** So many in a row have one cause, such as another client's tokens, and each of them costs a token. */
const refusalsToStop = 20;

export function createImporting(
  ports: Pick<Ports, 'clock' | 'connections' | 'deployment' | 'importedGrants'>,
  organizations: Pick<Organizations, 'choose'>,
) {
  const { clock, connections, deployment, importedGrants } = ports;

  /** Looks at all rows, and stores nothing. Throws database_unavailable. */
  async function check(rows: ImportRow[]): Promise<ImportCheck> {
    const inspect = createRowInspection();
    const users = new Set(rows.map(({ userId }) => userId));
    const connected = await listConnected(users);
    const waiting = await listWaiting(users);
    const result: ImportCheck = { failed: [], grants: [], unchanged: 0 };
    for (const row of rows) {
      const { line, userId, scope, ...rest } = row;
      const grant = { userId, scope: toScopeNames(scope), ...rest };
      const before = waiting.get(userId);
      const problems = inspect(row);
      if (before && !isSame(before, grant)) problems.push('waiting_otherwise');
      if (!before && connected.has(userId)) problems.push('connected_already');
      if (problems.length > 0) result.failed.push({ line, userId, problems });
      else if (before) result.unchanged += 1;
      else result.grants.push(grant);
    }
    return result;
  }

  async function listConnected(users: Set<string>): Promise<Set<string>> {
    const connected = new Set<string>();
    let after: string | null = null;
    for (;;) {
      const page = await connections.list({ status: null, after, limit: connectionsPageSize });
      for (const { userId, status } of page) {
        if (users.has(userId) && status !== 'disconnected') connected.add(userId);
      }
      if (page.length < connectionsPageSize) return connected;
      after = page.at(-1)?.userId ?? null;
    }
  }

  async function listWaiting(users: Set<string>): Promise<Map<string, WaitingGrant>> {
    const waiting = new Map<string, WaitingGrant>();
    for await (const page of readWaiting()) {
      for (const grant of page) if (users.has(grant.userId)) waiting.set(grant.userId, grant);
    }
    return waiting;
  }

  async function* readWaiting(): AsyncGenerator<WaitingGrant[]> {
    let after: string | null = null;
    for (;;) {
      const page = await importedGrants.list(after, pageSize);
      yield page;
      if (page.length < pageSize) return;
      after = page.at(-1)?.userId ?? null;
    }
  }

  /**
   * Stores what `check` found to be new, to wait: all of it or nothing. `prepared` is told of each one, before that.
   * Throws deployment_foreign, database_unavailable.
   */
  async function store(grants: ImportedGrant[], prepared: () => void = () => {}): Promise<void> {
    await requireOurs();
    await importedGrants.insertAll(grants, clock.now(), prepared);
  }

  /**
   * Puts everything that waits to use, a few at a time, and goes on with what was begun before. `ended` is told of each
   * one. Answers what kept it from going on, and null when nothing did; what is left waits for the next time. Ends
   * early when `signal` is aborted. Throws deployment_foreign, database_unavailable.
   */
  async function activate(ended: (one: Activation) => void, signal?: AbortSignal): Promise<ConnectError | null> {
    await requireOurs();
    const run: Run = { over: false, stopped: null, refusedInARow: 0, ended };
    for await (const page of readWaiting()) {
      const rest = page.values();
      const workers = await Promise.allSettled(Array.from({ length: concurrency }, () => work(rest, run, signal)));
      const bug = workers.find((worker) => worker.status === 'rejected');
      if (bug) throw bug.reason;
      if (run.over || signal?.aborted) break;
    }
    return run.stopped;
  }

  async function work(rest: Iterable<WaitingGrant>, run: Run, signal?: AbortSignal): Promise<void> {
    for (const grant of rest) {
      if (run.over || signal?.aborted) return;
      try {
        const failure = await activateOne(grant);
        // Told first: whoever is killed in between tells it twice, and not never.
        run.ended({ userId: grant.userId, failure });
        if (failure !== 'unreadable') await importedGrants.delete(grant.userId);
        run.refusedInARow = failure !== null && refusals.includes(failure) ? run.refusedInARow + 1 : 0;
        if (run.refusedInARow >= refusalsToStop) throw createRefusedError();
      } catch (error) {
        run.over = true;
        if (!isConnectError(error)) throw error;
        run.stopped ??= error;
      }
    }
  }

  /** Throws what may be over the next time. */
  async function activateOne(grant: WaitingGrant): Promise<ActivationFailure | null> {
    const { userId, refreshToken, organizationId } = grant;
    if (grant.activatedAt === null && refreshToken === null) return 'unreadable';
    const activatedAt = grant.activatedAt ?? (await makeConnection({ ...grant, refreshToken: refreshToken ?? '' }));
    const connection = await connections.findByUser(userId);
    if (activatedAt === null || connection?.authorizedAt.getTime() !== activatedAt.getTime()) {
      return 'connected_otherwise';
    }
    if (connection.status === 'connected') return null;
    try {
      await organizations.choose(userId, organizationId);
      return null;
    } catch (error) {
      if (isConnectError(error, ...finalCodes)) return error.code as (typeof finalCodes)[number];
      throw error;
    }
  }

  /** When the connection was made of this grant, by whomever; null when the user has another one. */
  async function makeConnection(grant: ImportedGrant & { importedAt: Date }): Promise<Date | null> {
    const now = clock.now();
    const dueAt = new Date(now.getTime() + keepAliveAfterMilliseconds);
    if (await importedGrants.activate(grant, { now, dueAt, events: [{ type: 'authorized' }] })) return now;
    return (await importedGrants.find(grant.userId))?.activatedAt ?? null;
  }

  async function requireOurs(): Promise<void> {
    if (await deployment.isOurs()) return;
    throw new ConnectError('deployment_foreign', 'the database belongs to another deployment: `npm run adopt` first');
  }

  return { check, store, activate, count: importedGrants.count, discard: importedGrants.discard };
}

type Run = { over: boolean; stopped: ConnectError | null; refusedInARow: number; ended: (one: Activation) => void };

function isSame(one: WaitingGrant, other: ImportedGrant): boolean {
  const scope = new Set(one.scope);
  return (
    one.refreshToken === other.refreshToken &&
    one.organizationId === other.organizationId &&
    scope.size === new Set(other.scope).size &&
    other.scope.every((name) => scope.has(name))
  );
}

function createRefusedError(): ConnectError {
  return new ConnectError(
    'grant_rejected',
    `${refusalsToStop} in a row were refused: were these tokens given to this VISMA_CLIENT_ID, and are they still good?`,
  );
}
