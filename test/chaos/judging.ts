// Why a grant ended, by what the processes noted and what was done to them. What nothing explains is a violation.

import { type AppProcess, longestStop } from './app-process.ts';
import { add, type Counts } from './counts.ts';
import type { Fleet } from './fleet.ts';
import { fingerprint } from './steps.ts';
import type { StoredConnection, StoredGrants } from './stored-grants.ts';
import type { Times } from './time-scale.ts';

export const causes = {
  inCall: 'killed while the provider was asked',
  beforeCommit: 'killed between the answer and the commit',
  cut: 'the answer was cut by a fault',
  stopped: 'stopped for longer than lease and patience',
  thrownAway: 'stopped in the call, and its answer thrown away',
} as const;

const mostTold = 10;

/** One sending of a token: what came of it as far as its process knows. `until`: the outcome was known or stored. */
type Call = { by: AppProcess; from: number; until: number; outcome: string | null; message: string; stored: boolean };
export type Judging = ReturnType<typeof createJudging>;

export function createJudging(
  needs: { fleet: Fleet; stored: StoredGrants; counts: Counts; times: Times },
  policy: { use: 're-use' | 'one-time'; graceSeconds: number },
) {
  const { fleet, stored, counts, times } = needs;
  const unavoidable = policy.use === 'one-time' && policy.graceSeconds === 0;

  /** Called by the sandbox, before it answers, when a spent token comes again after its grace. */
  function judgeReplay(spentToken: string): void {
    const token = fingerprint(spentToken);
    fleet.readJournals();
    if (hasSuccessor(token, new Set(stored.readAll().map((connection) => connection.token)))) {
      counts.replaysBesideSuccessor += 1;
      counts.violate('a spent token was sent although its successor was stored', tell(token));
      return;
    }
    counts.replaysWithoutSuccessor += 1;
    const held = callsOf(token).find(({ by, outcome }) => outcome === 'refreshed' && by.state !== 'ended');
    if (held && stopIn(held) < times.tooLong) {
      counts.violate('a spent token was sent while a living process held its successor', tell(token));
    }
  }

  /** What came of this token, at once or by way of others, is stored: not what a new consent has brought meanwhile. */
  function hasSuccessor(token: string | null, tokens: Set<string | null>): boolean {
    const successors = new Map<string | null, string>();
    for (const { lines } of fleet.processes) {
      for (const line of lines) if (line.token && line.successor) successors.set(line.token, line.successor);
    }
    const seen = new Set<string>();
    for (let next = successors.get(token); next !== undefined && !seen.has(next); next = successors.get(next)) {
      if (tokens.has(next)) return true;
      seen.add(next);
    }
    return false;
  }

  /** Called when a connection needs a reconnect. */
  function judgeLoss(connection: StoredConnection): void {
    const { id, reason, token } = connection;
    fleet.readJournals();
    add(counts.reconnects, reason ?? 'without a reason');
    const cause = explain(token) ?? explainFormer(token);
    add(counts.lost, cause ?? 'not explained');
    const broken = findBroken(cause, reason);
    if (broken) counts.violate(broken, [`connection ${id}, ${reason}, ${cause}`, ...tell(token)]);
  }

  function findBroken(cause: string | null, reason: string | null): string | null {
    if (cause === null) return 'a grant was lost, and nothing explains it';
    if (cause === causes.thrownAway) return 'a grant was lost although its answer had come';
    if (!unavoidable) return 'a grant was lost that such refresh tokens need not lose';
    const isSaid = reason === 'answer_lost' || cause === causes.stopped;
    return isSaid ? null : 'a grant was lost to a lost answer, and the reason is another';
  }

  function explain(token: string | null): string | null {
    for (const call of callsOf(token)) {
      const { by, outcome, message } = call;
      // The sandbox spends nothing when it answers 500, though the app cannot know.
      if (call.stored || message.includes('answered 5')) continue;
      // A fault of ours breaks the connection, also under a process that is stopped.
      const thrownAway = /no answer in time|gave up/.test(message) && stopIn(call) >= times.tokenTimeout;
      if (outcome === 'unknown') return thrownAway ? causes.thrownAway : causes.cut;
      if (stopIn(call) >= times.tooLong) return causes.stopped;
      if (by.state !== 'ended') continue;
      if (outcome === null) return causes.inCall;
      if (outcome === 'refreshed') return causes.beforeCommit;
    }
    return null;
  }

  function callsOf(token: string | null): Call[] {
    const calls: Call[] = [];
    for (const by of fleet.processes) {
      let current: Call | null = null;
      for (const line of by.lines) {
        if (line.token !== token || token === null) continue;
        if (line.step === 'sending') {
          const until = by.endedAt ?? Number.POSITIVE_INFINITY;
          current = { by, from: line.at, until, outcome: null, message: '', stored: false };
          calls.push(current);
        }
        if (line.step === 'after_answer' && current) {
          current.outcome = line.outcome ?? null;
          current.message = line.message ?? '';
          if (line.outcome !== 'refreshed') current.until = line.at;
        }
        if (line.step === 'after_commit' && current) Object.assign(current, { stored: line.written, until: line.at });
      }
    }
    return calls;
  }

  /** A holder that came back after others had given the grant up has stored what it had: a token that was ended. */
  function explainFormer(successor: string | null): string | null {
    for (const { lines } of fleet.processes) {
      const commit = lines.find((line) => line.step === 'after_commit' && line.successor === successor);
      const calls = callsOf(commit?.token ?? null);
      if (calls.some((call) => call.stored && stopIn(call) >= times.tooLong)) return causes.stopped;
    }
    return null;
  }

  const stopIn = ({ by, from, until }: Call) => longestStop(by, from, until);

  /** All that is known of a token. */
  function tell(token: string | null): string[] {
    const told = fleet.processes.flatMap(({ id, round, state, killedAs, endedAt, stops, lines }) => {
      const found = lines.filter((line) => line.token === token || line.successor === token);
      if (found.length === 0) return [];
      const fate = JSON.stringify({ round, state, killedAs, endedAt, stops });
      const text = [`process ${id} ${fate}`, ...shorten(found.map((line) => JSON.stringify(line)))];
      return [{ at: found[0]?.at ?? 0, text }];
    });
    return told.sort((a, b) => a.at - b.at).flatMap(({ text }) => text);
  }

  return { judgeReplay, judgeLoss, tell };
}

/** A grant that is held for long is tried again many times. */
function shorten(lines: string[]): string[] {
  if (lines.length <= 2 * mostTold) return lines;
  return [...lines.slice(0, mostTold), `… ${lines.length - 2 * mostTold} more …`, ...lines.slice(-mostTold)];
}
