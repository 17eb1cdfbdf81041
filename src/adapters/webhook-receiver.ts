// The integrator's address for messages: signs each try (Standard Webhooks) and puts what came of it in our words.

import { Webhook } from 'standardwebhooks';
import type { Clock, WebhookReceiver } from '../core/ports.ts';
import { parseRetryAfter } from './outbound.ts';
import { createPosting } from './posting.ts';
import { kindOfAddress } from './private-addresses.ts';

const usualTimeoutMilliseconds = 15_000;
const connections = 8;

/**
 * `secrets` as configured; all of them sign. Of hosts that are not in `privateHosts` only public addresses are sent
 * to, and our own machine's with `allowLoopback`.
 */
export function createWebhookReceiver(
  options: {
    url: string;
    secrets: string[];
    privateHosts: string[];
    allowLoopback: boolean;
    timeoutMilliseconds?: number;
  },
  clock: Pick<Clock, 'now'>,
): WebhookReceiver {
  const { url, privateHosts, allowLoopback } = options;
  const signers = options.secrets.map((secret) => new Webhook(secret));
  const isNamed = privateHosts.includes(new URL(url).hostname);
  const post = createPosting({
    timeoutMilliseconds: options.timeoutMilliseconds ?? usualTimeoutMilliseconds,
    connections,
    isAllowed(address) {
      const kind = kindOfAddress(address);
      return isNamed || kind === 'public' || (kind === 'loopback' && allowLoopback);
    },
  });

  return {
    async send({ id, content }, sentAt) {
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'dinero-connect',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
        'webhook-signature': signers.map((signer) => signer.sign(id, sentAt, content)).join(' '),
      };
      const outcome = await post(url, headers, content);
      if (outcome.kind !== 'answered') {
        return { kind: 'failed', failure: outcome.kind.replace('_', ' '), retryAfterSeconds: null };
      }
      const { status, retryAfter } = outcome;
      if (status >= 200 && status < 300) return { kind: 'delivered' };
      return {
        kind: 'failed',
        failure: `status ${status}`,
        retryAfterSeconds: parseRetryAfter(retryAfter, clock.now()),
      };
    },
  };
}
