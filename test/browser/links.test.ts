// A link of an integrator, from its URL to the integrator's page, in a real browser on two sites.

import { beforeAll, expect, test } from '@jest/globals';
import { useStage } from './support/stage.ts';
import type { Language, Tab } from './support/tab.ts';

const integrator = 'https://app.fakturaflow.example';
const returnUrl = `${integrator}/settings`;
const stage = useStage({ env: { RETURN_URL_ORIGINS: integrator } });

let key: string;
beforeAll(async () => {
  key = (await stage.run('api-key', 'create', '--name', 'browser', '--scopes', 'links')).trim();
});

async function makeLink(userId: string, body: object = {}): Promise<string> {
  const response = await fetch(`${stage.app.origin}/api/v1/users/${userId}/links`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return ((await response.json()) as { url: string }).url;
}

/** The integrator's product, which the browser ends up at. */
async function serveIntegrator({ page }: Tab): Promise<void> {
  await page.route(`${integrator}/**`, (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Fakturaflow</title><p>back' }),
  );
}

/** Where the browser went; the integrator is the one stranger that may be asked. */
async function backAtIntegrator(tab: Tab): Promise<string> {
  await tab.page.waitForURL((url) => url.origin === integrator);
  const strangers = stage.complaints.list.splice(0);
  expect(strangers.every((one) => one.includes(`asked a stranger: ${integrator}/`))).toBe(true);
  return tab.page.url();
}

const ways: { language: Language; javaScript: boolean; name: string }[] = [
  { language: 'da', javaScript: true, name: 'in Danish' },
  { language: 'en', javaScript: false, name: 'in English without JavaScript' },
];

test.each(ways)('a link leads to the company and back to the integrator, $name', async ({ language, javaScript }) => {
  const tab = await stage.open({ language, javaScript });
  await serveIntegrator(tab);
  await tab.page.goto(await makeLink(`user-${language}`, { returnUrl }));
  expect(await tab.text()).toContain(
    language === 'da' ? 'Fakturaflow har sendt dig hertil' : 'Fakturaflow sent you here',
  );
  await tab.press(tab.t('home.button'));
  await tab.atVisma();
  await tab.signInAs('mads');
  await tab.accept();
  await tab.choose(201001);
  expect(await backAtIntegrator(tab)).toBe(`${returnUrl}?connection=connected`);
  // The browser stays bound: a later visit shows the connection, and the way back.
  await tab.page.goto(`${stage.app.origin}/connection`);
  expect(await tab.text()).toContain('Tredje & Søn');
  await tab.follow(tab.t('leaving.button', { brand: 'Fakturaflow' }));
  expect(await backAtIntegrator(tab)).toBe(`${returnUrl}?connection=connected`);
});

test('who says no at Visma Connect is back at the integrator at once', async () => {
  const tab = await stage.open();
  await serveIntegrator(tab);
  await tab.page.goto(await makeLink('no', { returnUrl }));
  await tab.press(tab.t('home.button'));
  await tab.atVisma();
  await tab.signInAs('mads');
  await tab.press(tab.visma.cancel);
  expect(await backAtIntegrator(tab)).toBe(`${returnUrl}?connection=cancelled`);
});

test('a link works from a page of another site, and in one browser alone', async () => {
  const tab = await stage.open();
  const link = await makeLink('mail');
  // As a click in a web mail does.
  await tab.page.goto(stage.sandbox.origin);
  await tab.page.evaluate(`location.assign(${JSON.stringify(link)})`);
  await tab.atOurs();
  await tab.press(tab.t('home.button'));
  await tab.atVisma();

  stage.complaints.expectedStatuses.add(409);
  const other = await stage.open();
  await other.page.goto(link);
  expect(await other.heading()).toBe(other.t('errors.link_used.heading'));

  await tab.page.goto(link);
  expect(await tab.text()).toContain(tab.t('link.opened'));
});

test('a reconnect by a link keeps the company and goes back without another question', async () => {
  const tab = await stage.open();
  await serveIntegrator(tab);
  await tab.page.goto(await makeLink('again', { returnUrl }));
  await tab.press(tab.t('home.button'));
  await tab.atVisma();
  await tab.signInAs('rikke');
  await tab.accept();
  await tab.choose(118244);
  await backAtIntegrator(tab);

  await tab.page.goto(await makeLink('again', { returnUrl }));
  expect(await tab.text()).toContain(tab.t('link.see.heading'));
  await tab.press(tab.t('link.see.button'));
  expect(tab.path()).toBe('/connection');
  await tab.press(tab.t('connection.reconnect'));
  await tab.atVisma();
  await tab.press(tab.visma.accept);
  expect(await backAtIntegrator(tab)).toBe(`${returnUrl}?connection=connected`);
});

test.each([0, 120])(
  'the button of a link, pressed twice %i ms apart on a slow line, leads on',
  async (milliseconds) => {
    const tab = await stage.open();
    await tab.page.goto(await makeLink(`twice-${milliseconds}`));
    const devTools = await tab.context.newCDPSession(tab.page);
    await devTools.send('Network.enable');
    const slow = { offline: false, latency: 300, downloadThroughput: -1, uploadThroughput: -1 };
    await devTools.send('Network.emulateNetworkConditions', slow);
    const button = tab.page.getByRole('button', { name: tab.t('home.button'), exact: true });
    await button.scrollIntoViewIfNeeded();
    const box = await button.boundingBox();
    if (!box) throw new Error('the button is not to be seen');
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await tab.page.mouse.click(x, y);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    await tab.page.mouse.click(x, y);
    // The second click aborts what the first one began: nobody waits for a navigation here.
    await tab.page.locator('button[name="person"][value="rikke"]').waitFor();
    expect(await tab.heading()).toBe(tab.visma.signInTitle);
  },
);
