// oidc-provider, configured to behave as Visma Connect does where a setting can; what no setting reaches is in
// authorize-answers, token-answers and records.

import { randomBytes } from 'node:crypto';
import Provider, { type Configuration, errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { shapeAccessToken } from './access-tokens.ts';
import type { Applications } from './applications.ts';
import { attachClientRules, createClientAdapter, describeClient } from './clients.ts';
import type { Keys } from './keys.ts';
import { findPersonBySub } from './people.ts';
import type { Records } from './records.ts';
import type { RefreshTokens } from './refresh-tokens.ts';
import type { ScenarioSwitch } from './scenario-switch.ts';
import { DINERO_AUDIENCE, DINERO_SCOPES, KNOWN_SCOPES, PROTOCOL_SCOPES, splitScope } from './scopes.ts';
import { signingOut } from './signing-out.ts';
import type { SandboxClient, SandboxSettings } from './types.ts';

export type ProviderParts = {
  origin: string;
  client: SandboxClient;
  applications: Applications;
  scenarios: ScenarioSwitch;
  settings: SandboxSettings;
  keys: Keys;
  records: Records;
  refreshTokens: RefreshTokens;
};
type RenderError = NonNullable<Configuration['renderError']>;

const HOUR = 3600;
const YEAR = 365 * 24 * HOUR;

export function createProvider(parts: ProviderParts, renderError: RenderError): Provider {
  const provider = new Provider(parts.origin, {
    ...createProtocolConfiguration(parts),
    adapter: (model: string) =>
      model === 'Client' ? createClientAdapter(parts.applications) : parts.records.adapterOf(model),
    clients: [describeClient(parts.client)],
    jwks: { keys: [parts.keys.signingKey] },
    cookies: {
      keys: [parts.keys.cookieKey],
      short: { signed: true, httpOnly: true, sameSite: 'lax' },
      long: { signed: true, httpOnly: true, sameSite: 'lax' },
    },
    features: createFeatures(parts.settings),
    interactions: {
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
      policy: createPolicy(parts.scenarios),
    },
    ttl: createLifetimes(parts.refreshTokens),
    formats: {
      customizers: { jwt: (ctx, _token, jwt) => shapeAccessToken(ctx, jwt) },
    },
    renderError,
  });
  shapeTokenIds(provider);
  attachClientRules(provider, parts);
  return provider;
}

function createProtocolConfiguration({ applications, refreshTokens }: ProviderParts): Configuration {
  return {
    scopes: PROTOCOL_SCOPES,
    responseTypes: ['code'],
    subjectTypes: ['public'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    enabledJWA: { idTokenSigningAlgValues: ['RS256'] },
    claims: { openid: ['sub'], profile: ['name'] },
    allowOmittingSingleRegisteredRedirectUri: false,
    pkce: { required: (_ctx, { clientId }) => applications.rulesOf(clientId)?.pkceRequired ?? false },
    // An authorization belongs to no browser session: signing out at Visma Connect does not end it.
    expiresWithSession: async () => false,
    rotateRefreshToken: (ctx) => refreshTokens.terms(ctx.oidc.entities.RefreshToken?.grantId ?? '').use === 'one-time',
    findAccount: (_ctx, sub) => {
      const person = findPersonBySub(sub);
      return person && { accountId: sub, claims: () => ({ sub, name: person.name }) };
    },
    // The one supported place after oidc-provider took `offline_access` out of a request without `prompt=consent`.
    extraParams: { sandbox_scope: (ctx) => restoreScope(ctx, applications) },
    routes: {
      authorization: '/connect/authorize',
      token: '/connect/token',
      revocation: '/connect/revocation',
      userinfo: '/connect/userinfo',
      end_session: '/connect/endsession',
      jwks: '/.well-known/openid-configuration/jwks',
    },
  };
}

function createFeatures(settings: SandboxSettings): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    revocation: { enabled: true, allowedPolicy: () => true },
    userinfo: { enabled: true },
    rpInitiatedLogout: signingOut,
    resourceIndicators: {
      enabled: true,
      defaultResource: () => DINERO_AUDIENCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: DINERO_SCOPES.join(' '),
        audience: DINERO_AUDIENCE,
        accessTokenFormat: 'jwt',
        accessTokenTTL: settings.accessTokenLifetimeSeconds,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  };
}

function createLifetimes(refreshTokens: RefreshTokens): NonNullable<Configuration['ttl']> {
  return {
    AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? HOUR,
    AuthorizationCode: 5 * 60,
    Grant: 10 * YEAR,
    IdToken: 5 * 60,
    Interaction: 4 * HOUR,
    RefreshToken: (_ctx, token) => refreshTokens.terms(token.grantId ?? '').lifetimeSeconds,
    Session: 14 * 24 * HOUR,
  };
}

/** Consent is asked for every time, so that each authorization is a grant of its own and nobody is sent on silently. */
function createPolicy(scenarios: ScenarioSwitch) {
  const policy = interactionPolicy.base();
  const otherPerson = new interactionPolicy.Check(
    'scenario_person',
    'a scenario says who signs in',
    (ctx) =>
      scenarios.person() !== undefined &&
      scenarios.person()?.sub !== ctx.oidc.session?.accountId &&
      !ctx.oidc.result?.login,
  );
  policy.get('login')?.checks.add(otherPerson);
  const asked = new interactionPolicy.Check(
    'asked_every_time',
    'consent is asked for every time',
    (ctx) => !ctx.oidc.result?.consent && !ctx.oidc.prompts.has('none'),
  );
  policy.get('consent')?.checks.add(asked);
  return policy;
}

function restoreScope(ctx: KoaContextWithOIDC, applications: Applications): void {
  const { params } = ctx.oidc;
  const asked = splitScope(ctx.query.scope);
  const unknown = asked.filter((scope) => !KNOWN_SCOPES.includes(scope));
  if (asked.length === 0) throw new errors.InvalidRequest('scope is missing');
  if (unknown.length > 0) throw new errors.InvalidScope('requested scope is not known', unknown.join(' '));
  const allowed = applications.rulesOf(ctx.oidc.client?.clientId)?.scopes ?? [];
  const refused = asked.filter((scope) => !allowed.includes(scope));
  if (refused.length > 0) throw new errors.InvalidScope('this client may not ask for it', refused.join(' '));
  if (String(ctx.query.scope).length > 300) throw new errors.InvalidRequest('scope is too long (300)');
  if (String(ctx.query.nonce ?? '').length > 300) throw new errors.InvalidRequest('nonce is too long (300)');
  if (params) params.scope = [...new Set(asked)].join(' ');
}

/** 64 hex characters, as captured. oidc-provider has a setting for how random an id is, none for its alphabet. */
function shapeTokenIds(provider: Provider): void {
  const hexadecimal = () => randomBytes(32).toString('hex');
  Object.assign(provider.RefreshToken.prototype, { generateTokenId: hexadecimal });
  Object.assign(provider.AuthorizationCode.prototype, { generateTokenId: () => `${hexadecimal().toUpperCase()}-1` });
}
