// One plain request to an address, without credentials: does it answer, and how? For Dinero, and for the app's own
// public address.

import type { AccountingProbe, AddressProbe, NoAnswer } from '../core/probes.ts';
import { createOutboundFetch, OutboundError } from './outbound.ts';

const limits = { timeoutMilliseconds: 5_000, maxBytes: 1024 * 1024, concurrency: 4 };

/** `baseUrl` of Dinero. Asking without a token names no client, so it counts against none (facts, section 2). */
export function createAccountingProbe(options: { baseUrl: string }): AccountingProbe {
  return {
    async ask() {
      const answer = await ask(`${options.baseUrl}/v1/organizations`);
      return answer.kind === 'none' ? answer : { kind: 'answered', status: answer.status };
    },
  };
}

/** Asks for the health of the app at `baseUrl`, which is where people's browsers go. */
export function createAddressProbe(options: { baseUrl: string }): AddressProbe {
  return {
    async look() {
      const answer = await ask(`${options.baseUrl}/healthz`);
      if (answer.kind === 'none') return answer;
      const isOurs = answer.status === 200 && answer.text === '{"status":"ok"}';
      return isOurs ? { kind: 'ours' } : { kind: 'elsewhere', status: answer.status };
    },
  };
}

const fetchPage = createOutboundFetch(limits);

async function ask(url: string): Promise<NoAnswer | { kind: 'answered'; status: number; text: string }> {
  try {
    const response = await fetchPage(url, { headers: { accept: 'application/json' } });
    return { kind: 'answered', status: response.status, text: await response.text() };
  } catch (error) {
    if (error instanceof OutboundError) return { kind: 'none' };
    throw error;
  }
}
