// Two tabs of one browser on the way at once, and buttons pressed twice.

import { expect, test } from '@jest/globals';
import { useStage } from './support/stage.ts';
import type { Tab } from './support/tab.ts';

const stage = useStage();

const tokenCalls = () => stage.sandbox.count('POST', '/connect/token');

async function startTwo(): Promise<{ first: Tab; second: Tab }> {
  const first = await stage.open();
  await first.start();
  await first.signInAs('mads');
  const second = await first.another();
  await second.start();
  return { first, second };
}

test.each([{ order: 'the first first' }, { order: 'the second first' }])(
  'two tabs are both connected, $order',
  async ({ order }) => {
    const { first, second } = await startTwo();
    const tabs = order === 'the first first' ? [first, second] : [second, first];

    for (const tab of tabs) {
      await tab.accept();
      expect(tab.path()).toBe('/organizations');
    }

    expect(tokenCalls()).toBe(2);
    await first.choose(201001);
    expect(await first.heading()).toBe('Du er forbundet');
    // Its page is older than the other tab's choice, and still does what it says.
    await second.choose(201002);
    expect(await second.text()).toContain('Havnens Fisk');
    await first.page.reload();
    expect(await first.text()).toContain('Havnens Fisk');
  },
);

test('two tabs that come back at the same moment are connected after one more press at most', async () => {
  const { first, second } = await startTwo();

  await Promise.all([first.accept(), second.accept()]);

  for (const tab of [first, second]) {
    const waits = (await tab.heading()) === tab.t('finish.heading');
    if (waits) await tab.follow(tab.t('finish.button'));
    expect(tab.path()).toBe('/organizations');
  }
  expect(tokenCalls()).toBe(2);
});

test('a connection that ended in one tab does nothing in the other', async () => {
  const one = await stage.open();
  await one.connectAs('rikke', 118244);
  const other = await one.another();
  await other.page.goto(`${stage.app.origin}/connection`);
  await other.follow(other.t('connection.disconnect'));
  await one.disconnect();

  await other.press(other.t('disconnect.button'));

  expect(await other.heading()).toBe('Forbindelsen er afbrudt');
  expect(stage.sandbox.count('POST', '/connect/revocation')).toBe(1);
});

test('a double click on the first button leads to Visma Connect, and back to one connection', async () => {
  const tab = await stage.open();
  await tab.goHome();

  await tab.page.getByRole('button', { name: tab.t('home.button') }).dblclick();
  await tab.atVisma();
  await tab.signInAs('rikke');
  await tab.accept();

  expect(tab.path()).toBe('/organizations');
  expect(tokenCalls()).toBe(1);
});

test('a double click on the way back exchanges one code', async () => {
  const tab = await stage.open({ javaScript: false });
  await tab.start();
  await tab.signInAs('rikke');
  await tab.press(tab.visma.accept);

  await tab.page.getByRole('button', { name: tab.visma.handOverButton }).dblclick();
  await tab.atOurs();

  expect(tab.path()).toBe('/organizations');
  expect(tokenCalls()).toBe(1);
});

test('a double click on the choice chooses once', async () => {
  const tab = await stage.open();
  await tab.authorizeAs('rikke');
  await tab.page.locator('input[name="organizationId"]').check();

  await tab.page.getByRole('button', { name: tab.t('organizations.button') }).dblclick();

  await tab.page.waitForURL('**/connection');
  expect(await tab.heading()).toBe('Du er forbundet');
  const lines = await tab.page.locator('.events li').allTextContents();
  expect(lines.filter((line) => line.includes(tab.t('events.organization_chosen')))).toHaveLength(1);
});
