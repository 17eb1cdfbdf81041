// Another provider and another accounting API than the sandbox, as small as the standards allow: its own paths, no
// `iss` on the way back, Basic authentication alone, no revocation; and an API that spells its keys in its own way.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Waiting = { challenge: string; redirectUri: string; scope: string };

export async function startOtherProvider(client: { id: string; secret: string }) {
  const codes = new Map<string, Waiting>();
  const tokens = new Set<string>();
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', origin);
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (url.pathname === '/.well-known/openid-configuration') {
      return void send(200, {
        issuer: origin,
        authorization_endpoint: `${origin}/as/authorization.oauth2`,
        token_endpoint: `${origin}/as/token.oauth2`,
        jwks_uri: `${origin}/keys`,
      });
    }
    if (url.pathname === '/as/token.oauth2') return void (await exchange(request, send));
    const bearer = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    if (!tokens.has(bearer)) return void send(401, { code: 41 });
    if (url.pathname === '/v1/organizations') return void send(200, [{ ID: 7, Name: 'Anden ApS', IsPro: true }]);
    send(url.pathname === '/v1/7/accountingyears' ? 200 : 404, []);
  }

  async function exchange(request: IncomingMessage, send: (status: number, body: unknown) => unknown): Promise<void> {
    let body = '';
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    const [id, secret] = Buffer.from(request.headers.authorization?.replace(/^Basic /, '') ?? '', 'base64')
      .toString()
      .split(':')
      .map(decodeURIComponent);
    if (id !== client.id || secret !== client.secret) return void send(401, { error: 'invalid_client' });
    const waiting = codes.get(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (waiting?.challenge !== challenge || waiting.redirectUri !== form.get('redirect_uri')) {
      return void send(400, { error: 'invalid_grant' });
    }
    const accessToken = randomBytes(16).toString('hex');
    tokens.add(accessToken);
    send(200, {
      access_token: accessToken,
      token_type: 'bearer',
      refresh_token: randomBytes(16).toString('hex'),
      expires_in: 600,
    });
  }

  return {
    origin,
    /** What its consent page would post, for a person who says yes. */
    consent(authorizeUrl: string): Record<string, string> {
      const asked = new URL(authorizeUrl);
      const parameter = (name: string) => asked.searchParams.get(name) ?? '';
      if (asked.pathname !== '/as/authorization.oauth2' || parameter('client_id') !== client.id)
        throw new Error(authorizeUrl);
      const code = randomBytes(16).toString('hex');
      codes.set(code, {
        challenge: parameter('code_challenge'),
        redirectUri: parameter('redirect_uri'),
        scope: parameter('scope'),
      });
      return { code, state: parameter('state') };
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
