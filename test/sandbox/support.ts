// What the sandbox's tests share: a sandbox on a free port, its authorize URLs, and the calls an app makes.

import { createHash, randomBytes } from 'node:crypto';
import { type Sandbox, type SandboxOptions, type SandboxSettings, startSandbox } from '../../src/sandbox/sandbox.ts';
import { answerAuthorization } from '../support/person.ts';

export const CLIENT = {
  clientId: 'isv_sandbox',
  clientSecret: 'sandbox-secret',
  redirectUris: ['http://localhost:3000/oauth/callback'],
};
export const [REDIRECT_URI = ''] = CLIENT.redirectUris;
export const SCOPE = 'dineropublicapi:read dineropublicapi:write offline_access';

export function startTestSandbox(settings: Partial<SandboxSettings> = {}, more: Partial<SandboxOptions> = {}) {
  return startSandbox({ port: 0, client: CLIENT, settings, ...more });
}

export function createChallenge() {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** `null` leaves a parameter out. */
export function authorizeUrl(sandbox: Sandbox, changes: Record<string, string | null> = {}): string {
  const parameters = {
    client_id: CLIENT.clientId,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    response_mode: 'form_post',
    scope: SCOPE,
    state: 'the-state',
    nonce: 'the-nonce',
    ...changes,
  };
  const url = new URL('/connect/authorize', sandbox.origin);
  for (const [name, value] of Object.entries(parameters)) if (value !== null) url.searchParams.set(name, value);
  return url.href;
}

export async function authorize(sandbox: Sandbox, changes: Record<string, string | null> = {}, person = 'rikke') {
  const answer = await answerAuthorization(authorizeUrl(sandbox, changes), { person, consent: 'accept' });
  if ('errorPage' in answer) throw new Error(`Stranded at ${answer.errorPage}`);
  return answer.fields;
}

export function postForm(sandbox: Sandbox, path: string, form: Record<string, string>, headers = {}) {
  return fetch(new URL(path, sandbox.origin), { method: 'POST', headers, body: new URLSearchParams(form) });
}

export function callToken(sandbox: Sandbox, form: Record<string, string>): Promise<Response> {
  const credentials = { client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret };
  return postForm(sandbox, '/connect/token', { ...credentials, ...form });
}

export function redeem(sandbox: Sandbox, code: string, changes: Record<string, string> = {}): Promise<Response> {
  return callToken(sandbox, { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, ...changes });
}

export function refresh(sandbox: Sandbox, refreshToken: string, changes: Record<string, string> = {}) {
  return callToken(sandbox, { grant_type: 'refresh_token', refresh_token: refreshToken, ...changes });
}

export type Tokens = {
  access_token: string;
  refresh_token: string;
  id_token?: string;
  expires_in: number;
  token_type: string;
  scope: string;
};

export async function connect(sandbox: Sandbox, person = 'rikke', changes: Record<string, string> = {}) {
  const { code = '' } = await authorize(sandbox, changes, person);
  return (await (await redeem(sandbox, code)).json()) as Tokens;
}

export function callDinero(sandbox: Sandbox, path: string, accessToken: string): Promise<Response> {
  return fetch(new URL(path, sandbox.origin), { headers: { authorization: `Bearer ${accessToken}` } });
}

/** What the sandbox shows, page by page, while `walk` goes through it. */
export async function collectPages(walk: () => Promise<unknown>): Promise<string[]> {
  const texts: string[] = [];
  const original = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const response = await original(input, init);
    if (response.status === 200) texts.push(await response.clone().text());
    return response;
  };
  try {
    await walk();
  } finally {
    globalThis.fetch = original;
  }
  return texts;
}
