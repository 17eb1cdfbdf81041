// The sandbox's own pages, as a person meets them on the way and as a developer looks at them.

import { afterEach, expect, test } from '@jest/globals';
import { createGallery, type Gallery } from './support/gallery.ts';
import { useStage } from './support/stage.ts';
import type { Language } from './support/tab.ts';

const stage = useStage();

const languages: { language: Language }[] = [{ language: 'da' }, { language: 'en' }];

let gallery: Gallery;

afterEach(() => expect(gallery.problems).toEqual([]));

test.each(languages)('the pages on the way are fit for everybody ($language)', async ({ language }) => {
  const tab = await stage.open({ language });
  gallery = createGallery(tab);
  // axe needs scripts; the page that hands over by itself has to stand still all the same.
  await tab.page.route('**/assets/hand-over.js', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: '' }),
  );
  await tab.start();
  await gallery.look('visma-sign-in', { pictures: ['light', 'dark'] });
  await tab.signInAs('mads');
  await gallery.look('visma-consent', { pictures: ['light', 'dark'] });
  await tab.press(tab.visma.accept);
  await gallery.look('visma-hand-over');
  await tab.press(tab.visma.handOverButton);
  await tab.atOurs();
  expect(tab.path()).toBe('/organizations');
});

test.each(languages)('the page of an authorize error that never comes back ($language)', async ({ language }) => {
  stage.complaints.expectedStatuses.add(400);
  const tab = await stage.open({ language });
  gallery = createGallery(tab);
  const asked = tab.page.waitForRequest((request) => request.url().includes('/connect/authorize?'));
  await tab.start();
  const address = new URL((await asked).url());
  address.searchParams.set('redirect_uri', 'https://somewhere.example/');

  await tab.page.goto(address.href);

  expect(await tab.heading()).toBe(tab.visma.errorTitle);
  await gallery.look('visma-error');
});

test('the switches of the front page work without JavaScript, and show what they did', async () => {
  const tab = await stage.open({ language: 'en', javaScript: false });
  const { page, press, text } = tab;
  await page.goto(stage.sandbox.origin);
  expect(await text()).toContain('None: everything works.');

  await page.getByLabel('What goes wrong').selectOption('token: 429, Retry-After: 0');
  await page.getByLabel('How many times').fill('2');
  await press('Set fault');
  expect(await text()).toContain('token: 429, Retry-After: 0 (2 more times)');
  await press('Clear all faults');
  expect(await text()).toContain('None: everything works.');

  await page.getByLabel('Refresh tokens').selectOption('one-time');
  await page.getByLabel('Dinero’s quota').fill('7');
  await press('Save settings');
  expect(await page.getByLabel('Refresh tokens').inputValue()).toBe('one-time');
  expect(stage.sandbox.settings).toMatchObject({ refreshTokenUse: 'one-time', dineroCallsAMinute: 7 });

  await tab.authorizeAs('bodil');
  await page.goto(stage.sandbox.origin);
  expect(await text()).toMatch(/Bodil Thorsen:.* Has given 1 authorization\./);
  await press('Revoke what Bodil Thorsen authorized');
  expect(await text()).toMatch(/Bodil Thorsen:.* Has given 0 authorizations\./);
});

test('the pages for developers are fit for everybody', async () => {
  const tab = await stage.open({ language: 'en' });
  gallery = createGallery(tab);
  const { origin } = stage.sandbox;
  await tab.page.goto(origin);
  await gallery.look('sandbox-front-page', { pictures: ['light', 'dark'] });
  stage.sandbox.faults.set('token', { kind: 'cut' }, 3);
  stage.sandbox.faults.set('organizations', { kind: 'status', status: 500 });
  await tab.page.reload();
  await gallery.look('sandbox-front-page-faults', { pictures: ['light'] });
  await tab.page.goto(`${origin}/connect/authorize?client_id=nobody`);
  await tab.follow(tab.visma.errorDebugger);
  await gallery.look('sandbox-debugger');
  await tab.page.goto(`${origin}/debugger?errorId=unknown`);
  await gallery.look('sandbox-debugger-unknown');
});
