// The steps from no account anywhere to the first real connection, in the order of the Developer Portal (facts, section
// 3), each with what to enter, computed from this app's configuration. What is entered is in the portal's English.

import { type Config, sandboxClient } from '../../config.ts';
import type { Check, Finding, FindingCode, Mark } from '../../core/findings.ts';

export type StepKey =
  | 'account'
  | 'country'
  | 'application'
  | 'client_id'
  | 'grant'
  | 'offline'
  | 'openid'
  | 'redirect_uri'
  | 'secret'
  | 'integration'
  | 'approval'
  | 'start'
  | 'connect'
  | 'production';

/** The label is under `setup.entries.<label>`. */
export type Entry = { label: EntryLabel; value: string };
export type EntryLabel =
  | 'country'
  | 'type'
  | 'name'
  | 'client_id'
  | 'grant'
  | 'offline'
  | 'refresh_token'
  | 'expiration'
  | 'grace'
  | 'openid'
  | 'redirect_uri'
  | 'integration'
  | 'scope'
  | 'never'
  | 'environment'
  | 'practice'
  | 'production_redirect_uri';

/** `early`: nothing is wrong, and yet the step cannot have been taken. */
export type StepMark = Mark | 'early';
export type Step = { key: StepKey; entries: Entry[]; mark: StepMark; findings: Finding[] };

export type SetupConfig = Pick<Config, 'baseUrl' | 'redirectUri' | 'https' | 'dineroApiUrl' | 'refreshTokenPolicy'> & {
  brand: Pick<Config['brand'], 'name'>;
  provider: Pick<Config['provider'], 'issuer' | 'clientId' | 'scopes'>;
  sandbox: object | null;
};

/** Where what a check found is told. One that is new does not compile until it has a place. */
const stepOfCheck: Record<Check, StepKey> = {
  client_id: 'client_id',
  pkce: 'grant',
  redirect_uri: 'redirect_uri',
  registration: 'redirect_uri',
  credentials: 'secret',
  scopes: 'integration',
  environment: 'start',
  discovery: 'start',
  clock: 'start',
  dinero: 'start',
  database: 'start',
  keys: 'start',
  proxy: 'production',
  cookies: 'production',
};

/** Findings that belong to another step than the rest of their check. */
const stepOfCode: Partial<Record<FindingCode, StepKey>> = {
  scopes_offline_missing: 'offline',
  scopes_openid: 'openid',
  registration_scopes: 'integration',
  registration_client: 'client_id',
};

/** What is found out with the sandbox's own application says nothing of the one that is yet to be made. */
const stepsOfOwnApplication: StepKey[] = ['client_id', 'grant', 'redirect_uri', 'secret', 'integration', 'start'];

const daySeconds = 86_400;
const usualIssuer = 'https://connect.visma.com';

/** `connected`: a sign-in has come all the way back lately. `findings` is null when nobody has looked. */
export function listSteps(config: SetupConfig, findings: Finding[] | null, connected: boolean): Step[] {
  return Object.entries(listEntries(config)).map(([key, entries]) => {
    const own = (findings ?? []).filter(({ check, code }) => (stepOfCode[code] ?? stepOfCheck[check]) === key);
    const mark = key === 'connect' && connected ? 'done' : markOf(own);
    const isEarly = mark === 'done' && isTooEarly(key as StepKey, config);
    return { key: key as StepKey, entries, mark: isEarly ? 'early' : mark, findings: own };
  });
}

function isTooEarly(key: StepKey, config: SetupConfig): boolean {
  if (key === 'production') return !config.https;
  return usesBuiltInClient(config) && stepsOfOwnApplication.includes(key);
}

/** One that is wrong makes the step wrong; one that cannot be known leaves it open. */
function markOf(findings: Finding[]): Mark {
  if (findings.some(({ mark }) => mark === 'wrong')) return 'wrong';
  return findings.length > 0 && findings.every(({ mark }) => mark === 'done') ? 'done' : 'unknown';
}

/** True while the app runs on the sandbox's own application, so that nothing of it is registered anywhere. */
export function usesBuiltInClient({ provider, sandbox }: SetupConfig): boolean {
  return sandbox !== null && provider.clientId === sandboxClient.clientId;
}

function listEntries(config: SetupConfig): Record<StepKey, Entry[]> {
  const { scopes } = config.provider;
  return {
    account: [],
    country: [{ label: 'country', value: 'Denmark' }],
    application: [{ label: 'type', value: 'Web application' }],
    client_id: [
      { label: 'name', value: config.brand.name },
      { label: 'client_id', value: clientIdFor(config) },
    ],
    grant: [{ label: 'grant', value: 'Authorization Code with PKCE' }],
    offline: scopes.includes('offline_access') ? listOffline(config) : [{ label: 'offline', value: 'Off' }],
    openid: [{ label: 'openid', value: scopes.includes('openid') ? 'On' : 'Off' }],
    redirect_uri: [{ label: 'redirect_uri', value: config.redirectUri }],
    secret: [],
    integration: [
      { label: 'integration', value: 'Dinero' },
      ...listScopes(scopes),
      { label: 'never', value: 'Internal' },
    ],
    approval: [],
    start: listEnvironment(config),
    connect: [],
    production: config.https
      ? []
      : [{ label: 'production_redirect_uri', value: 'https://connect.example.com/oauth/callback' }],
  };
}

function clientIdFor(config: SetupConfig): string {
  return usesBuiltInClient(config) ? suggestClientId(config.brand.name) : config.provider.clientId;
}

/** The company behind the integration has to be seen from it; the product's name is the best that is known here. */
function suggestClientId(name: string): string {
  const letters: Record<string, string> = { æ: 'ae', ø: 'oe', å: 'aa' };
  const word = name
    .toLowerCase()
    .replace(/[æøå]/g, (letter) => letters[letter] ?? '')
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '');
  return word === '' || word === 'dineroconnect' ? 'isv_yourcompany' : `isv_${word.slice(0, 60)}`;
}

function listOffline({ refreshTokenPolicy: { use, lifetimeSeconds, graceSeconds } }: SetupConfig): Entry[] {
  const expiration = `${Math.round((lifetimeSeconds / daySeconds) * 10) / 10} days`;
  return [
    { label: 'offline', value: 'On' },
    { label: 'refresh_token', value: use === 're-use' ? 'Re-use' : 'One-time' },
    { label: 'expiration', value: use === 're-use' ? expiration : `${expiration} if not used` },
    ...(graceSeconds > 0 ? [{ label: 'grace', value: `${graceSeconds} seconds` } as const] : []),
  ];
}

function listScopes(scopes: string[]): Entry[] {
  const names: [scope: string, name: string][] = [
    ['dineropublicapi:read', 'Read'],
    ['dineropublicapi:write', 'Write'],
  ];
  return names.filter(([scope]) => scopes.includes(scope)).map(([, value]) => ({ label: 'scope', value }));
}

/** The secret is left for whoever has it. */
function listEnvironment(config: SetupConfig): Entry[] {
  const { use, lifetimeSeconds, graceSeconds } = config.refreshTokenPolicy;
  // With the sandbox both are its own, and nobody sets them.
  const isElsewhere = config.sandbox === null && config.provider.issuer !== usualIssuer;
  const own = [
    `VISMA_CLIENT_ID=${clientIdFor(config)}`,
    'VISMA_CLIENT_SECRET=',
    ...(isElsewhere ? [`VISMA_ISSUER=${config.provider.issuer}`, `DINERO_API_URL=${config.dineroApiUrl}`] : []),
    `BASE_URL=${config.baseUrl}`,
    `VISMA_SCOPES=${config.provider.scopes.join(' ')}`,
    `REFRESH_TOKEN_USE=${use}`,
    `REFRESH_TOKEN_LIFETIME=${lifetimeSeconds % daySeconds === 0 ? `${lifetimeSeconds / daySeconds}d` : `${lifetimeSeconds}s`}`,
    ...(graceSeconds > 0 ? [`REFRESH_TOKEN_GRACE=${graceSeconds}s`] : []),
  ].join('\n');
  const entries: Entry[] = [{ label: 'environment', value: own }];
  return config.sandbox === null ? entries : [...entries, { label: 'practice', value: 'SANDBOX=true' }];
}
