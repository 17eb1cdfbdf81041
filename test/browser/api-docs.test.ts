// The API's page as a developer reads it: in light and dark, on a phone and at a desk, by keyboard and without scripts.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { findOverflow, runAxe } from './support/in-page.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

const folder = join(import.meta.dirname, '../../test-output/screenshots/en');
const phone = { name: 'phone', width: 390, height: 844 };
const desktop = { name: 'desktop', width: 1280, height: 900 };
const sizes = [phone, desktop];

async function openDocs(javaScript = true): Promise<Page> {
  const { page } = await stage.open({ language: 'en', javaScript });
  await page.goto(`${stage.app.origin}/api/docs`);
  return page;
}

// Broken policies and errors in the console are complaints of the stage, after each test.
test.each(sizes)('the page is fit for everybody ($name)', async ({ name, width, height }) => {
  const page = await openDocs();
  await page.setViewportSize({ width, height });
  await page.evaluate(axe.source);
  mkdirSync(folder, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await page.evaluate<string[]>(runAxe)).toEqual([]);
    expect(await page.evaluate<string[]>(findOverflow)).toEqual([]);
    await page.screenshot({ path: join(folder, `api-docs-${name}-${colorScheme}.png`), fullPage: true });
  }
});

test('nobody has to scroll sideways at 320 px', async () => {
  const page = await openDocs();
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await page.evaluate<string[]>(findOverflow)).toEqual([]);
});

test.each(sizes)('the contents lead to how a token is got ($name)', async ({ width, height }) => {
  const page = await openDocs(false);
  await page.setViewportSize({ width, height });
  await page.getByRole('navigation').getByRole('link', { name: 'Get an access token that works' }).click();
  const heading = page.getByRole('heading', { name: 'Get an access token that works' });
  const box = await heading.boundingBox();
  expect(page.url()).toBe(`${stage.app.origin}/api/docs#handOutToken`);
  expect(box?.y).toBeGreaterThanOrEqual(0);
  expect(box?.y).toBeLessThan(height / 2);
});

test('at a desk the contents stay in sight, and by keyboard', async () => {
  const page = await openDocs();
  await page.setViewportSize(desktop);
  await page.goto(`${stage.app.origin}/api/docs#problems`);
  const first = page.getByRole('navigation').getByRole('link', { name: 'Basics' });
  expect((await first.boundingBox())?.y).toBeGreaterThanOrEqual(0);
  await first.focus();
  await page.keyboard.press('Enter');
  expect(page.url()).toBe(`${stage.app.origin}/api/docs#basics`);
  const basics = await page.getByRole('heading', { name: 'Basics', exact: true }).boundingBox();
  expect(basics?.y).toBeLessThan(desktop.height / 2);
});
