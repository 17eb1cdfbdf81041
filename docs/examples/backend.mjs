// A backend in forty lines: makes a link for a user, hears of the connection by webhook, gets a token, lists contacts.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const { API_KEY, WEBHOOK_SECRET, CONNECT_URL = 'http://localhost:3000', PORT = '5000' } = process.env;
const dinero = process.env.DINERO_URL ?? 'http://127.0.0.1:4000';
const user = 'customer 42';

async function ask(path, body) {
  const url = `${CONNECT_URL}/api/v1/users/${encodeURIComponent(user)}${path}`;
  const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const answer = await response.json();
  // `code` says what to do; with needs_reconnect comes the link to send the user to.
  if (!response.ok) throw new Error(`${answer.code} ${answer.reconnectUrl ?? ''}`);
  return answer;
}

async function listContacts() {
  const { accessToken, organizationId } = await ask('/connections/dinero/token', {});
  const url = `${dinero}/v1/${organizationId}/contacts?fields=Name,Email`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } });
  for (const { Name, Email } of (await response.json()).Collection) console.log(`  ${Name} ${Email ?? ''}`);
}

const sign = (text) =>
  createHmac('sha256', Buffer.from(WEBHOOK_SECRET.slice(6), 'base64'))
    .update(text)
    .digest();
function isGenuine({ 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signatures = '' }, body) {
  const right = sign(`v1,${sign(`${id}.${time}.${body}`).toString('base64')}`);
  const isRecent = Math.abs(Date.now() / 1000 - Number(time)) < 300;
  return isRecent && signatures.split(' ').some((one) => timingSafeEqual(sign(one), right));
}

createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString();
  if (!isGenuine(request.headers, body)) return response.writeHead(401).end();
  response.writeHead(204).end();
  const { type, data } = JSON.parse(body);
  console.log(`${type}: ${data.userId}, ${data.organization?.name ?? 'no company'}`);
  if (type === 'connection.connected') await listContacts();
}).listen(Number(PORT), async () =>
  console.log(`Open this as ${user}: ${(await ask('/links', { language: 'en' })).url}`),
);
