// The operator's page as it is used: with a key of its own, every page in both languages, without scripts.

import { expect, test } from '@jest/globals';
import { createGallery } from './support/gallery.ts';
import { useStage } from './support/stage.ts';
import type { Language, Tab } from './support/tab.ts';

const stage = useStage({ env: { OPERATOR: 'true' } });

const languages: { language: Language }[] = [{ language: 'da' }, { language: 'en' }];

async function signIn({ page, t, press }: Tab): Promise<void> {
  const key = await stage.run('api-key', 'create', '--name', 'operator', '--scopes', 'operator', '--expires', '1d');
  await page.goto(`${stage.app.origin}/operator`);
  await page.locator('#key').fill(key.trim());
  await press(t('operator.key.button'));
  await page.locator('.operator').waitFor();
}

// Broken policies and errors in the console are complaints of the stage, after each test.
test.each(languages)('every page of it is fit for everybody ($language)', async ({ language }) => {
  stage.complaints.expectedStatuses.add(403).add(404);
  const person = await stage.open({ language });
  await person.connectAs('rikke', 118_244);
  const tab = await stage.open({ language });
  const gallery = createGallery(tab);
  const { page, t } = tab;
  await page.goto(`${stage.app.origin}/operator`);
  await gallery.look('operator-key', { pictures: ['light', 'dark'] });
  await page.locator('#key').fill('dck_wrong');
  await tab.press(t('operator.key.button'));
  await gallery.look('operator-key-refused');

  await signIn(tab);
  expect(await tab.heading()).toBe(t('operator.overview.heading'));
  await gallery.look('operator', { pictures: ['light', 'dark'] });
  for (const details of await page.locator('summary').all()) await details.click();
  await gallery.look('operator-numbers', { pictures: ['light', 'dark'] });

  await page.locator('#q').fill('rn');
  await tab.press(t('operator.search.button'));
  await gallery.look('operator-search', { pictures: ['light', 'dark'] });
  await page.locator('.users a').first().click();
  await gallery.look('operator-user', { pictures: ['light', 'dark'] });
  await tab.press(t('operator.user.link_button'));
  await gallery.look('operator-user-link', { pictures: ['light', 'dark'] });
  await page.goto(`${stage.app.origin}/operator/users/nobody`);
  await gallery.look('operator-nobody');
  expect(gallery.problems).toEqual([]);
});

test('without scripts: from the key to a link that a person follows, and out again', async () => {
  stage.complaints.expectedStatuses.add(403);
  const person = await stage.open({ language: 'en' });
  await person.connectAs('mads', 201_001);
  const tab = await stage.open({ language: 'en', javaScript: false });
  const { page, t } = tab;
  await signIn(tab);
  expect(await page.locator('#funnel-picture-description').textContent()).toMatch(/^Bars: [1-9]/);
  await page.getByRole('link', { name: t('operator.overview.days', { count: 90 }) }).click();
  expect(tab.path()).toBe('/operator?days=90');
  await page.locator('#q').fill('201001');
  await tab.press(t('operator.search.button'));
  await page.locator('.users a').first().click();
  await tab.press(t('operator.user.link_button'));
  const link = await page.locator('#made-link').inputValue();

  const other = await stage.open({ language: 'en' });
  await other.page.goto(link);
  await other.page.locator('.button-filled').click();
  expect(other.path()).toBe('/connection');

  await page.goto(`${stage.app.origin}/operator/search?q=201001`);
  await tab.press(t('operator.nav.sign_out'));
  expect(await tab.heading()).toBe(t('operator.key.heading'));
  await page.goBack();
  expect(await tab.text()).not.toContain('201001');
});

test('a link from another site asks for the key, and one click goes on', async () => {
  stage.complaints.expectedStatuses.add(403);
  const tab = await stage.open({ language: 'en' });
  const { page, t } = tab;
  await signIn(tab);
  // The sandbox is another site than the app; its page may lead anywhere.
  await page.goto(stage.sandbox.origin);
  await page.evaluate(`location.href = ${JSON.stringify(`${stage.app.origin}/operator/search`)}`);
  await page.waitForURL(`${stage.app.origin}/operator/search`);
  expect(await tab.heading()).toBe(t('operator.key.heading'));
  await tab.follow(t('operator.key.continue'));
  expect(await tab.heading()).toBe(t('operator.search.heading'));
});
