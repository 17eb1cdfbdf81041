// People take their time at Visma Connect. Chromium sends a cookie without SameSite with a cross-site POST for its first
// two minutes alone: what leans on that works in a hurry and fails after a second factor.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { launchWithProfile } from './support/chromium.ts';
import { recordCookies } from './support/sent-cookies.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

const tokenCalls = () => stage.sandbox.count('POST', '/connect/token');

/** As if a browser that is closed now had got its cookies so much earlier. */
function ageCookies(profile: string, minutes: number): number {
  const db = new DatabaseSync(join(profile, 'Default', 'Cookies'));
  const { changes } = db.prepare('UPDATE cookies SET creation_utc = creation_utc - ?').run(minutes * 60_000_000);
  db.close();
  return Number(changes);
}

test('the way back works with cookies that are older than two minutes', async () => {
  const profile = mkdtempSync(join(tmpdir(), 'dinero-connect-profile-'));
  const young = await launchWithProfile(profile);
  const address = await leaveWithYoungCookies(young).finally(() => young.close());

  expect(ageCookies(profile, 3)).toBeGreaterThan(2);

  const old = await launchWithProfile(profile);
  try {
    const tab = await stage.openTabIn(old);
    const requests = await recordCookies(old, tab.page, stage.app.origin);
    await tab.page.goto(address);
    await tab.accept();
    expect(tab.path()).toBe('/organizations');
    expect(requests[0]).toMatchObject({ path: '/oauth/callback', sent: [], heldBack: { control: expect.anything() } });
  } finally {
    await old.close();
    rmSync(profile, { recursive: true, force: true });
  }
});

/** Comes back once in a hurry, then leaves again; answers the address where the person is left at Visma Connect. */
async function leaveWithYoungCookies(browser: BrowserContext): Promise<string> {
  // Without SameSite and as young as ours: it shows that two minutes are what the ageing takes away.
  const control = { name: 'control', value: '1', url: stage.app.origin, expires: Date.now() / 1000 + 3600 };
  await browser.addCookies([control]);
  const tab = await stage.openTabIn(browser);
  const requests = await recordCookies(browser, tab.page, stage.app.origin);
  await tab.authorizeAs('rikke');
  expect(requests.find(({ path }) => path === '/oauth/callback')?.sent).toEqual(['control']);
  await tab.goHome();
  const asked = tab.page.waitForRequest((request) => request.url().includes('/connect/authorize?'));
  await tab.press(tab.t('home.button'));
  return (await asked).url();
}

test('half an hour at Visma Connect is not too long', async () => {
  const tab = await stage.open();
  await tab.start();
  await tab.signInAs('rikke');

  stage.attempts.letPass(30);
  await tab.accept();

  expect(tab.path()).toBe('/organizations');
});

test('after more than an hour the attempt is closed, and one press starts the next', async () => {
  stage.complaints.expectedStatuses.add(410);
  const tab = await stage.open();
  await tab.start();
  await tab.signInAs('rikke');

  stage.attempts.letPass(61);
  await tab.accept();

  expect(await tab.text()).toContain('Der gik for lang tid, så vi har lukket forsøget. Prøv igen.');
  expect(tokenCalls()).toBe(0);
  await tab.follow(tab.t('actions.start_again'));
  await tab.press(tab.t('home.button'));
  await tab.atVisma();
  await tab.accept();
  expect(tab.path()).toBe('/organizations');
});
