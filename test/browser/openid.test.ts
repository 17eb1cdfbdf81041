// With `openid` among the scopes Visma Connect says who somebody is: the same person is at home in every browser.

import { expect, test } from '@jest/globals';
import { useStage } from './support/stage.ts';

const stage = useStage({ env: { VISMA_SCOPES: 'openid dineropublicapi:read dineropublicapi:write offline_access' } });

test('the same person in another browser finds the same connection', async () => {
  const office = await stage.open();
  await office.connectAs('mads', 201002);
  expect(await office.heading()).toBe('Du er forbundet');

  const phone = await stage.open();
  await phone.authorizeAs('mads');
  expect(phone.path()).toBe('/connection');
  expect(await phone.text()).toContain('Havnens Fisk');

  await phone.disconnect();
  await office.page.reload();
  expect(await office.heading()).toBe('Forbindelsen er afbrudt');
});

test('another person in the same browser gets a connection of her own', async () => {
  const tab = await stage.open();
  await tab.connectAs('rikke', 118244);
  await tab.disconnect();

  await tab.follow(tab.t('disconnected.button'));
  await tab.press(tab.t('home.button'));
  await tab.atVisma();
  await tab.follow(tab.visma.consentOther);
  await tab.signInAs('kirsten');
  await tab.accept();

  expect(tab.path()).toBe('/organizations');
  expect(await tab.heading()).toBe('Ingen af dine virksomheder har Dinero Pro');
});
