// An app with the operator's page, and an operator at a browser.

import type { Response } from 'supertest';
import type { ApiScope } from '../../../src/core/integrator-types.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { createTestApp, type TestApp, type TestAppOptions } from '../../support/app.ts';
import { type Browser, openBrowser } from '../../support/browser.ts';
import { authorizedTerms, grantNumbered } from '../../support/grants.ts';

export function openOperator(sandbox: Sandbox, options: TestAppOptions = {}) {
  const testApp = createTestApp(sandbox, { operator: true, ...options });
  return { testApp, browser: openBrowser(testApp.app, { 'accept-language': 'en' }) };
}

export function makeKey({ core }: TestApp, scopes: ApiScope[] = ['operator'], expiresAt: Date | null = null) {
  return core.apiKeys.create({ name: 'operator', scopes, expiresAt });
}

export async function giveKey(browser: Browser, key: string): Promise<Response> {
  return browser.submit(await browser.get('/operator'), '/operator/sign-in', { key });
}

/** The id of the key that it signed in with. */
export async function signIn(testApp: TestApp, browser: Browser): Promise<string> {
  const { key, text } = await makeKey(testApp);
  const answer = await giveKey(browser, text);
  if (answer.status !== 303) throw new Error(`the key was answered ${answer.status}`);
  return key.id;
}

/** A user who is connected to a company of that name; the connection's id. */
export async function addUser({ stores, clock }: TestApp, userId: string, name = 'RN', id = '118244'): Promise<string> {
  const now = clock.now();
  const terms = authorizedTerms(now, { refreshExpiresAt: new Date(now.getTime() + 10 * 86_400_000) });
  const connection = await stores.connections.saveAuthorized(userId, grantNumbered(1, now), terms);
  if (!connection) throw new Error('the consent came too late');
  const company = { id, name, vatNumber: '12345678' };
  await stores.connections.chooseOrganization(connection, company, now, { type: 'organization_chosen' });
  return connection.id;
}

export const acts = (testApp: TestApp) => testApp.logs().filter(({ msg }) => msg === 'operator act');

/** The value of the operator's cookie that an answer sets; null for none. */
export const cookieOf = (response: Response) =>
  /dinero-connect-operator=([^;]+)/.exec(String(response.headers['set-cookie'] ?? ''))?.[1] ?? null;
