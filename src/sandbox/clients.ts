// The built-in client and the registered applications as oidc-provider sees them.

import { randomBytes } from 'node:crypto';
import type Provider from 'oidc-provider';
import type { Adapter } from 'oidc-provider';
import type { Applications } from './applications.ts';
import type { ScenarioSwitch } from './scenario-switch.ts';
import type { SandboxClient } from './types.ts';

export function describeClient({ clientId, clientSecret, redirectUris }: SandboxClient) {
  return {
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: redirectUris,
    post_logout_redirect_uris: redirectUris.map((uri) => `${new URL(uri).origin}/`),
    // Also without offline access, which the scopes decide: what was given before it was turned off lives on.
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code' as const],
    token_endpoint_auth_method: 'client_secret_post' as const,
    id_token_signed_response_alg: 'RS256' as const,
  };
}

/** Read-only: what oidc-provider finds is what the portal keeps. */
export function createClientAdapter(applications: Applications): Adapter {
  // The library wants one secret for each client; which ones count is seen to below.
  const clientSecret = randomBytes(32).toString('base64url');
  const nothing = async () => undefined;
  return {
    async find(clientId) {
      const application = applications.find(clientId);
      return application && describeClient({ ...application, clientSecret });
    },
    upsert: nothing,
    findByUserCode: nothing,
    findByUid: nothing,
    consume: nothing,
    destroy: nothing,
    revokeByGrantId: nothing,
  };
}

type ClientChecks = {
  clientId: string;
  compareClientSecret(secret: string): boolean | Promise<boolean>;
  redirectUriAllowed(uri: string): boolean;
};

/** Several secrets for one client, and a scenario in which no redirect URI counts: no setting reaches these. */
export function attachClientRules(
  provider: Provider,
  parts: { applications: Applications; scenarios: ScenarioSwitch },
) {
  const { applications, scenarios } = parts;
  const checks = provider.Client.prototype as unknown as ClientChecks;
  const { compareClientSecret, redirectUriAllowed } = checks;
  Object.assign(checks, {
    compareClientSecret(this: ClientChecks, secret: string) {
      const application = applications.find(this.clientId);
      if (!application) return compareClientSecret.call(this, secret);
      return application.secrets.some((one) => one.secret === secret);
    },
    redirectUriAllowed(this: ClientChecks, uri: string) {
      return !scenarios.is('unregistered-redirect-uri') && redirectUriAllowed.call(this, uri);
    },
  });
}
