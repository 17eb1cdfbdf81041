// What the doctor finds out: a closed list of checks, each with what it found. The sentences and the remedies are in the
// locale files under `doctor.<code>` (`text`, `remedy`), so that a page and a terminal say the same.

/** In the order in which somebody sets the app up. */
export const checks = [
  'environment',
  'client_id',
  'scopes',
  'redirect_uri',
  'discovery',
  'clock',
  'credentials',
  'registration',
  'pkce',
  'dinero',
  'database',
  'keys',
  'proxy',
  'cookies',
] as const;

export type Check = (typeof checks)[number];

/** `unknown`: this cannot be known from here, or not yet; the sentence says why. */
export type Mark = 'done' | 'wrong' | 'unknown';

/** Every sentence that there is, by the check that says it; `any` are those that several say. */
export const findingCodes = {
  any: ['needs_configuration', 'needs_discovery', 'sandbox_not_running', 'no_answer', 'check_failed'],
  environment: ['environment_done', 'variable_missing', 'variable_wrong', 'environment_refused'],
  client_id: ['client_id_done', 'client_id_sandbox', 'client_id_form', 'client_id_other', 'client_id_unidentified'],
  scopes: [
    'scopes_done',
    'scopes_offline_missing',
    'scopes_read_missing',
    'scopes_internal',
    'scopes_unknown',
    'scopes_doubled',
    'scopes_openid',
  ],
  redirect_uri: [
    'redirect_uri_done',
    'redirect_uri_invalid',
    'redirect_uri_scheme',
    'redirect_uri_host',
    'redirect_uri_port',
    'redirect_uri_path',
    'redirect_uri_query',
    'redirect_uri_localhost',
  ],
  discovery: [
    'discovery_done',
    'discovery_unreachable',
    'discovery_unusable',
    'discovery_issuer',
    'discovery_insecure',
  ],
  clock: ['clock_done', 'clock_ahead', 'clock_behind', 'clock_unknown'],
  credentials: [
    'credentials_done',
    'credentials_wrong',
    'credentials_secret',
    'credentials_grant',
    'credentials_unclear',
  ],
  registration: [
    'registration_done',
    'registration_redirect_uri',
    'registration_scopes',
    'registration_client',
    'registration_refused',
    'registration_unclear',
  ],
  pkce: ['pkce_done', 'pkce_not_offered', 'pkce_refused', 'pkce_unclear'],
  dinero: ['dinero_done', 'dinero_unreachable', 'dinero_unexpected', 'dinero_busy'],
  database: [
    'database_done',
    'database_absent',
    'database_empty',
    'database_folder',
    'database_network',
    'database_shared',
    'database_not_migrated',
    'database_full',
    'database_unusable',
    'database_foreign',
  ],
  keys: [
    'keys_done',
    'keys_development',
    'keys_weak',
    'keys_doubled',
    'session_secrets_weak',
    'session_secrets_doubled',
    'keys_open',
    'keys_do_not_open',
    'keys_untried',
  ],
  proxy: [
    'proxy_done',
    'proxy_address',
    'proxy_elsewhere',
    'proxy_unreachable',
    'proxy_unseen',
    'proxy_trust_off',
    'proxy_protocol',
    'proxy_host',
  ],
  cookies: ['cookies_done', 'cookies_localhost', 'cookies_insecure', 'cookies_not_secure'],
} as const satisfies Record<Check | 'any', readonly string[]>;

export type FindingCode = (typeof findingCodes)[keyof typeof findingCodes][number];

/**
 * One thing that was found. A check may find several. `code` names the sentence; `values` go into it, and hold nothing
 * secret, not even in part. What comes from another server is in them as it came: whoever shows it escapes it.
 */
export type Finding = { check: Check; mark: Mark; code: FindingCode; values: Record<string, string> };

/** Examines this deployment. Each outbound request is made at most once in a call; never throws. */
export type Doctor = { examine(): Promise<Finding[]> };
