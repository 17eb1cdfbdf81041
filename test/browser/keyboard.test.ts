// The whole way without a mouse: Tab, arrows, Space and Enter.

import { expect, test } from '@jest/globals';
import { useStage } from './support/stage.ts';
import type { Tab } from './support/tab.ts';

const stage = useStage();

/** Tabs until what has the focus says `label`. */
async function tabTo({ page }: Tab, label: string): Promise<void> {
  await page.waitForLoadState('load');
  for (let stop = 0; stop < 30; stop += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate<string>(
      "document.activeElement.closest('label, a, button, summary')?.innerText ?? ''",
    );
    if (focused.includes(label)) return;
  }
  throw new Error(`Tab does not reach ${label}`);
}

/** Enter, and the page that follows. */
async function enter({ page }: Tab): Promise<void> {
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
}

test('a person connects, changes company and disconnects with the keyboard alone', async () => {
  const tab = await stage.open();
  const { page, t, visma } = tab;
  await tab.goHome();

  await tabTo(tab, t('home.button'));
  await enter(tab);
  await tabTo(tab, 'Mads Østergaard');
  await enter(tab);
  await tabTo(tab, visma.accept);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/organizations');

  await tabTo(tab, 'Tredje & Søn');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/connection');
  expect(await tab.text()).toContain('Havnens Fisk');

  await tabTo(tab, t('connection.change'));
  await enter(tab);
  await tabTo(tab, 'Havnens Fisk');
  await page.keyboard.press('ArrowUp');
  await tabTo(tab, t('organizations.button'));
  await page.keyboard.press('Enter');
  await page.waitForURL('**/connection');
  expect(await tab.text()).toContain('Tredje & Søn');

  await tabTo(tab, t('connection.disconnect'));
  await enter(tab);
  await tabTo(tab, t('disconnect.button'));
  await enter(tab);
  expect(await tab.heading()).toBe(t('disconnected.heading'));
});

test('the link past the header leads to the content', async () => {
  const tab = await stage.open();
  await tab.goHome();

  await tabTo(tab, tab.t('site.skip'));
  await tab.page.keyboard.press('Enter');
  await tab.page.keyboard.press('Tab');

  expect(await tab.page.evaluate('document.activeElement.textContent.trim()')).toBe(tab.t('home.button'));
});
