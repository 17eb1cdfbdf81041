// A developer's first hour: from a folder with nothing in it to a connection with credentials of their own, registered
// on the sandbox's portal, following /setup alone.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';
import { launchChromium } from './support/chromium.ts';

let browser: Browser;
let app: AppProcess;
let env: Record<string, string>;
const place = makeFolder();

beforeAll(async () => {
  browser = await launchChromium({});
  env = { PORT: String(await takeFreePort()), SANDBOX_PORT: String(await takeFreePort()) };
  app = await startApp(place.folder, env);
});
afterAll(async () => {
  await browser.close();
  await app.stop();
  place.remove();
});

/** What a step of /setup shows to be copied, by its label. */
async function copy(page: Page, label: string): Promise<string> {
  const shown = page.locator('div, li, tr, p').filter({ has: page.getByText(label, { exact: true }) });
  return (await shown.last().locator('code').first().innerText()).trim();
}

test('from nothing to a connection with own credentials', async () => {
  const context = await browser.newContext({ locale: 'en-GB', javaScriptEnabled: false });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const [setup = ''] = /http:\S+\/setup$/m.exec(app.output()) ?? [];
  await page.goto(setup);
  const [name, redirectUri] = [await copy(page, 'Name'), await copy(page, 'Redirect URI')];
  expect(redirectUri).toBe(`http://localhost:${env.PORT}/oauth/callback`);

  await page.getByRole('link', { name: 'Open the sandbox’s portal' }).click();
  await page.locator('a[href="/portal/new"]').click();
  await page.locator('[name="name"]').fill(name);
  await page.locator('[name="clientId"]').fill('isv_kornblomst');
  await page.locator('[name="redirectUris"]').fill(redirectUri);
  await page.locator('[name="read"]').check();
  await page.locator('[name="write"]').check();
  await page.locator('select[name="offline"]').selectOption('re-use');
  await page.locator('main form button[type="submit"], form button[type="submit"]').first().click();
  await page.locator('form[action$="/secrets"] button[type="submit"]').click();
  const lines = await page.locator('pre').innerText();
  writeFileSync(join(place.folder, '.env'), lines);

  expect(await app.stop()).toBe(0);
  app = await startApp(place.folder, env);
  await page.goto(setup);
  expect(await page.locator('body').innerText()).not.toContain('Wrong');
  expect(await page.locator('body').innerText()).toContain('The client id isv_kornblomst and the secret are right.');
  await page.getByRole('link', { name: 'Try it: connect a company' }).click();
  await page.getByRole('button', { name: 'Connect to Dinero' }).click();
  await page.locator('button[name="person"][value="rikke"]').click();
  await page.locator('button[value="accept"]').click();
  await page.locator('form button[type="submit"]').first().click();
  await page.locator('input[name="organizationId"]').first().check();
  await page.getByRole('button', { name: 'Choose and continue' }).click();
  expect(await page.locator('h1').innerText()).toBe('You are connected');
}, 60_000);
