// How ready faults are written down: in groups of one target, each with what an app should make of it.

import type { Fault, FaultTarget, HeaderValue } from './types.ts';

/** `id` is `target:name`. */
export type ReadyFault = { id: string; target: FaultTarget; label: string; fault: Fault };
export type FaultGroup = { title: string; advice: string; faults: ReadyFault[] };
export type Sketch = [name: string, label: string, fault: Fault];

export function group(target: FaultTarget, title: string, advice: string, sketches: Sketch[]): FaultGroup {
  const faults = sketches.map(([name, label, fault]) => ({ id: `${target}:${name}`, target, label, fault }));
  return { title, advice, faults };
}

/** For every endpoint; none of them reaches what lies behind it, so nothing is spent. */
export const OUT_OF_ORDER: Sketch[] = [
  ['500', '500 Internal Server Error', { kind: 'status', status: 500 }],
  ['hang', 'Never answers', { kind: 'hang' }],
  ['html', '200 with an HTML page instead of JSON', { kind: 'html' }],
  ['garbage', '200 with bytes that are no JSON', { kind: 'garbage' }],
  ['reset', 'Connection reset, the request was not processed', { kind: 'reset' }],
];

/** Less likely, and as little processed. */
export const ODD_ANSWERS: Sketch[] = [
  ['503', '503 with Retry-After: 30', plainText(503, 'Service Unavailable', '30')],
  ['empty', '204 with nothing in it', { kind: 'empty' }],
  ['redirect', 'A redirect to another server', { kind: 'redirect', location: 'https://elsewhere.example/' }],
  ['huge', 'An answer of a gigabyte', { kind: 'huge', bytes: 1_000_000_000 }],
];

export const SLOW: Sketch = ['slow', 'Slow: the true answer after 10 seconds', { kind: 'slow', ms: 10_000 }];
export const CUT: Sketch = ['cut', 'Cut in the middle of the answer', { kind: 'cut' }];
export const ANSWER_THEN_RESET: Sketch = [
  'answerThenReset',
  'Processed, but connection reset before the answer',
  { kind: 'answerThenReset' },
];

const fromNow = (seconds: number) => () => new Date(Date.now() + seconds * 1000).toUTCString();

/** Every form of Retry-After (RFC 9110, 10.2.3), and every way to get it wrong. */
export function tooManyRequests(body: string): Sketch[] {
  return [
    ['429', '429, Retry-After: 30', plainText(429, body, '30')],
    ['429-date', '429, Retry-After: a date in 30 seconds', plainText(429, body, fromNow(30))],
    ['429-zero', '429, Retry-After: 0', plainText(429, body, '0')],
    ['429-past', '429, Retry-After: a date an hour ago', plainText(429, body, fromNow(-3600))],
    ['429-negative', '429, Retry-After: -30', plainText(429, body, '-30')],
    ['429-words', '429, Retry-After: in a while', plainText(429, body, 'in a while')],
    ['429-absent', '429 without Retry-After', plainText(429, body)],
    ['429-absurd', '429, Retry-After: 999999999999', plainText(429, body, '999999999999')],
  ];
}

function plainText(status: number, body: string, retryAfter?: HeaderValue): Fault {
  const headers: Record<string, HeaderValue> = retryAfter === undefined ? {} : { 'Retry-After': retryAfter };
  return { kind: 'status', status, body, contentType: 'text/plain', headers };
}
