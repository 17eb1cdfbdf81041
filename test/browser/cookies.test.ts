// Our cookies, as Chromium keeps and sends them: Lax, small, and not with the provider's POST.

import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { recordCookies } from './support/sent-cookies.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

const form = 'dinero-connect-form';
const session = 'dinero-connect-session';
const language = 'dinero-connect-language';

/** Every Set-Cookie line of the app from now on. */
function collectSetCookies(page: Page): string[] {
  const lines: string[] = [];
  page.on('response', async (response) => {
    if (!response.url().startsWith(stage.app.origin)) return;
    const headers = await response.headersArray().catch(() => []);
    lines.push(...headers.filter(({ name }) => name.toLowerCase() === 'set-cookie').map(({ value }) => value));
  });
  return lines;
}

test('looking at the first page starts no session', async () => {
  const tab = await stage.open();

  await tab.goHome();

  expect((await tab.context.cookies()).map(({ name }) => name)).toEqual([form]);
});

test('all our cookies are Lax, HttpOnly and ours alone', async () => {
  const tab = await stage.open();
  const lines = collectSetCookies(tab.page);

  await tab.goHome();
  await tab.follow('English');
  await tab.follow('Dansk');
  await tab.connectAs('rikke', 118244);
  await tab.disconnect();

  const cookies = await tab.context.cookies(stage.app.origin);
  expect(cookies.map(({ name }) => name).sort()).toEqual([form, language, session]);
  for (const { sameSite, httpOnly, path } of cookies) {
    expect({ sameSite, httpOnly, path }).toEqual({ sameSite: 'Lax', httpOnly: true, path: '/' });
  }
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter((line) => !/; SameSite=Lax/i.test(line) || !/; HttpOnly/i.test(line))).toEqual([]);
});

test('the provider’s POST comes without our cookies, and the page after it has them again', async () => {
  const tab = await stage.open();
  const requests = await recordCookies(tab.context, tab.page, stage.app.origin);

  await tab.authorizeAs('rikke');

  expect(requests.map(({ method, path }) => `${method} ${path.replace(/[0-9a-f-]{36}/, ':id')}`)).toEqual([
    'GET /',
    'POST /connect',
    'POST /oauth/callback',
    'GET /oauth/finish/:id',
    'GET /organizations',
  ]);
  const [, , callback, finish] = requests;
  const lax = [expect.stringContaining('SameSiteLax')];
  expect(callback).toMatchObject({ sent: [], heldBack: { [form]: lax, [session]: lax } });
  expect(finish).toMatchObject({ sent: [form, session], heldBack: {} });
});

test('a hundred started attempts leave less than a kilobyte of cookies, and the next one works', async () => {
  const tab = await stage.open();
  await tab.goHome();
  await tab.follow('English');
  await tab.follow('Dansk');
  const token = await tab.page.locator('input[name="_csrf"]').inputValue();
  const before = stage.attempts.count();

  for (let started = 0; started < 100; started += 1) {
    await tab.context.request.post(`${stage.app.origin}/connect`, { form: { _csrf: token }, maxRedirects: 0 });
  }

  expect(stage.attempts.count() - before).toBe(100);
  const cookies = await tab.context.cookies(stage.app.origin);
  const header = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  expect(cookies.map(({ name }) => name).sort()).toEqual([form, language, session]);
  expect(header.length).toBeLessThan(1024);
  await tab.authorizeAs('rikke');
  expect(tab.path()).toBe('/organizations');
});
