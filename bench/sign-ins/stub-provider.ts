// The provider of the sign-in bench: it consents to everything at once, and gives what a real one gives. Prints its
// address as soon as it listens.

import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' };
const accessToken = `eyJ.${'a'.repeat(1_200)}.sig`;
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const nonces = new Map<string, string>();

function signIdToken(issuer: string, clientId: string, nonce: string): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: clientId, sub: randomBytes(8).toString('hex'), iat: now, exp: now + 3_600, nonce };
  const signed = `${encode({ alg: 'RS256', kid: 'k', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

function answer(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

const server = createServer(async (request, response) => {
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = new URL(request.url ?? '/', issuer);
  if (url.pathname === '/.well-known/openid-configuration') {
    return answer(response, {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      response_modes_supported: ['form_post'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      token_endpoint_auth_methods_supported: ['client_secret_post'],
      authorization_response_iss_parameter_supported: true,
    });
  }
  if (url.pathname === '/jwks') return answer(response, { keys: [jwk] });
  if (url.pathname === '/authorize') {
    const code = createHash('sha256').update(randomBytes(16)).digest('base64url');
    nonces.set(code, url.searchParams.get('nonce') ?? '');
    return answer(response, { code, state: url.searchParams.get('state'), iss: issuer });
  }
  let body = '';
  for await (const chunk of request) body += chunk;
  const form = new URLSearchParams(body);
  const code = form.get('code') ?? '';
  const nonce = nonces.get(code) ?? '';
  nonces.delete(code);
  answer(response, {
    access_token: accessToken,
    refresh_token: randomBytes(32).toString('hex'),
    token_type: 'Bearer',
    expires_in: 3_600,
    scope: 'openid offline_access',
    id_token: signIdToken(issuer, form.get('client_id') ?? 'isv_bench', nonce),
  });
});
server.listen(0, '127.0.0.1', () =>
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`),
);
