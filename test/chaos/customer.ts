// A customer of the integrator at a browser, in front of several processes: each request goes to whichever port is
// given, as a balancer does it, and the cookies are one site's.

import { request } from 'node:http';
import { answerAuthorization, createCookieJar } from '../support/person.ts';

export type Answer = { status: number; location: string | null; retryAfterSeconds: number; text: string };
export type Customer = ReturnType<typeof createCustomer>;
type Form = Record<string, string>;
/** A port that somebody listens on, as far as is known. */
export type PickPort = () => Promise<number>;

const people = [
  { person: 'rikke', organizationId: '118244' },
  { person: 'mads', organizationId: '201001' },
];

export function createCustomer(index: number, baseUrl: string, limitMilliseconds: number) {
  const jar = createCookieJar();
  const site = new URL(baseUrl);
  const { person, organizationId } = people[index % people.length] ?? { person: '', organizationId: '' };

  /** Rejects when no whole answer comes. A connection of its own each time: the one before may be a dead process's. */
  function send(port: number, path: string, form: Form | null = null, withCookies = true): Promise<Answer> {
    const url = new URL(path, site);
    const body = form ? new URLSearchParams(form).toString() : null;
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port,
          path: url.pathname + url.search,
          method: body === null ? 'GET' : 'POST',
          agent: false,
          signal: AbortSignal.timeout(limitMilliseconds),
          headers: {
            host: site.host,
            ...(withCookies ? { cookie: jar.cookiesFor(url) } : {}),
            ...(body === null ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk) => {
            text += chunk;
          });
          response.on('error', reject).on('end', () => {
            if (withCookies) jar.take(url, response.headers['set-cookie'] ?? []);
            resolve({
              status: response.statusCode ?? 0,
              location: response.headers.location ?? null,
              retryAfterSeconds: Number(response.headers['retry-after'] ?? 0),
              text,
            });
          });
        },
      );
      sent.on('error', reject).end(body ?? undefined);
    });
  }

  function submit(port: number, page: Answer, path: string, fields: Form = {}): Promise<Answer> {
    const token = /name="_csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    return send(port, path, { _csrf: token, ...fields });
  }

  /** Makes an access token be used, and so refreshed. */
  const askForCompanies = (port: number) => send(port, '/organizations');

  /** Signs in, consents, and chooses the company unless it is kept. Rejects when a step does not lead to the next. */
  async function connect(pick: PickPort): Promise<void> {
    const home = await send(await pick(), '/');
    const page = home.text.includes('_csrf') ? home : await send(await pick(), '/connection');
    const left = await submit(await pick(), page, '/connect');
    const answer = await answerAuthorization(follow(left, 'http'), { person, consent: 'accept' });
    if ('errorPage' in answer) throw new Error(`stranded on ${answer.errorPage}`);
    const returned = await send(await pick(), '/oauth/callback', answer.fields, false);
    const finished = await send(await pick(), follow(returned, '/'));
    if (follow(finished, '/') === '/connection') return;
    const chosen = await submit(await pick(), await askForCompanies(await pick()), '/organizations', {
      organizationId,
    });
    follow(chosen, '/connection');
  }

  /** False when the app does not know this browser (any more). Rejects when no answer comes. */
  async function isKnown(port: number): Promise<boolean> {
    return (await send(port, '/connection')).status !== 303;
  }

  return { index, askForCompanies, connect, isKnown };
}

function follow({ status, location }: Answer, start: string): string {
  if (status !== 303 || !location?.startsWith(start)) throw new Error(`answered ${status} on the way to ${start}`);
  return location;
}
