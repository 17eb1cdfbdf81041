// What can go wrong on the way to Dinero, as a closed list, and the words by which providers and Dinero name it. The
// sentences are in the locale files under `setup.diagnoses.<code>`.

export type DiagnosisCode =
  // Visma Connect's authorize endpoint (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6; RFC 7636; RFC 9207)
  | 'access_denied'
  | 'invalid_request'
  | 'unauthorized_client'
  | 'unsupported_response'
  | 'invalid_scope'
  | 'provider_failed'
  | 'interaction_required'
  | 'request_object'
  | 'extension'
  | 'redirect_uri'
  | 'client_unknown'
  | 'pkce_required'
  | 'pkce_method'
  | 'grant_type'
  | 'response_invalid'
  // its token and revocation endpoints (RFC 6749, 5.2; RFC 7009)
  | 'invalid_client'
  | 'invalid_grant'
  | 'unsupported_grant_type'
  | 'unsupported_token_type'
  | 'id_token_invalid'
  // a resource that is asked with a token (RFC 6750)
  | 'invalid_token'
  | 'insufficient_scope'
  // Dinero
  | 'dinero_not_found'
  | 'dinero_unauthorized'
  | 'dinero_validation'
  | 'dinero_limit'
  | 'dinero_no_pro'
  | 'dinero_rate_limited'
  | 'dinero_brownout'
  | 'dinero_unavailable'
  | 'dinero_other'
  // a status without a word
  | 'http_fine'
  | 'http_400'
  | 'http_405'
  | 'http_4xx'
  | 'http_5xx'
  // this app
  | 'attempt_unknown'
  | 'attempt_expired'
  | 'attempt_other_browser'
  | 'attempt_unfinished'
  | 'not_connected'
  | 'needs_reconnect'
  | 'organization'
  | 'link'
  | 'return_url'
  | 'database'
  | 'foreign'
  | 'misconfigured'
  | 'form_expired'
  | 'bad_request'
  | 'not_found'
  | 'too_many_requests'
  | 'api_key'
  | 'internal';

/** Error codes of OAuth 2.0 and its relatives, as they are written on the wire. */
export const oauthErrors: ReadonlyMap<string, DiagnosisCode> = new Map<string, DiagnosisCode>([
  ['access_denied', 'access_denied'],
  ['invalid_request', 'invalid_request'],
  ['unauthorized_client', 'unauthorized_client'],
  ['unsupported_response_type', 'unsupported_response'],
  ['unsupported_response_mode', 'unsupported_response'],
  ['invalid_scope', 'invalid_scope'],
  ['server_error', 'provider_failed'],
  ['temporarily_unavailable', 'provider_failed'],
  ['interaction_required', 'interaction_required'],
  ['login_required', 'interaction_required'],
  ['consent_required', 'interaction_required'],
  ['account_selection_required', 'interaction_required'],
  ['invalid_request_uri', 'request_object'],
  ['invalid_request_object', 'request_object'],
  ['request_not_supported', 'request_object'],
  ['request_uri_not_supported', 'request_object'],
  ['registration_not_supported', 'request_object'],
  ['unmet_authentication_requirements', 'interaction_required'],
  ['insufficient_user_authentication', 'interaction_required'],
  // RFC 8628, 8707, 9396 and 9449; CIBA; RFC 7591
  ['authorization_pending', 'extension'],
  ['slow_down', 'extension'],
  ['expired_token', 'extension'],
  ['invalid_target', 'extension'],
  ['invalid_authorization_details', 'extension'],
  ['invalid_dpop_proof', 'extension'],
  ['use_dpop_nonce', 'extension'],
  ['expired_login_hint_token', 'extension'],
  ['unknown_user_id', 'extension'],
  ['missing_user_code', 'extension'],
  ['invalid_user_code', 'extension'],
  ['invalid_binding_message', 'extension'],
  ['transaction_failed', 'extension'],
  ['invalid_client_metadata', 'extension'],
  ['invalid_software_statement', 'extension'],
  ['unapproved_software_statement', 'extension'],
  // The sandbox's word; Duende says invalid_request.
  ['invalid_redirect_uri', 'redirect_uri'],
  ['invalid_client', 'invalid_client'],
  ['invalid_grant', 'invalid_grant'],
  ['unsupported_grant_type', 'unsupported_grant_type'],
  ['unsupported_token_type', 'unsupported_token_type'],
  ['invalid_token', 'invalid_token'],
  ['insufficient_scope', 'insufficient_scope'],
]);

/** Dinero's own codes (facts, section 2). 48 is what older documentation says for 90. */
export const dineroCodes: ReadonlyMap<number, DiagnosisCode> = new Map<number, DiagnosisCode>([
  [40, 'dinero_not_found'],
  [41, 'dinero_unauthorized'],
  [42, 'dinero_validation'],
  [43, 'dinero_limit'],
  [48, 'dinero_no_pro'],
  [90, 'dinero_no_pro'],
  [480, 'dinero_brownout'],
]);

/** What a description says more exactly than its error code does, with the first that fits going first. */
export const phrases: readonly (readonly [RegExp, DiagnosisCode])[] = [
  [/invalid[_ ]redirect[_ ]uri|redirect_uri\S{0,20} (?:did not|does not|is not|mismatch|invalid)/i, 'redirect_uri'],
  [/unknown client|client not enabled|client is invalid|unknown_client/i, 'client_unknown'],
  [/transform algorithm|(?:value of|unsupported|invalid) code_challenge_method/i, 'pkce_method'],
  [/code[ _]challenge (?:is )?(?:missing|required)|requires? (?:use of )?pkce|pkce .{0,40}required/i, 'pkce_required'],
  [/invalid grant type for client|grant type is not allowed/i, 'grant_type'],
  [/iss (?:missing|mismatch)|parameter "?iss"?|unexpected "?iss"?/i, 'response_invalid'],
  [/calls quota exceeded/i, 'dinero_rate_limited'],
  [/brownout/i, 'dinero_brownout'],
];

/** The meaning of a status that came without a word; null when it is no status. */
export function diagnoseStatus(status: number): DiagnosisCode | null {
  if (!Number.isInteger(status) || status < 100 || status > 599) return null;
  if (status < 400) return 'http_fine';
  if (status >= 500) return 'http_5xx';
  return statuses.get(status) ?? 'http_4xx';
}

const statuses: ReadonlyMap<number, DiagnosisCode> = new Map<number, DiagnosisCode>([
  [400, 'http_400'],
  [401, 'dinero_unauthorized'],
  [403, 'dinero_no_pro'],
  [404, 'dinero_not_found'],
  [405, 'http_405'],
  [429, 'dinero_rate_limited'],
  [480, 'dinero_brownout'],
]);
