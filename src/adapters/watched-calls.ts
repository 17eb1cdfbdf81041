// How calls to Visma Connect and Dinero end and how long they take, for whoever counts them. Nothing of a call but its
// name is told: no address, no user, no word of an answer.

import { type Fetch, OutboundError } from './outbound.ts';

/** What a call is for; the first four go to Visma Connect, the others to Dinero. */
export type CallName = 'discovery' | 'jwks' | 'token' | 'revocation' | 'organizations' | 'proof' | 'proxy';

/** A class of statuses (429 is one of its own), or why no whole answer came. */
export type CallOutcome = '2xx' | '3xx' | '4xx' | '429' | '5xx' | OutboundError['reason'];

/** `milliseconds` count from the moment the call was wanted: the wait for a place among others is a part of them. Must not throw. */
export type CallWatch = (name: CallName, outcome: CallOutcome, milliseconds: number) => void;

/** The same fetch; `watch` is told of each call under this name. */
export function watchCalls(watch: CallWatch, name: CallName, fetch: Fetch): Fetch {
  return async (input, init, maySend) => {
    const started = performance.now();
    try {
      const response = await fetch(input, init, maySend);
      watch(name, outcomeOfStatus(response.status), performance.now() - started);
      return response;
    } catch (error) {
      watch(name, error instanceof OutboundError ? error.reason : 'network', performance.now() - started);
      throw error;
    }
  };
}

export function outcomeOfStatus(status: number): CallOutcome {
  if (status === 429) return '429';
  if (status >= 500) return '5xx';
  if (status >= 400) return '4xx';
  return status >= 300 ? '3xx' : '2xx';
}
