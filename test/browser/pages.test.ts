// Every page of the app in every state, in both languages: axe in light and dark, 320 px, keyboard, pictures.

import { expect, test } from '@jest/globals';
import { createGallery, type Gallery } from './support/gallery.ts';
import { useStage } from './support/stage.ts';
import type { Language, Tab } from './support/tab.ts';

const stage = useStage();

const languages: { language: Language }[] = [{ language: 'da' }, { language: 'en' }];

async function openGallery(language: Language): Promise<{ tab: Tab; gallery: Gallery }> {
  const tab = await stage.open({ language });
  return { tab, gallery: createGallery(tab) };
}

/** The form's token is bound to a cookie that is gone now: as after a long night. */
async function forgetFormCookie(tab: Tab): Promise<void> {
  await tab.context.clearCookies({ name: 'dinero-connect-form' });
}

test.each(languages)('the way of a person with one company is fit for everybody ($language)', async ({ language }) => {
  const { tab, gallery } = await openGallery(language);
  await tab.goHome();
  await gallery.look('home', { pictures: ['light', 'dark'] });
  await tab.authorizeAs('rikke');
  await gallery.look('picker-1');
  await tab.choose(118244);
  await gallery.look('connection', { pictures: ['light', 'dark'] });
  await tab.goHome();
  await gallery.look('home-connected');
  await tab.page.goto(`${stage.app.origin}/connection`);
  await tab.press(tab.t('connection.reconnect'));
  await tab.accept();
  await gallery.look('connection-renewed');
  await tab.follow(tab.t('connection.disconnect'));
  await gallery.look('disconnect', { pictures: ['light', 'dark'] });
  await tab.press(tab.t('disconnect.button'));
  await gallery.look('disconnected');
  expect(gallery.problems).toEqual([]);
});

test.each(languages)('the picker of five is fit for everybody ($language)', async ({ language }) => {
  const { tab, gallery } = await openGallery(language);
  await tab.authorizeAs('mads');
  await gallery.look('picker-5', { pictures: ['light', 'dark'] });
  await tab.page.locator('summary').first().click();
  await gallery.look('picker-5-why');
  await tab.choose(201001);
  await tab.follow(tab.t('connection.change'));
  await gallery.look('picker-5-changing');
  await tab.choose(201002);
  await gallery.look('connection-company-changed');
  expect(gallery.problems).toEqual([]);
});

test.each(languages)(
  'the picker’s answers to a choice that fails are fit for everybody ($language)',
  async ({ language }) => {
    stage.complaints.expectedStatuses.add(403).add(409).add(422);
    const { tab, gallery } = await openGallery(language);
    await tab.authorizeAs('mads');
    await tab.page.evaluate("document.querySelector('form.picker').noValidate = true");
    await tab.press(tab.t('organizations.button'));
    await gallery.look('picker-nothing-chosen');
    stage.sandbox.changeOrganization(201001, { isPro: false });
    await tab.choose(201001);
    await gallery.look('picker-lost-pro');
    await tab.page.goto(`${stage.app.origin}/organizations`);
    stage.sandbox.changeOrganization(201002, null);
    await tab.choose(201002);
    await gallery.look('picker-company-gone');
    await forgetFormCookie(tab);
    await tab.choose(201003);
    await gallery.look('picker-stale');
    expect(await tab.page.locator('input:checked').getAttribute('value')).toBe('201003');
    await tab.press(tab.t('organizations.button'));
    expect(await tab.heading()).toBe(tab.t('connection.heading_connected'));
    expect(gallery.problems).toEqual([]);
  },
);

test.each(languages)('the picker of 300 and its search are fit for everybody ($language)', async ({ language }) => {
  const { tab, gallery } = await openGallery(language);
  await tab.authorizeAs('bodil');
  await gallery.look('picker-300', { screenOnly: true });
  const search = tab.page.getByRole('searchbox');
  await search.fill('Sø');
  await tab.press(tab.t('organizations.search_button'));
  await gallery.look('picker-300-search', { screenOnly: true });
  await search.fill('<b>"findes ikke"</b>');
  await search.press('Enter');
  await gallery.look('picker-300-no-match');
  await tab.follow(tab.t('organizations.search_clear'));
  expect(await tab.page.getByRole('radio').count()).toBe(300);
  expect(gallery.problems).toEqual([]);
});

test.each(languages)(
  'the pages for people without a usable company are fit for everybody ($language)',
  async ({ language }) => {
    const { tab, gallery } = await openGallery(language);
    await tab.authorizeAs('anders');
    await gallery.look('no-company', { pictures: ['light', 'dark'] });
    await tab.press(tab.t('no_organizations.other_person'));
    await tab.signInAs('kirsten');
    await tab.accept();
    await gallery.look('no-pro');
    stage.sandbox.changeOrganization(202001, { isPro: true });
    await tab.follow(tab.t('no_organizations.again'));
    expect(await tab.page.locator('input[type="radio"]:enabled').count()).toBe(1);
    expect(gallery.problems).toEqual([]);
  },
);

test.each(languages)('a connection that is not whole is fit for everybody ($language)', async ({ language }) => {
  stage.complaints.expectedStatuses.add(409);
  const { tab, gallery } = await openGallery(language);
  const withLess = (scope: string) => (body: Record<string, unknown>) => ({ ...body, scope });
  stage.sandbox.faults.set(
    'token',
    { kind: 'transform', transform: withLess('dineropublicapi:read offline_access') },
    1,
  );
  await tab.connectAs('rikke', 118244);
  await gallery.look('connection-less-access', { pictures: ['light', 'dark'] });

  stage.sandbox.settings.accessTokenLifetimeSeconds = 30;
  await tab.press(tab.t('connection.reconnect'));
  await tab.accept();
  await stage.sandbox.revokeAuthorizations('rikke');
  await tab.page.goto(`${stage.app.origin}/organizations`);
  await gallery.look('error-needs-reconnect');
  await tab.page.goto(`${stage.app.origin}/connection`);
  await gallery.look('connection-needs-reconnect', { pictures: ['light', 'dark'] });
  stage.sandbox.settings.accessTokenLifetimeSeconds = 3600;
  await tab.press(tab.t('connection.reconnect'));
  await tab.accept();
  expect(await tab.heading()).toBe(tab.t('connection.heading_connected'));
  expect(gallery.problems).toEqual([]);
});

test.each(languages)(
  'the question before a reconnect changes something is fit for everybody ($language)',
  async ({ language }) => {
    stage.complaints.expectedStatuses.add(403);
    const { tab, gallery } = await openGallery(language);
    const reconnect = async () => {
      await tab.page.goto(`${stage.app.origin}/connection`);
      await tab.press(tab.t('connection.reconnect'));
      await tab.atVisma();
    };
    await tab.connectAs('rikke', 118244);
    // As on a computer where a colleague is signed in.
    await tab.context.clearCookies({ domain: new URL(stage.sandbox.origin).hostname });
    await reconnect();
    await tab.signInAs('mads');
    await tab.accept();
    expect(await tab.heading()).toBe(tab.t('reconnect.other_person.heading'));
    await gallery.look('reconnect-other-person', { pictures: ['light', 'dark'] });
    await forgetFormCookie(tab);
    await tab.press(tab.t('reconnect.keep_button'));
    await gallery.look('reconnect-stale');
    await tab.press(tab.t('reconnect.keep_button'));
    await gallery.look('connection-kept');

    await reconnect();
    await tab.accept();
    await tab.press(tab.t('reconnect.wrong_button'));
    await tab.signInAs('rikke');
    await tab.accept();
    expect(await tab.heading()).toBe(tab.t('connection.heading_connected'));
    stage.sandbox.changeOrganization(118244, null);
    await reconnect();
    await tab.accept();
    await gallery.look('reconnect-company-missing', { pictures: ['light', 'dark'] });
    await tab.press(tab.t('reconnect.replace_button'));
    expect(await tab.heading()).toBe(tab.t('no_organizations.heading_none'));
    expect(gallery.problems).toEqual([]);
  },
);

test.each(languages)(
  'a connection that is late, or near its end, is fit for everybody ($language)',
  async ({ language }) => {
    const { tab, gallery } = await openGallery(language);
    stage.sandbox.settings.accessTokenLifetimeSeconds = 59;
    await tab.connectAs('rikke', 118244);
    stage.sandbox.faults.set('token', { kind: 'status', status: 503 });
    await tab.page.goto(`${stage.app.origin}/organizations`);
    await tab.page.goto(`${stage.app.origin}/connection`);
    expect(await tab.text()).toContain(tab.t('connection.delayed'));
    await gallery.look('connection-delayed', { pictures: ['light', 'dark'] });
    stage.connections.warn(7);
    await tab.page.reload();
    expect(await tab.text()).toContain(tab.t('connection.ending_advice'));
    await gallery.look('connection-ending', { pictures: ['light', 'dark'] });
    stage.sandbox.faults.clear();
    stage.sandbox.settings.accessTokenLifetimeSeconds = 3600;
    await tab.press(tab.t('connection.reconnect'));
    await tab.accept();
    expect(await tab.text()).not.toContain(tab.t('connection.ending_advice'));
    expect(gallery.problems).toEqual([]);
  },
);

test.each(languages)('forms from pages that are too old are fit for everybody ($language)', async ({ language }) => {
  stage.complaints.expectedStatuses.add(403);
  const { tab, gallery } = await openGallery(language);
  await tab.goHome();
  await forgetFormCookie(tab);
  await tab.press(tab.t('home.button'));
  await gallery.look('home-stale');
  await tab.press(tab.t('home.button'));
  await tab.atVisma();
  await tab.signInAs('rikke');
  await tab.accept();
  await tab.choose(118244);
  await tab.follow(tab.t('connection.disconnect'));
  await forgetFormCookie(tab);
  await tab.press(tab.t('disconnect.button'));
  await gallery.look('disconnect-stale');
  await tab.press(tab.t('disconnect.button'));
  expect(await tab.heading()).toBe(tab.t('disconnected.heading'));
  expect(gallery.problems).toEqual([]);
});
