// What has to be done now and then: forget what has ended (requirements, E12) and finish what could not be done at once.

import type { Disconnecting } from './disconnecting.ts';
import type { OnboardingCounts } from './onboarding-counts.ts';
import type { WebhookStore } from './outbox.ts';
import type { Clock } from './ports.ts';
import type { Replacing } from './replacing.ts';
import type { AttemptStore, ConnectionStore, EventStore, LinkStore } from './stores.ts';

const day = 24 * 3600 * 1000;
const undecidedMilliseconds = 2 * 3600 * 1000;
const attemptsKeptMilliseconds = 2 * day;
const eventsKeptMilliseconds = 400 * day;
/** Whoever opens a link too late is told so, and a session finds its way back, for a while. */
const linksKeptMilliseconds = 90 * day;
const deliveredWebhooksKeptMilliseconds = 30 * day;
const undeliveredWebhooksKeptMilliseconds = 90 * day;

export type HousekeepingReport = {
  deletedAttempts: number;
  deletedEvents: number;
  deletedLinks: number;
  deletedWebhooks: number;
  deletedCounts: number;
  failedRevocations: number;
  abandonedRevocations: number;
};

export function createHousekeeping(
  ports: {
    clock: Clock;
    attempts: AttemptStore;
    connections: ConnectionStore;
    events: EventStore;
    links: LinkStore;
    webhooks: WebhookStore;
  },
  disconnecting: Disconnecting,
  replacing: Replacing,
  onboardingCounts: OnboardingCounts,
) {
  /** One round; safe to run at any time, in any number of processes. */
  async function run(): Promise<HousekeepingReport> {
    const now = ports.clock.now().getTime();
    await ports.connections.scheduleForgotten(new Date(now));
    const deletedAttempts = await ports.attempts.deleteStartedBefore(new Date(now - attemptsKeptMilliseconds));
    const deletedEvents = await ports.events.deleteBefore(new Date(now - eventsKeptMilliseconds));
    const deletedLinks = await ports.links.deleteExpiredBefore(new Date(now - linksKeptMilliseconds));
    const deletedWebhooks = await ports.webhooks.deleteOld({
      delivered: new Date(now - deliveredWebhooksKeptMilliseconds),
      undelivered: new Date(now - undeliveredWebhooksKeptMilliseconds),
    });
    const deletedCounts = await onboardingCounts.deleteOld();
    await replacing.keepUndecided(new Date(now - undecidedMilliseconds));
    const { failed, abandoned } = await disconnecting.revokeDue();
    await onboardingCounts.flush();
    return {
      deletedAttempts,
      deletedEvents,
      deletedLinks,
      deletedWebhooks,
      deletedCounts,
      failedRevocations: failed,
      abandonedRevocations: abandoned,
    };
  }

  return { run };
}
