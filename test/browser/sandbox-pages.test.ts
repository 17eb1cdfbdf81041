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

test('the pages for developers are fit for everybody', async () => {
  const tab = await stage.open({ language: 'en' });
  gallery = createGallery(tab);
  const { origin } = stage.sandbox;
  await tab.page.goto(origin);
  await gallery.look('sandbox-front-page', { pictures: ['light', 'dark'] });
  await tab.page.goto(`${origin}/connect/authorize?client_id=nobody`);
  await tab.follow(tab.visma.errorDebugger);
  await gallery.look('sandbox-debugger');
  await tab.page.goto(`${origin}/debugger?errorId=unknown`);
  await gallery.look('sandbox-debugger-unknown');
});
