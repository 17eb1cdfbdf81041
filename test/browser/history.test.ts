// Back and reload at every step: nothing is done twice, and nothing stale acts. Chromium's back/forward cache is on, as
// people have it: a page that is kept there would come back as it was.

import { expect, test } from '@jest/globals';
import { useStage } from './support/stage.ts';
import type { Tab } from './support/tab.ts';

const stage = useStage({ backForwardCache: true });

const tokenCalls = () => stage.sandbox.count('POST', '/connect/token');

async function reload(tab: Tab): Promise<void> {
  const before = { url: tab.page.url(), heading: await tab.heading() };
  await tab.page.reload();
  expect({ url: tab.page.url(), heading: await tab.heading() }).toEqual(before);
}

/** Waits for the page to be loaded anew; it would wait in vain for one that comes out of the cache. */
async function goBack({ page }: Tab): Promise<void> {
  await page.waitForLoadState('load');
  // Not page.goBack(): Playwright does not know the cache, and loses the page at times.
  await Promise.all([page.waitForEvent('load'), page.evaluate('history.back()')]);
}

/** Back until a page of ours that is not `from` is shown. */
async function goBackToOurs(tab: Tab): Promise<void> {
  const from = tab.page.url();
  for (let steps = 0; steps < 6; steps += 1) {
    await goBack(tab);
    if (tab.page.url().startsWith(stage.app.origin) && tab.page.url() !== from) return;
  }
  throw new Error(`no other page of ours behind ${from}`);
}

test('every page can be reloaded, and nothing is done twice', async () => {
  const tab = await stage.open();
  await tab.goHome();
  await reload(tab);
  await tab.start();
  await reload(tab);
  await tab.signInAs('mads');
  await reload(tab);
  await tab.accept();
  await reload(tab);
  await tab.choose(201002);
  await reload(tab);
  await tab.follow(tab.t('connection.disconnect'));
  await reload(tab);
  await tab.press(tab.t('disconnect.button'));
  await reload(tab);

  expect(tokenCalls()).toBe(1);
  expect(stage.sandbox.count('POST', '/connect/revocation')).toBe(1);
});

test('the page of the way back, opened again, exchanges nothing again', async () => {
  const tab = await stage.open();
  await tab.start();
  await tab.signInAs('rikke');
  const asked = tab.page.waitForRequest((request) => request.url().includes('/oauth/finish/'));
  await tab.accept();
  const finish = (await asked).url();

  await tab.page.goto(finish);
  expect(tab.path()).toBe('/organizations');
  await tab.choose(118244);
  await tab.page.goto(finish);
  await tab.goHome();

  expect(await tab.text()).toContain(tab.t('home.connected'));
  expect(tokenCalls()).toBe(1);
});

test('a refused way back, reloaded, says the same and asks nothing again', async () => {
  stage.complaints.expectedStatuses.add(502);
  stage.sandbox.faults.set('token', { kind: 'status', status: 400, body: '{"error":"invalid_grant"}' }, 1);
  const tab = await stage.open();
  await tab.authorizeAs('rikke');
  expect(await tab.heading()).toBe(tab.t('errors.grant_rejected.heading'));

  await reload(tab);
  await reload(tab);

  expect(tokenCalls()).toBe(1);
  await tab.follow(tab.t('actions.start_again'));
  await tab.press(tab.t('home.button'));
  await tab.atVisma();
  await tab.accept();
  expect(tab.path()).toBe('/organizations');
});

test('Back from the page for those who said no leads to a front page that works', async () => {
  const tab = await stage.open();
  await tab.start();
  await tab.signInAs('rikke');
  await tab.cancel();
  await reload(tab);

  await goBackToOurs(tab);

  expect(tab.path()).toBe('/');
  await tab.press(tab.t('home.button'));
  await tab.atVisma();
  await tab.accept();
  expect(tab.path()).toBe('/organizations');
  expect(tokenCalls()).toBe(1);
});

test('Back from the picker leads to a front page that works', async () => {
  const tab = await stage.open();
  await tab.authorizeAs('rikke');

  await goBackToOurs(tab);

  expect(tab.path()).toBe('/');
  await tab.press(tab.t('home.button'));
  await tab.atVisma();
  await tab.accept();
  await tab.choose(118244);
  expect(await tab.heading()).toBe('Du er forbundet');
});

test('Back from the connection shows the picker as it is now, and another choice is taken', async () => {
  const tab = await stage.open();
  await tab.connectAs('mads', 201001);

  await goBack(tab);

  expect(tab.path()).toBe('/organizations');
  expect(await tab.heading()).toBe('Skift virksomhed');
  expect(await tab.page.locator('input:checked').getAttribute('value')).toBe('201001');
  await tab.choose(201003);
  expect(await tab.text()).toContain('Du har skiftet virksomhed.');
  expect(tokenCalls()).toBe(1);
});

test('Back after disconnecting shows nothing that still acts', async () => {
  const tab = await stage.open();
  await tab.connectAs('mads', 201001);
  await tab.disconnect();

  for (const step of ['the confirmation', 'the connection', 'the picker']) {
    await goBack(tab);
    const shown = { step, text: await tab.text(), buttons: await tab.page.getByRole('button').allTextContents() };
    expect(shown.text).not.toContain('Tredje & Søn');
    expect(shown).toMatchObject({ step, buttons: step === 'the picker' ? [tab.t('home.button')] : [] });
  }
  expect(stage.sandbox.count('POST', '/connect/revocation')).toBe(1);
});
