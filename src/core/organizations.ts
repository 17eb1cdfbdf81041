// Which companies a user may choose, and the choice itself: always from a list that is fresh from Dinero.

import type { AccessTokens } from './access-tokens.ts';
import { ConnectError } from './errors.ts';
import type { AccountingApi, Clock, OnboardingWatch } from './ports.ts';
import type { ConnectionStore } from './stores.ts';
import type { ChosenOrganization, Connection, EventDraft, Organization } from './types.ts';

export type Organizations = ReturnType<typeof createOrganizations>;

export function createOrganizations(
  ports: {
    clock: Clock;
    accountingApi: AccountingApi;
    connections: ConnectionStore;
    watchOnboarding: OnboardingWatch;
  },
  accessTokens: AccessTokens,
) {
  const { clock, accountingApi, connections, watchOnboarding } = ports;

  /** The user's organizations, in Dinero's order. Throws what `AccessTokens.use` and `AccountingApi` throw. */
  function list(userId: string): Promise<Organization[]> {
    return accessTokens.use(userId, ({ grant }) => accountingApi.listOrganizations(grant.accessToken));
  }

  /**
   * Chooses one of the user's own organizations, after one read of it has shown that it works (requirements, A22).
   * Throws organization_unknown, organization_not_pro, not_connected when the connection ended meanwhile, and what
   * `list` throws. Nothing is stored unless it returns.
   */
  async function choose(userId: string, organizationId: string): Promise<void> {
    const organization = (await list(userId)).find(({ id }) => id === organizationId);
    if (!organization) throw new ConnectError('organization_unknown', 'not among the user’s organizations');
    if (!organization.isPro) throw new ConnectError('organization_not_pro', 'chosen organization lacks Pro');
    const connection = await accessTokens.use(userId, async (current) => {
      await accountingApi.proveAccess(current.grant.accessToken, organization.id);
      return current;
    });
    const { id, name, vatNumber } = organization;
    await store(connection, { id, name, vatNumber });
  }

  /** Under the consent that the choice was proven with, and no later one. */
  async function store(connection: Connection, chosen: ChosenOrganization): Promise<void> {
    const event = describeChoice(connection, chosen.id);
    if (await connections.chooseOrganization(connection, chosen, clock.now(), event)) {
      if (connection.status === 'pending') watchOnboarding({ step: 'connected' });
      return;
    }
    const current = await connections.findByUser(connection.userId);
    const sameConsent = current?.authorizedAt.getTime() === connection.authorizedAt.getTime();
    // Of two choices at once, as by a double click, one connects; the other is made of what is connected by then.
    if (connection.status === 'pending' && current?.status === 'connected' && sameConsent)
      return store(current, chosen);
    throw new ConnectError('not_connected', 'the connection was renewed or ended during the choice');
  }

  return { list, choose };
}

/** What the choice means for whoever works with this connection; null when nothing changes. */
function describeChoice({ status, organization, connectedAt }: Connection, chosenId: string): EventDraft | null {
  if (organization === null || connectedAt === null) return { type: 'organization_chosen' };
  if (organization.id !== chosenId) return { type: 'organization_changed' };
  return status === 'connected' ? null : { type: 'recovered' };
}
