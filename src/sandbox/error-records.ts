// Authorize errors that never come back to the client: remembered under an id, and explained by the debugger.

import { randomBytes } from 'node:crypto';
import type { Applications } from './applications.ts';
import { KNOWN_SCOPES } from './scopes.ts';

const MOST_RECORDS = 1000;

export type ErrorRecord = {
  id: string;
  error: string;
  description: string;
  clientId: string | null;
  redirectUri: string | null;
  scope: string | null;
  uiLocales: string | null;
  at: Date;
};

export type ErrorRecords = {
  add(error: Error, request: Record<string, unknown>): string;
  find(id: unknown): ErrorRecord | undefined;
};

export function createErrorRecords(): ErrorRecords {
  const records = new Map<string, ErrorRecord>();
  return {
    add(error, request) {
      const id = randomBytes(16).toString('hex');
      const isOurs = !('expose' in error) || error.expose !== true;
      records.set(id, {
        id,
        error: isOurs ? 'server_error' : error.message,
        description: isOurs ? 'The sandbox itself failed' : describe(error),
        clientId: asText(request.client_id),
        redirectUri: asText(request.redirect_uri),
        scope: asText(request.scope),
        uiLocales: asText(request.ui_locales),
        at: new Date(),
      });
      for (const oldest of records.keys()) {
        if (records.size <= MOST_RECORDS) break;
        records.delete(oldest);
      }
      return id;
    },
    find: (id) => (typeof id === 'string' ? records.get(id) : undefined),
  };
}

function describe(error: Error): string {
  const description = 'error_description' in error ? String(error.error_description ?? '') : '';
  const scope = 'scope' in error && typeof error.scope === 'string' ? ` (${error.scope})` : '';
  return description + scope;
}

function asText(value: unknown): string | null {
  if (value === undefined) return null;
  return Array.isArray(value) ? value.join(' + ') : String(value);
}

/** What the developer has to change, in one sentence. */
export function adviseOn(record: ErrorRecord, applications: Applications): string {
  const { error, description } = record;
  const client = applications.rulesOf(record.clientId);
  if (error === 'invalid_client') {
    const registered = [applications.builtIn, ...applications.list()].map(({ clientId }) => `client_id=${clientId}`);
    return `Send ${registered.join(' or ')}: no other client is registered here. Another one is registered on the portal’s page.`;
  }
  if (error === 'invalid_redirect_uri') return adviseOnRedirectUri(record, client?.redirectUris ?? []);
  if (error === 'invalid_scope' || description.startsWith('scope ')) {
    const scopes = (client?.scopes ?? KNOWN_SCOPES).join(' ');
    return `Ask for some of these scopes, separated by spaces, 300 characters at most: ${scopes}.`;
  }
  if (error === 'unsupported_response_type') return 'Send response_type=code, the only one this client may use.';
  if (error === 'unsupported_response_mode') return 'Send response_mode=form_post (query and fragment also work).';
  if (description.includes('PKCE') || description.includes('code_challenge')) {
    const required = client?.pkceRequired ? 'This client requires PKCE. ' : '';
    return `${required}Send code_challenge (43 characters) with code_challenge_method=S256; plain is refused.`;
  }
  if (description.includes('missing required parameter')) return `Add what is missing: ${description}.`;
  if (description.includes('session') || description.includes('expired')) {
    return 'The sign-in was left open too long, finished already, or this browser lost its cookies. Begin again.';
  }
  return 'Compare the request with section 1 of the facts, parameter by parameter.';
}

function adviseOnRedirectUri({ redirectUri }: ErrorRecord, registered: string[]): string {
  const advice = `Send exactly one of the registered redirect URIs: ${registered.join(' or ')}.`;
  // Registered by now, or all along while the scenario was on.
  if (!registered.includes(redirectUri ?? '')) return advice;
  return `${advice} This one is registered: a scenario of the sandbox refused it, or it was added since.`;
}
