// The setup assistant as a developer uses it: every page in both languages, without scripts, with the real doctor.

import { expect, test } from '@jest/globals';
import { createGallery } from './support/gallery.ts';
import { useStage } from './support/stage.ts';
import type { Language } from './support/tab.ts';

const stage = useStage();

const languages: { language: Language }[] = [{ language: 'da' }, { language: 'en' }];

// Broken policies and errors in the console are complaints of the stage, after each test.
test.each(languages)('every page of the assistant is fit for everybody ($language)', async ({ language }) => {
  stage.complaints.expectedStatuses.add(403).add(422);
  const tab = await stage.open({ language });
  const gallery = createGallery(tab);
  const { page, t } = tab;
  await page.goto(`${stage.app.origin}/setup`);
  await gallery.look('setup', { pictures: ['light', 'dark'] });
  await tab.press(t('setup.examination.button'));
  expect(tab.path()).toBe('/setup');
  await page.context().clearCookies({ name: 'dinero-connect-form' });
  await tab.press(t('setup.examination.button'));
  await gallery.look('setup-stale');

  await tab.follow(t('setup.nav.attempts'));
  await gallery.look('setup-attempts', { pictures: ['light', 'dark'] });
  await tab.follow(t('setup.nav.button'));
  await gallery.look('setup-button', { pictures: ['light', 'dark'] });
  await tab.follow(t('setup.nav.debugger'));
  await gallery.look('setup-debugger');
  for (const [name, text] of [
    ['known', 'invalid_client'],
    ['error-id', 'a'.repeat(32)],
    ['unknown', '<b>?</b>'],
  ] as const) {
    await page.locator('textarea').fill(text);
    await tab.press(t('setup.debugger.button'));
    await gallery.look(`setup-debugger-${name}`, { pictures: name === 'known' ? ['light', 'dark'] : ['light'] });
  }
  expect(gallery.problems).toEqual([]);
});

test('without scripts: from an attempt that never came back to what was wrong with it', async () => {
  stage.complaints.expectedStatuses.add(400);
  const tab = await stage.open({ language: 'en', javaScript: false });
  const { page, t } = tab;
  await tab.goHome();
  await tab.press(t('home.button'));
  await tab.atVisma();
  // As an app does whose client id nobody knows.
  await page.goto(`${stage.sandbox.origin}/connect/authorize?client_id=isv_nobody&response_type=code`);
  const stranded = page.url();
  expect(stranded).toContain('/error?errorId=');

  await page.goto(`${stage.app.origin}/setup/attempts`);
  expect(await tab.text()).toContain(t('setup.outcomes.away'));
  await tab.follow(t('setup.nav.debugger'));
  await page.locator('textarea').fill(stranded);
  await tab.press(t('setup.debugger.button'));
  await tab.follow(t('setup.debugger.error_id_sandbox_link'));
  expect(await tab.text()).toContain('invalid_client');
});

test('one click selects all of what is to be copied', async () => {
  const tab = await stage.open({ language: 'en' });
  await tab.page.goto(`${stage.app.origin}/setup`);
  await tab.page.locator('#step-redirect_uri code.copy').click();
  expect(await tab.page.evaluate<string>('getSelection().toString()')).toBe(`${stage.app.origin}/oauth/callback`);
});
