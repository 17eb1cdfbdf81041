// Every environment variable, by what the configuration said of it.

import type { Finding } from '../core/findings.ts';
import { variableNames } from '../environment.ts';
import { findingsOf } from './finding.ts';

const { done, wrong } = findingsOf('environment');

/** `problems` as ConfigError lists them: one line each, the variable's name first. */
export function checkEnvironment(problems: string[]): Finding[] {
  return problems.length === 0 ? [done('environment_done')] : problems.map(judge);
}

function judge(problem: string): Finding {
  const name = variableNames.find((one) => problem.startsWith(`${one} `));
  if (name === undefined) return wrong('environment_refused', { problem });
  return wrong(problem.startsWith(`${name} is missing`) ? 'variable_missing' : 'variable_wrong', { name });
}
