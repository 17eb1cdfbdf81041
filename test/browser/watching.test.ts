// The watchers are awake: what they are there to see, they see. Otherwise "nothing to complain" would mean nothing.

import { expect, test } from '@jest/globals';
import { findChromium } from './support/chromium.ts';
import { createGallery } from './support/gallery.ts';
import { useStage } from './support/stage.ts';
import type { Tab } from './support/tab.ts';

const stage = useStage();

const head = '<title>x</title><meta name="viewport" content="width=device-width, initial-scale=1">';

/** `body` comes from the app's first address, with the app's own headers. */
async function openInstead(body: string): Promise<Tab> {
  const tab = await stage.open();
  await tab.page.route(`${stage.app.origin}/`, async (route) => {
    const real = await route.fetch();
    await route.fulfill({ response: real, body: `<!doctype html><html lang="da">${head}${body}` });
  });
  await tab.goHome();
  return tab;
}

const complaints = () => stage.complaints.list.splice(0).join('\n');

test('a page that breaks the content security policy is complained about', async () => {
  const tab = await openInstead(`<style>p { color: red }</style><p style="color: red">x</p><script>1</script>
    <form action="https://stranger.example/" method="post"><button>Send</button></form>`);

  await tab.page.getByRole('button').click({ noWaitAfter: true });
  await tab.page.waitForTimeout(200);

  const said = complaints();
  for (const directive of ['style-src-elem', 'style-src-attr', 'script-src-elem', 'form-action']) {
    expect(said).toContain(directive);
  }
});

test('a page that asks strangers, or for what is not there, is complained about', async () => {
  await openInstead('<img alt="" src="https://stranger.example/pixel.png"><img alt="" src="/missing.png">');

  const said = complaints();
  expect(said).toContain('asked a stranger: https://stranger.example/pixel.png');
  expect(said).toContain('/missing.png was answered 404');
});

test('a page that nobody expected to fail, and a secret in an address of ours, are complained about', async () => {
  const tab = await stage.open();

  await tab.page.goto(`${stage.app.origin}/oauth/callback?code=secret`);

  const said = complaints();
  expect(said).toContain('was answered 405');
  expect(said).toContain('code in an address of ours');
});

test('a page that is not fit for everybody is found', async () => {
  const tab = await openInstead(`<main><h1>home.heading</h1><p class="wide">x</p><input>
    <a class="button-filled" href="/">one</a><a class="button-filled" href="/">two</a></main>`);
  await tab.page
    .locator('a')
    .first()
    .evaluate((link: { style: { outline: string } }) => {
      link.style.outline = 'none';
    });
  await tab.page.locator('.wide').evaluate((wide: { style: { width: string } }) => {
    wide.style.width = '500px';
  });
  await tab.page.locator('h1').evaluate((heading: { style: { color: string } }) => {
    heading.style.color = '#eee';
  });
  const gallery = createGallery(tab);

  await gallery.look('bad', { pictures: [] });

  complaints();
  const found = gallery.problems.join('\n');
  for (const part of [
    'says home.heading',
    'more than one filled button',
    'light: label',
    'light: color-contrast',
    'dark: color-contrast',
    'wider than 320 px: <p class="wide"',
    'focus does not show on one',
  ]) {
    expect(found).toContain(part);
  }
});

test('without Chromium the tests fail with what to install', () => {
  expect(() => findChromium({ PATH: '/nowhere' })).toThrow(
    /Install it \(Debian and Ubuntu: apt-get install chromium\)/,
  );
  expect(() => findChromium({ CHROMIUM_PATH: '/nowhere/chromium', PATH: '/usr/bin' })).toThrow(/CHROMIUM_PATH/);
  expect(findChromium()).toMatch(/chrom/);
});
