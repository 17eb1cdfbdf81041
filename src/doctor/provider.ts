// What Visma Connect's answers say of this app: discovery, clocks, credentials, registration, PKCE. Each answer is
// looked at beside the others, for together they tell more: who gets as far as the sign-in page has the right client id,
// so it is the secret that is refused.

import type { Check, Finding } from '../core/findings.ts';
import type {
  AuthorizeAnswer,
  DiscoveryAnswer,
  DiscoveryDocument,
  ProviderProbe,
  TokenAnswer,
} from '../core/probes.ts';
import { loopback } from '../environment.ts';
import { findingsOf } from './finding.ts';

const discovery = findingsOf('discovery');
const clock = findingsOf('clock');
const credentials = findingsOf('credentials');
const registration = findingsOf('registration');
const pkce = findingsOf('pkce');

/** Far below the five minutes that id_tokens are given (id-token.ts): a clock that drifts is best seen early. */
const mostSkewSeconds = 60;
const dependents: Check[] = ['clock', 'credentials', 'registration', 'pkce'];

export const providerChecks: Check[] = ['discovery', ...dependents];

export type Asked = { issuer: string; clientId: string; scopes: string[]; redirectUri: string; sandbox: boolean };

/** Three requests at most: without a document that can be trusted, nothing more is sent. */
export async function checkProvider(probe: ProviderProbe, asked: Asked): Promise<Finding[]> {
  const document = await probe.discover();
  const judged = judgeDiscovery(document, asked);
  if (document.kind !== 'document' || judged.some(({ mark }) => mark !== 'done')) {
    const skew = document.kind === 'document' ? [judgeClock(document.secondsAhead)] : [];
    const rest = dependents.filter((check) => check !== 'clock' || skew.length === 0);
    return [...judged, ...skew, ...rest.map((check) => findingsOf(check).unexamined('needs_discovery'))];
  }
  const [token, authorize] = await Promise.all([probe.redeemMadeUpCode(document), probe.authorize(document)]);
  return [
    ...judged,
    judgeClock(document.secondsAhead),
    judgeCredentials(token, authorize, asked),
    judgeRegistration(authorize, token, asked),
    judgePkce(document, authorize),
  ];
}

function judgeDiscovery(answer: DiscoveryAnswer, { issuer, sandbox }: Asked): Finding[] {
  if (answer.kind === 'none') {
    return [
      sandbox
        ? discovery.unexamined('sandbox_not_running', { url: issuer })
        : discovery.wrong('discovery_unreachable', { issuer }),
    ];
  }
  if (answer.kind === 'unusable') {
    return [discovery.wrong('discovery_unusable', { issuer, status: String(answer.status) })];
  }
  const found = [
    ...(answer.issuer === issuer ? [] : [discovery.wrong('discovery_issuer', { issuer, found: answer.issuer })]),
    ...Object.entries(answer.endpoints)
      .filter(([, url]) => !isProtected(url, issuer))
      .map(([name, url]) => discovery.wrong('discovery_insecure', { name, url })),
  ];
  return found.length > 0 ? found : [discovery.done('discovery_done', { issuer })];
}

/** http is for a provider on our own machine, whose endpoints are there too. */
function isProtected(url: string, issuer: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname) && issuer.startsWith('http:'));
}

function judgeClock(secondsAhead: number | null): Finding {
  if (secondsAhead === null) return clock.unknown('clock_unknown');
  const seconds = String(Math.abs(secondsAhead));
  if (Math.abs(secondsAhead) <= mostSkewSeconds) return clock.done('clock_done', { seconds });
  return clock.wrong(secondsAhead > 0 ? 'clock_behind' : 'clock_ahead', { seconds });
}

function judgeCredentials(answer: TokenAnswer, authorize: AuthorizeAnswer, { clientId }: Asked): Finding {
  if (answer.kind === 'none') return credentials.unexamined('no_answer');
  if (answer.error === 'invalid_grant') return credentials.done('credentials_done', { clientId });
  if (answer.error === 'invalid_client' || answer.status === 401) {
    const isSecret = authorize.kind === 'sign_in';
    return credentials.wrong(isSecret ? 'credentials_secret' : 'credentials_wrong', { clientId });
  }
  if (answer.error === 'unauthorized_client') return credentials.wrong('credentials_grant', { clientId });
  return credentials.unknown('credentials_unclear', { answer: `${answer.status} ${answer.error ?? ''}`.trim() });
}

function judgeRegistration(answer: AuthorizeAnswer, token: TokenAnswer, asked: Asked): Finding {
  const { clientId, redirectUri } = asked;
  const scopes = asked.scopes.join(' ');
  if (answer.kind === 'sign_in') return registration.done('registration_done', { redirectUri, scopes });
  if (answer.kind === 'none') return registration.unexamined('no_answer');
  if (answer.kind !== 'error_page') return registration.unknown('registration_unclear');
  const errorId = answer.errorId ?? '–';
  const isClientKnown = token.kind === 'answered' && token.error === 'invalid_grant';
  if (answer.blame === 'redirect_uri') return registration.wrong('registration_redirect_uri', { redirectUri, errorId });
  if (answer.blame === 'scopes') return registration.wrong('registration_scopes', { scopes, errorId });
  if (answer.blame === 'client' && !isClientKnown) {
    return registration.wrong('registration_client', { clientId, errorId });
  }
  if (answer.blame === 'pkce') return registration.unknown('registration_unclear');
  return registration.wrong('registration_refused', { clientId, redirectUri, scopes, errorId });
}

function judgePkce({ challengeMethods }: DiscoveryDocument, authorize: AuthorizeAnswer): Finding {
  if (authorize.kind === 'error_page' && authorize.blame === 'pkce') {
    return pkce.wrong('pkce_refused', { errorId: authorize.errorId ?? '–' });
  }
  if (challengeMethods.length > 0 && !challengeMethods.includes('S256')) return pkce.wrong('pkce_not_offered');
  return authorize.kind === 'sign_in' ? pkce.done('pkce_done') : pkce.unknown('pkce_unclear');
}
