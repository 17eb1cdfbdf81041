// The identity provider over openid-client, and the only file that knows its errors: they can carry tokens, so none
// of them leaves here, neither thrown nor as a cause (facts, section 5).

import { createRemoteJWKSet, type JWTVerifyGetKey, customFetch as joseFetch } from 'jose';
import * as client from 'openid-client';
import { ConnectError } from '../core/errors.ts';
import type { Clock, IdentityProvider } from '../core/ports.ts';
import { keepTokens, subjectHint, toGrant } from './granted-tokens.ts';
import { verifyIdToken } from './id-token.ts';
import { createOutboundFetch, type Fetch, OutboundError } from './outbound.ts';
import { type Answer, judgeRefreshFailure, judgeTokenFailure, readTokenAnswer, tryLater } from './token-answer.ts';
import { type CallWatch, watchCalls } from './watched-calls.ts';

const uiLocales = { da: 'da-DK', en: 'en-GB' };
const discoveryKeptMilliseconds = 24 * 3600 * 1000;
const discoveryAgainMilliseconds = 60_000;
const limits = { maxBytes: 256 * 1024, concurrency: 16 };
const otherCalls = { ...limits, timeoutMilliseconds: 5_000 };
/**
 * The token endpoint burns the code or spends the token even when nobody waits for the answer, so wait for it. Whoever
 * is turned away waits seconds for the next try, so let many stand in line.
 */
const tokenCalls = { ...limits, timeoutMilliseconds: 20_000, maxWaiting: 1_000 };

type TokenRequest = {
  tokens: client.TokenEndpointResponse | null;
  answer: Answer | null;
  /** The provider answered, whether or not anybody can read it. */
  answered: boolean;
  failure: OutboundError | null;
};
type Discovered = { metadata: client.ServerMetadata; keys: JWTVerifyGetKey; until: number };

/**
 * `redirectUri` is used byte for byte in both requests and has no query (facts, section 5). `issuer` may be http on
 * loopback alone; configuration sees to that.
 */
export function createVismaConnect(
  options: { issuer: string; clientId: string; clientSecret: string; scopes: string[]; redirectUri: string },
  clock: Clock,
  watchCall: CallWatch = () => {},
) {
  const fetchToken = watchCalls(watchCall, 'token', createOutboundFetch(tokenCalls));
  const fetchOther = createOutboundFetch(otherCalls);
  const openid = options.scopes.includes('openid');
  let discovered: Promise<Discovered> | null = null;
  let lastDiscovered: Discovered | null = null;

  async function discover(): Promise<Discovered> {
    if (lastDiscovered && lastDiscovered.until > clock.now().getTime()) return lastDiscovered;
    discovered ??= fetchDiscovery().finally(() => {
      discovered = null;
    });
    lastDiscovered = await discovered.catch((error: unknown) => keepDiscovered(error));
    return lastDiscovered;
  }

  /** What was known yesterday is good enough while the document cannot be had; it is looked for again soon. */
  function keepDiscovered(error: unknown): Discovered {
    if (!lastDiscovered) throw error;
    return { ...lastDiscovered, until: clock.now().getTime() + discoveryAgainMilliseconds };
  }

  async function fetchDiscovery(): Promise<Discovered> {
    try {
      const configuration = await client.discovery(new URL(options.issuer), options.clientId, undefined, undefined, {
        execute: [client.allowInsecureRequests],
        [client.customFetch]: watchCalls(watchCall, 'discovery', fetchOther),
      });
      const metadata = configuration.serverMetadata();
      const keys = createRemoteJWKSet(new URL(metadata.jwks_uri ?? ''), {
        [joseFetch]: watchCalls(watchCall, 'jwks', fetchOther),
      });
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
    // The outbound fetch has the time limit. A second one could be the first to end in a process that was stopped and
    // finds an answer waiting when it goes on; and its timer stays until then, whenever the answer came.
    configuration.timeout = undefined;
    return configuration;
  }

  /**
   * One token request, judged by the library and kept as it came. `tokens` is null when the library refused it;
   * `answer` is null when none came: then `failure` is why, or null when the library refused before it asked.
   */
  async function requestTokens(
    found: Discovered,
    request: (configuration: client.Configuration) => Promise<client.TokenEndpointResponse>,
    maySend: () => boolean = () => true,
  ): Promise<TokenRequest> {
    const asked: TokenRequest = { tokens: null, answer: null, answered: false, failure: null };
    const configuration = configure(found, async (input, init) => {
      try {
        const response = await fetchToken(input, init, maySend);
        asked.answered = true;
        asked.answer = await readTokenAnswer(response);
        return asked.answer.response;
      } catch (error) {
        if (error instanceof OutboundError) asked.failure = error;
        throw error;
      }
    });
    asked.tokens = await request(configuration).catch(() => null);
    return asked;
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
      const { tokens, answer, failure } = await requestTokens(found, (configuration) =>
        client.authorizationCodeGrant(configuration, callback, { pkceCodeVerifier: codeVerifier }),
      );
      if (failure) throw new ConnectError('provider_unavailable', failure.message);
      if (!answer) throw new ConnectError('authorization_response_invalid', 'the response failed validation (iss)');
      if (!tokens) throw judgeTokenFailure(answer, clock.now());
      const { idToken } = answer;
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
      const subject = identity?.subject ?? subjectHint(grant.accessToken);
      // Who a user is, is asked for by `openid`; a token that came unasked is verified and names nobody.
      return { grant, subject, identity: openid ? identity : null };
    },

    async refresh(before, maySend) {
      const now = () => clock.now();
      const found = await discover().catch((error: unknown) => {
        if (error instanceof ConnectError) return error;
        throw error;
      });
      if (found instanceof ConnectError) return tryLater(found.message);
      const { tokens, answer, answered, failure } = await requestTokens(
        found,
        (configuration) => client.refreshTokenGrant(configuration, before.refreshToken),
        maySend,
      );
      if (tokens) return { kind: 'refreshed', grant: toGrant(tokens, before, now()), odd: false };
      if (failure) return failure.sent ? { kind: 'unknown', message: failure.message } : tryLater(failure.message);
      if (answered && !answer) return { kind: 'unknown', message: 'token endpoint gave an unreadable answer' };
      if (!answer) return tryLater('the discovery document has no usable token endpoint');
      const kept = keepTokens(answer, before, now());
      return kept ? { kind: 'refreshed', grant: kept, odd: true } : judgeRefreshFailure(answer, now());
    },

    async revoke(refreshToken) {
      const found = await discover();
      // A provider without the endpoint (RFC 7009 is optional) has nothing to be told.
      if (found.metadata.revocation_endpoint === undefined) return;
      const configuration = configure(found, watchCalls(watchCall, 'revocation', fetchOther));
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
