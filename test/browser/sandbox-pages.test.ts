// The sandbox's own pages, as a person meets them on the way and as a developer looks at them.

import { afterEach, expect, test } from '@jest/globals';
import { frontPageTexts } from '../../src/sandbox/front-page-texts.ts';
import { portalTexts } from '../../src/sandbox/portal-texts.ts';
import { SCENARIOS } from '../../src/sandbox/scenarios.ts';
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

test('an application is registered on the portal without JavaScript, and its mistakes are named', async () => {
  stage.complaints.expectedStatuses.add(422);
  const tab = await stage.open({ language: 'en', javaScript: false });
  const { page, press, follow, text, heading } = tab;
  const words = portalTexts.en;
  const fill = (label: string, value: string) => page.getByLabel(label).fill(value);
  await page.goto(stage.sandbox.origin);
  await follow(frontPageTexts.en.portal);
  await follow(words.add);
  await fill(words.fields.name, 'Kornblomst Faktura');
  await fill(words.fields.clientId, 'isv_test-application');
  await fill(words.fields.redirectUris, 'http://kornblomst.example/cb');
  await page.getByLabel(words.fields.internal).check();
  await press(words.save);
  expect(await page.getByRole('alert').innerText()).toContain(words.problems.scopesInternal(''));
  expect(await text()).toContain(words.problems.clientIdGeneric('isv_test-application'));
  expect(await page.getByLabel(words.fields.redirectUris).inputValue()).toBe('http://kornblomst.example/cb');

  await fill(words.fields.clientId, 'isv_kornblomst');
  await fill(words.fields.redirectUris, `${stage.app.origin}/oauth/callback`);
  await page.getByLabel(words.fields.internal).uncheck();
  await press(words.save);
  expect(await heading()).toBe('Kornblomst Faktura');
  await press(words.secretAdd);
  expect(await text()).toContain('VISMA_CLIENT_ID=isv_kornblomst');
  await follow(words.secretDone);
  await follow(words.remove);
  await press(words.remove);
  expect(await text()).toContain(words.none);
});

test('a scenario is started and ended without JavaScript, and shows on the sign-in page', async () => {
  const tab = await stage.open({ language: 'en', javaScript: false });
  const words = frontPageTexts.en;
  await tab.page.goto(stage.sandbox.origin);
  await tab.press(words.start('Person without Pro'));
  expect(await tab.text()).toContain(words.active('Person without Pro'));
  await tab.start();
  expect(await tab.text()).toContain(tab.visma.signInScenario('Kirsten Skovgaard'));
  await tab.page.goto(stage.sandbox.origin);
  await tab.press(words.end);
  expect(await tab.text()).toContain(words.normal);
});

test.each(languages)('the portal and the scenarios are fit for everybody ($language)', async ({ language }) => {
  stage.complaints.expectedStatuses.add(422);
  const tab = await stage.open({ language });
  gallery = createGallery(tab);
  const words = portalTexts[language];
  const { page, press, follow } = tab;
  await page.goto(`${stage.sandbox.origin}/portal`);
  await gallery.look('portal-empty');
  await follow(words.add);
  await gallery.look('portal-new', { pictures: ['light', 'dark'] });
  await page.getByLabel(words.fields.redirectUris).fill('http://kornblomst.example/cb');
  await page.getByLabel(words.fields.internal).check();
  await press(words.save);
  await gallery.look('portal-mistakes', { pictures: ['light', 'dark'] });
  await page.getByLabel(words.fields.name).fill('Kornblomst Faktura');
  await page.getByLabel(words.fields.clientId).fill('isv_kornblomst');
  await page.getByLabel(words.fields.redirectUris).fill('http://localhost:3000/oauth/callback');
  await page.getByLabel(words.fields.internal).uncheck();
  await press(words.save);
  await press(words.secretAdd);
  await gallery.look('portal-secret', { pictures: ['light', 'dark'] });
  await follow(words.secretDone);
  await press(words.save);
  await gallery.look('portal-application', { pictures: ['light', 'dark'] });
  await page.goto(`${stage.sandbox.origin}/portal`);
  await gallery.look('portal-list');
  await follow('Kornblomst Faktura');
  await follow(words.remove);
  await gallery.look('portal-remove');
  await press(words.remove);

  await page.goto(stage.sandbox.origin);
  await press(frontPageTexts[language].start(SCENARIOS[0].title[language]));
  await gallery.look('sandbox-scenario', { pictures: ['light', 'dark'] });
  await tab.start();
  await gallery.look('visma-sign-in-scenario', { pictures: ['light', 'dark'] });
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
