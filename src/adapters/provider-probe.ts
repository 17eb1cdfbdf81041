// Visma Connect as the doctor asks it, without anybody signing in: the discovery document, the token endpoint with a
// code that nobody issued, and an authorize request that is followed to the first page.

import { createHash, randomBytes } from 'node:crypto';
import { parseJsonObject } from '../core/json.ts';
import type { Clock } from '../core/ports.ts';
import type { AuthorizeAnswer, DiscoveryAnswer, DiscoveryDocument, ProviderProbe } from '../core/probes.ts';
import { isSameSite, readPage } from './authorize-page.ts';
import { createOutboundFetch, type Fetch, OutboundError } from './outbound.ts';

const limits = { maxBytes: 1024 * 1024, concurrency: 4 };
const mostRedirects = 5;

export type ProbedClient = {
  issuer: string;
  clientId: string;
  clientSecret: string;
  scopes: string[];
  redirectUri: string;
};

/** Sends the client's secret to the token endpoint that it is handed, and to nobody else. */
export function createProviderProbe(client: ProbedClient, clock: Pick<Clock, 'now'>): ProviderProbe {
  const fetchPage = createOutboundFetch({ ...limits, timeoutMilliseconds: 5_000 });
  const fetchToken = createOutboundFetch({ ...limits, timeoutMilliseconds: 15_000 });

  return {
    discover: () =>
      orNoAnswer(async () => {
        const before = clock.now().getTime();
        const response = await fetchPage(`${client.issuer}/.well-known/openid-configuration`, {
          headers: { accept: 'application/json' },
        });
        const ourTime = (before + clock.now().getTime()) / 2;
        return readDocument(await response.text(), response, ourTime);
      }),

    // The code burns nothing, for nobody was given it. All that is asked is in which order the provider says no: it
    // looks at the credentials first. Its errors are always 400 (facts, section 1).
    redeemMadeUpCode: (document) =>
      orNoAnswer(async () => {
        const response = await fetchToken(document.tokenEndpoint, describeTokenRequest(client, document));
        return { kind: 'answered', status: response.status, error: readError(await response.text()) };
      }),

    authorize: (document) => orNoAnswer(() => followToPage(fetchPage, describeAuthorizeRequest(client, document))),
  };
}

async function orNoAnswer<T>(ask: () => Promise<T>): Promise<T | { kind: 'none' }> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof OutboundError) return { kind: 'none' };
    throw error;
  }
}

function readDocument(text: string, { status, headers }: Response, ourTime: number): DiscoveryAnswer {
  const fields = parseJsonObject(text) ?? {};
  const endpoints = Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => {
      const [name, value] = entry;
      return /_endpoint$|^jwks_uri$/.test(name) && typeof value === 'string' && URL.canParse(value);
    }),
  );
  const { authorization_endpoint: authorizationEndpoint, token_endpoint: tokenEndpoint } = endpoints;
  const complete = typeof fields.issuer === 'string' && authorizationEndpoint && tokenEndpoint && endpoints.jwks_uri;
  if (status !== 200 || !complete) return { kind: 'unusable', status };
  return {
    kind: 'document',
    issuer: String(fields.issuer),
    authorizationEndpoint,
    tokenEndpoint,
    endpoints,
    challengeMethods: textsOf(fields.code_challenge_methods_supported),
    secretInBody: textsOf(fields.token_endpoint_auth_methods_supported).includes('client_secret_post'),
    secondsAhead: readSecondsAhead(headers, ourTime),
  };
}

/** What a cache kept is as old as it says (RFC 9111, 5.1). */
function readSecondsAhead(headers: Headers, ourTime: number): number | null {
  const date = Date.parse(headers.get('date') ?? '');
  const age = Number(headers.get('age') ?? 0);
  if (Number.isNaN(date) || !Number.isFinite(age)) return null;
  return Math.round((date - ourTime) / 1000 + age);
}

/** As the app itself authenticates (visma-connect.ts): a secret that works one way may be refused the other. */
function describeTokenRequest({ clientId, clientSecret, redirectUri }: ProbedClient, document: DiscoveryDocument) {
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code: randomBytes(32).toString('hex').toUpperCase(),
    redirect_uri: redirectUri,
    code_verifier: randomBytes(32).toString('base64url'),
  });
  const headers = new Headers({
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
  });
  if (document.secretInBody) {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  } else {
    const credentials = [clientId, clientSecret].map((text) => new URLSearchParams({ '': text }).toString().slice(1));
    headers.set('authorization', `Basic ${Buffer.from(credentials.join(':')).toString('base64')}`);
  }
  return { method: 'POST', headers, body: form.toString() };
}

function readError(text: string): string | null {
  const error = parseJsonObject(text)?.error;
  return typeof error === 'string' && /^[a-z_]{1,60}$/.test(error) ? error : null;
}

/** The request of the app itself, piece by piece, for nobody. */
function describeAuthorizeRequest(client: ProbedClient, { authorizationEndpoint }: DiscoveryDocument): URL {
  const url = new URL(authorizationEndpoint);
  const verifier = randomBytes(32).toString('base64url');
  const parameters = {
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    response_type: 'code',
    response_mode: 'form_post',
    scope: client.scopes.join(' '),
    state: randomBytes(32).toString('base64url'),
    nonce: randomBytes(32).toString('base64url'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ui_locales: 'en-GB',
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url;
}

/** By hand, so that nothing leads off the provider's site, and with the cookies that its pages need of each other. */
async function followToPage(fetchPage: Fetch, start: URL): Promise<AuthorizeAnswer> {
  const cookies = new Map<string, string>();
  let url = start;
  for (let redirects = 0; redirects <= mostRedirects; redirects += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetchPage(url, { headers: { accept: 'text/html', ...(cookie ? { cookie } : {}) } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (name !== '') cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location === null) return readPage(url, response.status, await response.text());
    const next = URL.parse(location, url.href);
    if (next === null || !isSameSite(next, start)) return { kind: 'unclear' };
    if (next.host !== url.host) cookies.clear();
    url = next;
  }
  return { kind: 'unclear' };
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
