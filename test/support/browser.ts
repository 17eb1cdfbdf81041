// A person at a browser without JavaScript, over supertest: keeps cookies, reads pages, presses buttons. SameSite is
// beyond it; what depends on that is proven in test/browser.

import type { Express } from 'express';
import request, { type Response, type Test } from 'supertest';
import { answerAuthorization, type CookieJar } from './person.ts';

export type Browser = ReturnType<typeof openBrowser>;

export function openBrowser(app: Express, headers: Record<string, string> = {}) {
  const agent = request.agent(app);
  const withHeaders = (test: Test) => test.set({ 'accept-language': 'da', ...headers });

  const get = (path: string) => withHeaders(agent.get(path));

  function post(path: string, fields: Record<string, string>) {
    return withHeaders(agent.post(path)).type('form').send(fields);
  }

  /** Presses the button of the form that a page shows: with the form's own token. */
  async function submit(page: Response, path: string, fields: Record<string, string> = {}): Promise<Response> {
    const user = /name="_user" value="([^"]+)"/.exec(page.text)?.[1];
    return post(path, { _csrf: tokenOf(page), ...(user ? { _user: user } : {}), ...fields });
  }

  /** Clicks "Connect to Dinero", or "Reconnect" when connected; answers where Visma Connect is. */
  async function start(fields: Record<string, string> = {}): Promise<string> {
    const home = await get('/');
    const page = home.text.includes('_csrf') ? home : await get('/connection');
    const left = await submit(page, '/connect', fields);
    const { location } = left.headers;
    if (left.status !== 303 || !location) throw new Error(`the start was answered ${left.status}: ${left.text}`);
    return location;
  }

  /** Takes what Visma Connect's page would post to the callback; answers the address that follows. */
  async function comeBack(fields: Record<string, string>): Promise<string> {
    // Cross-site: the browser holds its cookies back.
    const response = await withHeaders(request(app).post('/oauth/callback')).type('form').send(fields);
    if (response.status !== 303) throw new Error(`the callback was answered ${response.status}`);
    return String(response.headers.location);
  }

  /** From the click to the page after the way back; that one is not followed. */
  async function signIn(
    person: string,
    options: { consent?: 'accept' | 'cancel'; jar?: CookieJar; start?: Record<string, string> } = {},
  ) {
    const url = await start(options.start);
    const answer = await answerAuthorization(url, {
      person,
      consent: options.consent ?? 'accept',
      ...(options.jar ? { jar: options.jar } : {}),
    });
    if ('errorPage' in answer) throw new Error(`stranded on ${answer.errorPage}`);
    return get(await comeBack(answer.fields));
  }

  /** The whole way to a connected company. */
  async function connect(person: string, organizationId: string): Promise<Response> {
    await signIn(person);
    await submit(await get('/organizations'), '/organizations', { organizationId });
    return get('/connection');
  }

  /** Opens a link and presses its button; answers what that leads to. */
  async function follow(url: string): Promise<Response> {
    const { pathname } = new URL(url);
    const page = await get(pathname);
    return submit(page.status === 303 ? await get(String(page.headers.location)) : page, pathname);
  }

  /** By a link, from its page to what follows the way back. */
  async function signInBy(url: string, person: string, consent: 'accept' | 'cancel' = 'accept'): Promise<Response> {
    const left = await follow(url);
    const answer = await answerAuthorization(String(left.headers.location), { person, consent });
    if ('errorPage' in answer) throw new Error(`stranded on ${answer.errorPage}`);
    return get(await comeBack(answer.fields));
  }

  /** By a link, the whole way; answers what follows the choice. */
  async function connectBy(url: string, person: string, organizationId: string): Promise<Response> {
    await signInBy(url, person);
    return submit(await get('/organizations'), '/organizations', { organizationId });
  }

  return { follow, signInBy, connectBy, agent, get, post, submit, start, comeBack, signIn, connect };
}

export function tokenOf(page: Response): string {
  const token = /name="_csrf" value="([^"]+)"/.exec(page.text)?.[1];
  if (!token) throw new Error(`no form on this page:\n${page.text}`);
  return token;
}

/** The page's sentences, without its markup. */
export function textOf(page: Response): string {
  const body = page.text
    .replace(/^[\s\S]*<body[^>]*>/, '')
    .replace(/<\/?(bdi|strong)[^>]*>/g, '')
    .replace(/<[^>]+>/g, ' ');
  const entities: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&#34;': '"', '&#39;': "'", '&amp;': '&' };
  return body.replace(/&(lt|gt|#34|#39|amp);/g, (entity) => entities[entity] ?? entity).replace(/\s+/g, ' ');
}
