// Faults that a person can pick on the front page; tests write their own.

import type { Fault, FaultTarget } from './types.ts';

export const FAULT_TARGETS: FaultTarget[] = [
  'discovery',
  'jwks',
  'token',
  'revocation',
  'organizations',
  'accountingyears',
];

export const READY_FAULTS: { id: string; label: string; fault: Fault }[] = [
  { id: 'slow', label: 'Slow: the true answer after 10 seconds', fault: { kind: 'slow', ms: 10_000 } },
  { id: 'hang', label: 'Never answers', fault: { kind: 'hang' } },
  { id: '500', label: '500 Internal Server Error', fault: { kind: 'status', status: 500 } },
  { id: '503', label: '503 with Retry-After', fault: retryLater(503, 'Service Unavailable') },
  { id: '429', label: '429, quota exceeded', fault: retryLater(429, 'API calls quota exceeded!') },
  { id: 'invalid_grant', label: 'Grant rejected: 400 invalid_grant', fault: refused('{"error":"invalid_grant"}') },
  { id: 'invalid_client', label: 'Client rejected: 400 invalid_client', fault: refused('{"error":"invalid_client"}') },
  { id: '401', label: 'Dinero: 401 unauthorized', fault: { kind: 'status', status: 401, body: '{"code":41}' } },
  { id: '403', label: 'Dinero: 403 without Pro', fault: { kind: 'status', status: 403, body: '{"code":90}' } },
  { id: 'html', label: 'An HTML page instead of JSON', fault: { kind: 'html' } },
  { id: 'garbage', label: 'Bytes that are no JSON', fault: { kind: 'garbage' } },
  { id: 'cut', label: 'Cut in the middle of the answer', fault: { kind: 'cut' } },
  { id: 'reset', label: 'Connection reset before it was processed', fault: { kind: 'reset' } },
  { id: 'answerThenReset', label: 'Processed, then connection reset', fault: { kind: 'answerThenReset' } },
  { id: 'huge', label: 'A gigabyte', fault: { kind: 'huge', bytes: 1_000_000_000 } },
];

function refused(body: string): Fault {
  return { kind: 'status', status: 400, body };
}

function retryLater(status: number, body: string): Fault {
  return { kind: 'status', status, body, contentType: 'text/plain', headers: { 'Retry-After': '30' } };
}
