// Looks at a page as it is in a person's hands: axe in light and in dark, 320 px wide, by keyboard, and its pictures.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { describeFocus, type Focus, findOverflow, findStops, runAxe, runAxeOnColors } from './in-page.ts';
import type { Tab } from './tab.ts';

/** They are for people to look at: `SCREENSHOTS=true npm run test:browser`. */
const wantsPictures = process.env.SCREENSHOTS === 'true';
const folder = join(import.meta.dirname, '../../../test-output/screenshots');
/** Every page reads it anew, so the small one. */
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const phone = { width: 390, height: 844 };
const desktop = { width: 1280, height: 900 };
const narrowest = { width: 320, height: 640 };
const localeKey =
  /\b(?:home|site|pro|notices|organizations|connection|reconnect|reasons|disconnect(?:ed)?|errors?|actions|events|setup|operator|doctor)\.[a-z]\w+/;

type Scheme = 'light' | 'dark';

export type LookOptions = {
  /** `light` alone unless said otherwise. */
  pictures?: Scheme[];
  /** Pictures of what fits the screen, not of the whole page. */
  screenOnly?: boolean;
};

export type Gallery = ReturnType<typeof createGallery>;

/** `problems` is one sentence each; a test of pages ends with none. */
export function createGallery({ page, language }: Pick<Tab, 'page' | 'language'>) {
  const problems: string[] = [];

  async function look(name: string, { pictures = ['light'], screenOnly = false }: LookOptions = {}): Promise<void> {
    const complain = (what: string) => problems.push(`${name}: ${what}`);
    await page.waitForLoadState('load');
    await readWords(page, language, complain);
    await page.evaluate(axeSource);
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      const rules = colorScheme === 'light' ? runAxe : runAxeOnColors;
      for (const broken of await page.evaluate<string[]>(rules)) complain(`${colorScheme}: ${broken}`);
      const file = join(folder, language, colorScheme === 'dark' ? `${name}-dark` : name);
      if (wantsPictures && pictures.includes(colorScheme)) await takePictures(page, file, !screenOnly);
    }
    await page.setViewportSize(narrowest);
    for (const element of await page.evaluate<string[]>(findOverflow)) complain(`wider than 320 px: ${element}`);
    await page.setViewportSize(phone);
    // The stops are the same in both languages.
    if (language === 'da') await walkByKeyboard(page, complain);
  }

  return { look, problems };
}

async function takePictures(page: Page, file: string, fullPage: boolean): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  for (const viewport of [desktop, phone]) {
    await page.setViewportSize(viewport);
    await page.screenshot({ path: `${file}-${viewport.width}.png`, fullPage });
  }
}

async function readWords(page: Page, language: string, complain: (what: string) => void): Promise<void> {
  if ((await page.locator('html').getAttribute('lang')) !== language) complain(`not in ${language}`);
  const text = `${await page.title()} ${await page.locator('body').textContent()}`;
  const untranslated = localeKey.exec(text)?.[0] ?? /\{\{|undefined|\[object/.exec(text)?.[0];
  if (untranslated) complain(`says ${untranslated}`);
  if ((await page.locator('h1').count()) !== 1) complain('has not one heading');
  if ((await page.locator('.button-filled, .button-danger').count()) > 1) complain('has more than one filled button');
}

/** From the top of the page, Tab by Tab: every stop in its order, seen and not covered. */
async function walkByKeyboard(page: Page, complain: (what: string) => void): Promise<void> {
  const stops = await page.evaluate<number>(findStops);
  for (let stop = 0; stop < stops; stop += 1) {
    await page.keyboard.press('Tab');
    const focus = await page.evaluate<Focus>(describeFocus);
    if (focus.stop !== stop) return complain(`Tab leads to stop ${focus.stop} instead of ${stop}: ${focus.label}`);
    if (!focus.outlined) complain(`focus does not show on ${focus.label}`);
    if (focus.covered) complain(`something covers ${focus.label}`);
  }
}
