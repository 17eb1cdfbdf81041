// After a run: what must be true of all journals together.

import { type AppProcess, longestStop } from './app-process.ts';
import type { Counts } from './counts.ts';
import type { Line } from './steps.ts';
import type { StoredConnection } from './stored-grants.ts';
import type { Times } from './time-scale.ts';

type Noted = Line & { by: AppProcess };
type Policy = { use: 're-use' | 'one-time'; graceSeconds: number };
type Subject = {
  processes: AppProcess[];
  connections: StoredConnection[];
  counts: Counts;
  times: Times;
  policy: Policy;
};

export function audit(subject: Subject): void {
  const lines = subject.processes
    .flatMap((by): Noted[] => by.lines.map((line) => ({ ...line, by })))
    .sort((a, b) => a.at - b.at);
  subject.counts.tokenCalls = lines.filter(({ step }) => step === 'sending').length;
  checkGenerations(lines, subject);
  checkLeases(subject);
  checkSuccessors(lines, subject);
  checkOneAtATime(lines, subject);
  checkUnknownOutcomes(lines, subject);
  for (const { id, output } of subject.processes) {
    if (output.includes('a bug')) subject.counts.violate('a process met a bug', [`process ${id}`, output]);
  }
}

/** A generation has one token, is replaced once, and is what the next one is refreshed from. */
function checkGenerations(lines: Noted[], { connections, counts }: Subject): void {
  const tokens = new Map<string, string>();
  const replaced = new Map<string, Noted>();

  function claim(connection: string, generation: number, token: string, because: unknown): void {
    const name = `${connection} generation ${generation}`;
    const known = tokens.get(name);
    if (known !== undefined && known !== token) {
      counts.violate('a generation has two tokens', [`${name}: ${known} and ${token}`, JSON.stringify(because)]);
    }
    tokens.set(name, token);
  }

  for (const line of lines) {
    const { connection, generation, token, successor, step, written } = line;
    if (connection === undefined || generation === undefined) continue;
    if (step === 'before_lease' && token) claim(connection, generation, token, plain(line));
    if ((step !== 'after_commit' || !written) && step !== 'authorized') continue;
    if (successor) claim(connection, generation + 1, successor, plain(line));
    const name = `${connection} generation ${generation}`;
    const before = replaced.get(name);
    if (before)
      counts.violate(
        'a generation was replaced twice',
        [before, line].map(plain).map((one) => JSON.stringify(one)),
      );
    replaced.set(name, line);
  }
  for (const { id, generation, token } of connections) if (token) claim(id, generation, token, 'stored in the end');
}

/** Nobody sends without the lease, or without asking whether it still holds. */
function checkLeases({ processes, counts }: Subject): void {
  for (const { id, lines } of processes) {
    const leased = new Set<string>();
    const sent = new Set<string>();
    for (const { step, token, outcome } of lines) {
      if (!token) continue;
      if (step === 'after_lease') leased.add(token);
      if (step === 'sending') sent.add(token);
      if (step === 'sending' && !leased.has(token))
        counts.violate('a token was sent without a lease', [`process ${id}, ${token}`]);
      const answered = step === 'after_answer' && outcome !== 'try_later';
      if (answered && !sent.has(token))
        counts.violate('a token was sent without asking whether the lease holds', [`process ${id}, ${token}`]);
    }
  }
}

/** What a process received is stored, unless it was killed before, or somebody else was first. */
function checkSuccessors(lines: Noted[], { counts, policy }: Subject): void {
  const replacedBy = new Map<string, Noted[]>();
  for (const line of lines) {
    if (line.step !== 'authorized' && !(line.step === 'after_commit' && line.written)) continue;
    const name = `${line.connection} ${line.generation}`;
    replacedBy.set(name, [...(replacedBy.get(name) ?? []), line]);
  }
  const nameOf = ({ by, token, successor }: Noted) => `${by.id} ${token} ${successor}`;
  const commits = new Map(lines.filter(({ step }) => step === 'after_commit').map((line) => [nameOf(line), line]));
  for (const line of lines) {
    if (line.step !== 'after_answer' || line.outcome !== 'refreshed') continue;
    const commit = commits.get(nameOf(line));
    if (commit?.written || (!commit && line.by.exit?.signal === 'SIGKILL')) continue;
    const first = commit ? (replacedBy.get(`${commit.connection} ${commit.generation}`) ?? []) : [];
    const inGrace = policy.use === 're-use' || policy.graceSeconds > 0;
    if (first.some(({ step }) => step === 'authorized' || inGrace)) continue;
    counts.violate('a process received a grant and did not store it', [
      JSON.stringify(plain(line)),
      JSON.stringify(commit ? plain(commit) : null),
    ]);
  }
}

/** Without grace, a token that is on its way is sent by nobody else, unless its holder was silent for too long. */
function checkOneAtATime(lines: Noted[], { counts, policy, times }: Subject): void {
  if (policy.use === 're-use' || policy.graceSeconds > 0) return;
  const underWay = new Map<string, Noted>();
  for (const line of lines) {
    const { step, token, by } = line;
    if (!token) continue;
    const other = underWay.get(token);
    if (step === 'sending' && other && other.by !== by && (other.by.endedAt ?? Number.POSITIVE_INFINITY) > line.at) {
      if (longestStop(other.by, other.at, line.at) < times.tooLong) {
        counts.violate('a token was sent by two processes at once', [`${token}: ${other.by.id}, ${by.id}`]);
      }
    }
    if (step === 'sending') underWay.set(token, line);
    if (step === 'after_answer' && other?.by === by) underWay.delete(token);
  }
}

/** An outcome that nobody knows comes of a fault; what a stop did to a call is judged when its grant is lost. */
function checkUnknownOutcomes(lines: Noted[], { counts }: Subject): void {
  const isUnknown = ({ step, outcome, by, at }: Noted) =>
    step === 'after_answer' && outcome === 'unknown' && !by.stops.some(({ until }) => Math.abs(until - at) < 1_000);
  const unknown = lines.filter(isUnknown);
  const cut = ['500', 'cut', 'answerThenReset', 'reset', 'hang'].reduce(
    (sum, kind) => sum + (counts.faults.get(kind) ?? 0),
    0,
  );
  if (unknown.length <= cut) return;
  const told = unknown.map((line) => JSON.stringify(plain(line)));
  counts.violate('answers were lost without a fault', [`${unknown.length} of ${cut}`, ...told]);
}

function plain({ by, ...line }: Noted): unknown {
  return { process: by.id, ...line };
}
