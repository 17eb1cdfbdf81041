// How a check writes down what it found.

import type { Check, Finding, FindingCode, findingCodes, Mark } from '../core/findings.ts';

type Values = Record<string, string>;

/** One check's pen: each verb makes a finding of it. */
export function findingsOf(check: Check) {
  const write =
    (mark: Mark) =>
    (code: FindingCode, values: Values = {}): Finding => ({ check, mark, code, values });
  const unknown = write('unknown');
  return {
    done: write('done'),
    wrong: write('wrong'),
    unknown,
    /** In the sentences that several checks say, this one is named. */
    unexamined: (code: (typeof findingCodes)['any'][number], values: Values = {}) =>
      unknown(code, { check, ...values }),
  };
}
