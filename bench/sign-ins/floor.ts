// The floor of the sign-in bench: bare node:http making the same hops as the app, and the one token request.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Pool } from 'undici';

const { PORT = '', ISSUER = '' } = process.env;
const pool = new Pool(ISSUER, { connections: 32 });
const codes = new Map<string, string>();
const page = `<!doctype html><input type="hidden" name="_csrf" value="${'x'.repeat(100)}">${'<p>words</p>'.repeat(300)}`;

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  if (request.method === 'GET' && pathname === '/') return response.setHeader('content-type', 'text/html').end(page);
  if (pathname.startsWith('/oauth/finish/')) {
    const code = codes.get(pathname) ?? '';
    codes.delete(pathname);
    const form = new URLSearchParams({ grant_type: 'authorization_code', client_id: 'isv_bench', code });
    const answer = await pool.request({
      path: '/token',
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    });
    await answer.body.json();
    return response.writeHead(303, { location: '/organizations', 'set-cookie': 'session=1' }).end();
  }
  let body = '';
  for await (const chunk of request) body += chunk;
  if (pathname === '/connect') {
    const state = randomBytes(32).toString('base64url');
    const location = `${ISSUER}/authorize?client_id=isv_bench&response_type=code&state=${state}&nonce=${state}`;
    return response.writeHead(303, { location, 'set-cookie': 'session=1' }).end();
  }
  const location = `/oauth/finish/${randomBytes(16).toString('hex')}`;
  codes.set(location, new URLSearchParams(body).get('code') ?? '');
  return response.writeHead(303, { location }).end();
});
server.listen(Number(PORT), '127.0.0.1', () => process.stdout.write('is ready\n'));
