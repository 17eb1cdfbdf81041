// Faults that a person can pick on the front page, each where it makes sense; tests may write others.

import { type DineroError, describeDineroError, describeQuota, dineroErrors } from './dinero-errors.ts';
import {
  ANSWER_THEN_RESET,
  CUT,
  type FaultGroup,
  group,
  ODD_ANSWERS,
  OUT_OF_ORDER,
  type ReadyFault,
  type Sketch,
  SLOW,
  tooManyRequests,
} from './fault-groups.ts';
import { INVALID_CLIENT, TOKEN_FAULTS } from './token-faults.ts';

const UNAUTHORIZED = dineroRefusal('401', '401 code 41: the access token is refused', dineroErrors.unauthorized);
const NO_PRO = dineroRefusal('403', '403 code 90: the company has no Dinero Pro', dineroErrors.noPro);
const DINERO_ANYWHERE = [SLOW, CUT, ...OUT_OF_ORDER, UNAUTHORIZED, NO_PRO];
const QUOTA_EXCEEDED = tooManyRequests(describeQuota(100));

export const FAULT_GROUPS: FaultGroup[] = [
  ...TOKEN_FAULTS,
  group(
    'discovery',
    'Discovery',
    'Say that Visma Connect is not answering, trust no other issuer, and recover unaided when it is back.',
    [
      SLOW,
      CUT,
      ...OUT_OF_ORDER,
      ['issuer', 'It names another issuer', { kind: 'odd', field: 'issuer', value: 'https://elsewhere.example' }],
    ],
  ),
  group(
    'jwks',
    'Signing keys (asked for with openid alone)',
    'Let nobody in on an id_token that could not be checked; say so and let the person start again.',
    [SLOW, ...OUT_OF_ORDER, ['none', 'A list without keys', { kind: 'odd', field: 'keys', value: [] }]],
  ),
  group('revocation', 'Revocation', 'Disconnect the person at once all the same, and tell Visma Connect again later.', [
    SLOW,
    ANSWER_THEN_RESET,
    ...OUT_OF_ORDER,
    INVALID_CLIENT,
  ]),
  group(
    'organizations',
    'Dinero’s list of companies',
    'Say that Dinero is not answering and offer to try again; after 401 refresh the token once, after 429 wait.',
    [...DINERO_ANYWHERE, ...ODD_ANSWERS, ...QUOTA_EXCEEDED],
  ),
  group(
    'accountingyears',
    'Dinero’s accounting years (asked for when a company is chosen)',
    'As for the list, and after 403 with code 90 say that the company needs Dinero Pro; store no choice.',
    [...DINERO_ANYWHERE, ...QUOTA_EXCEEDED.slice(0, 1)],
  ),
];

export const READY_FAULTS: ReadyFault[] = FAULT_GROUPS.flatMap(({ faults }) => faults);

function dineroRefusal(name: string, label: string, error: DineroError): Sketch {
  return [name, label, { kind: 'status', status: error.status, body: JSON.stringify(describeDineroError(error)) }];
}
