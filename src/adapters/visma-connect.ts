// The identity provider over openid-client, and the only file that knows its errors: they can carry tokens, so none
// of them leaves here, neither thrown nor as a cause (facts, section 5).

import { createRemoteJWKSet, type JWTVerifyGetKey, customFetch as joseFetch } from 'jose';
import * as client from 'openid-client';
import { ConnectError } from '../core/errors.ts';
import type { Clock, IdentityProvider } from '../core/ports.ts';
import type { Grant } from '../core/types.ts';
import { verifyIdToken } from './id-token.ts';
import { createOutboundFetch, type Fetch, OutboundError } from './outbound.ts';
import { type Answer, judgeTokenFailure, readTokenAnswer } from './token-answer.ts';

const uiLocales = { da: 'da-DK', en: 'en-GB' };
const discoveryKeptMilliseconds = 24 * 3600 * 1000;
/** The token endpoint burns the code or spends the token even when nobody waits for the answer, so wait for it. */
const tokenTimeoutMilliseconds = 20_000;
const otherTimeoutMilliseconds = 5_000;
const maxBytes = 256 * 1024;
const concurrency = 16;

type Discovered = { metadata: client.ServerMetadata; keys: JWTVerifyGetKey; until: number };

/**
 * `redirectUri` is used byte for byte in both requests and has no query (facts, section 5). `issuer` may be http on
 * loopback alone; configuration sees to that.
 */
export function createVismaConnect(
  options: { issuer: string; clientId: string; clientSecret: string; scopes: string[]; redirectUri: string },
  clock: Clock,
) {
  const fetchToken = createOutboundFetch({ timeoutMilliseconds: tokenTimeoutMilliseconds, maxBytes, concurrency });
  const fetchOther = createOutboundFetch({ timeoutMilliseconds: otherTimeoutMilliseconds, maxBytes, concurrency });
  const openid = options.scopes.includes('openid');
  let discovered: Promise<Discovered> | null = null;
  let lastDiscovered: Discovered | null = null;

  async function discover(): Promise<Discovered> {
    if (lastDiscovered && lastDiscovered.until > clock.now().getTime()) return lastDiscovered;
    discovered ??= fetchDiscovery().finally(() => {
      discovered = null;
    });
    lastDiscovered = await discovered;
    return lastDiscovered;
  }

  async function fetchDiscovery(): Promise<Discovered> {
    try {
      const configuration = await client.discovery(new URL(options.issuer), options.clientId, undefined, undefined, {
        execute: [client.allowInsecureRequests],
        [client.customFetch]: fetchOther,
      });
      const metadata = configuration.serverMetadata();
      const keys = createRemoteJWKSet(new URL(metadata.jwks_uri ?? ''), { [joseFetch]: fetchOther });
      return { metadata, keys, until: clock.now().getTime() + discoveryKeptMilliseconds };
    } catch {
      throw new ConnectError('provider_unavailable', `no usable discovery document from ${options.issuer}`);
    }
  }

  function configure({ metadata }: Discovered, fetch: Fetch): client.Configuration {
    const authenticate = acceptsSecretInBody(metadata) ? client.ClientSecretPost : client.ClientSecretBasic;
    const authentication = authenticate(options.clientSecret);
    const configuration = new client.Configuration(metadata, options.clientId, undefined, authentication);
    client.allowInsecureRequests(configuration);
    configuration[client.customFetch] = fetch;
    // The outbound fetch has the time limit; this one only must not be the shorter of the two.
    configuration.timeout = 60;
    return configuration;
  }

  /**
   * One token request: what the library made of it, and the parts of the raw answer that it does not judge. Throws
   * `unasked` when the library refused before it asked.
   */
  async function requestTokens(
    found: Discovered,
    unasked: ConnectError,
    request: (configuration: client.Configuration) => Promise<client.TokenEndpointResponse>,
  ): Promise<{ tokens: client.TokenEndpointResponse; idToken: string | null }> {
    let answer: Answer | null = null;
    let failure: unknown = null;
    const configuration = configure(found, async (input, init) => {
      try {
        answer = await readTokenAnswer(await fetchToken(input, init));
        return answer.response;
      } catch (error) {
        failure = error;
        throw error;
      }
    });
    try {
      const tokens = await request(configuration);
      return { tokens, idToken: (answer as Answer | null)?.idToken ?? null };
    } catch {
      if (failure instanceof OutboundError) throw new ConnectError('provider_unavailable', failure.message);
      throw answer === null ? unasked : judgeTokenFailure(answer, clock.now());
    }
  }

  const identityProvider: IdentityProvider = {
    async createAuthorizationRequest({ language, signInAgain }) {
      const found = await discover();
      const codeVerifier = client.randomPKCECodeVerifier();
      const nonce = client.randomNonce();
      const state = client.randomState();
      const url = client.buildAuthorizationUrl(configure(found, fetchOther), {
        redirect_uri: options.redirectUri,
        response_type: 'code',
        response_mode: 'form_post',
        scope: options.scopes.join(' '),
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        ui_locales: uiLocales[language],
        ...(signInAgain ? { prompt: 'login' } : {}),
      });
      return { url: url.href, state, secrets: { nonce, codeVerifier } };
    },

    async exchangeCode({ code, issuer }, { nonce, codeVerifier }) {
      const found = await discover();
      const callback = new URL(options.redirectUri);
      callback.searchParams.set('code', code);
      if (issuer !== null) callback.searchParams.set('iss', issuer);
      const unasked = new ConnectError('authorization_response_invalid', 'the response failed validation (iss)');
      const { tokens, idToken } = await requestTokens(found, unasked, (configuration) =>
        client.authorizationCodeGrant(configuration, callback, { pkceCodeVerifier: codeVerifier }),
      );
      if (idToken === null && openid) throw new ConnectError('id_token_invalid', 'asked for openid, got no id_token');
      const identity =
        idToken === null
          ? null
          : await verifyIdToken(idToken, found.keys, {
              issuer: found.metadata.issuer,
              clientId: options.clientId,
              nonce,
              now: clock.now(),
            });
      const grant = toGrant(tokens, { scope: options.scopes, refreshToken: null }, clock.now());
      // Who a user is, is asked for by `openid`; a token that came unasked is verified and names nobody.
      return { grant, identity: openid ? identity : null };
    },

    async refresh(refreshToken, scope) {
      const unasked = new ConnectError('provider_unavailable', 'the discovery document has no usable token endpoint');
      const { tokens } = await requestTokens(await discover(), unasked, (configuration) =>
        client.refreshTokenGrant(configuration, refreshToken),
      );
      return toGrant(tokens, { scope, refreshToken }, clock.now());
    },

    async revoke(refreshToken) {
      const found = await discover();
      // A provider without the endpoint (RFC 7009 is optional) has nothing to be told.
      if (found.metadata.revocation_endpoint === undefined) return;
      const configuration = configure(found, fetchOther);
      try {
        await client.tokenRevocation(configuration, refreshToken, { token_type_hint: 'refresh_token' });
      } catch {
        throw new ConnectError('provider_unavailable', 'the provider did not confirm a revocation');
      }
    },
  };

  return {
    ...identityProvider,
    /** Finds out whether discovery works, now. Throws provider_unavailable. */
    async check(): Promise<void> {
      await discover();
    },
    /** Origins that the authorization request may lead to: the issuer's, and once known the endpoint's own. */
    origins(): string[] {
      const endpoint = lastDiscovered?.metadata.authorization_endpoint;
      return [...new Set([options.issuer, ...(endpoint ? [endpoint] : [])].map((url) => new URL(url).origin))];
    },
  };
}

/** Basic is what a provider takes that says nothing (RFC 8414, 2); it encodes `_` and `-` as some do not expect. */
function acceptsSecretInBody(metadata: client.ServerMetadata): boolean {
  return metadata.token_endpoint_auth_methods_supported?.includes('client_secret_post') ?? false;
}

/** `before` stands in for what an answer may leave out (RFC 6749, 5.1 and 6). */
function toGrant(
  tokens: client.TokenEndpointResponse,
  before: { scope: string[]; refreshToken: string | null },
  now: Date,
): Grant {
  return {
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token ?? before.refreshToken,
    scope: tokens.scope === undefined ? before.scope : tokens.scope.split(' ').filter((name) => name !== ''),
    expiresAt: new Date(now.getTime() + lifetimeSeconds(tokens.expires_in) * 1000),
  };
}

/** An answer without a usable lifetime gets a short one; nothing lives longer than a day (facts, section 1: an hour). */
function lifetimeSeconds(expiresIn: number | undefined): number {
  if (expiresIn === undefined || !Number.isFinite(expiresIn) || expiresIn <= 0) return 300;
  return Math.min(expiresIn, 86_400);
}
