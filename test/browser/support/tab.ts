// One tab of one person: what is clicked on the way from the first page to the connection and back, by the words and
// controls that are on the pages. Addresses are typed only where a person would (the front page).

import type { TFunction } from 'i18next';
import type { BrowserContext, Page } from 'playwright-core';
import { createTranslators } from '../../../src/http/locals.ts';
import { texts } from '../../../src/sandbox/texts.ts';
import { brandName } from './app-process.ts';

export type Language = 'da' | 'en';
export type PersonId = 'rikke' | 'mads' | 'kirsten' | 'anders' | 'bodil';

const translators = createTranslators({
  name: brandName,
  color: null,
  supportEmail: null,
  privacyUrl: null,
  termsUrl: null,
});

export function sentences(language: Language): TFunction {
  return translators[language];
}

export type Tab = ReturnType<typeof createTab>;

export function createTab(options: {
  page: Page;
  origin: string;
  language: Language;
  javaScript: boolean;
  another: () => Promise<Tab>;
}) {
  const { page, origin, language, javaScript } = options;
  const context: BrowserContext = page.context();
  const t = translators[language];
  const visma = texts[language];

  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const follow = (name: string) => page.getByRole('link', { name, exact: true }).click();
  /** What is seen, not what the document holds. */
  async function see(selector: string): Promise<string> {
    await page.locator(selector).waitFor();
    return (await page.locator(selector).allInnerTexts()).join('').trim();
  }

  const heading = () => see('h1');
  const text = () => see('body');
  const path = () => page.url().replace(origin, '');
  const atOurs = () => page.waitForURL((url) => url.origin === origin);
  const atVisma = () => page.waitForURL((url) => url.origin !== origin);

  async function goHome(): Promise<void> {
    await page.goto(origin);
  }

  /** From the front page to Visma Connect. */
  async function start(): Promise<void> {
    await goHome();
    await press(t('home.button'));
    await atVisma();
  }

  async function signInAs(person: PersonId): Promise<void> {
    await page.locator(`button[name="person"][value="${person}"]`).click();
    await page.locator('button[value="accept"]').waitFor();
  }

  async function comeBack(): Promise<void> {
    if (!javaScript) await press(visma.handOverButton);
    await atOurs();
  }

  async function accept(): Promise<void> {
    await press(visma.accept);
    await comeBack();
  }

  async function cancel(): Promise<void> {
    await press(visma.cancel);
    await comeBack();
  }

  /** From the front page to the first page after the way back. */
  async function authorizeAs(person: PersonId): Promise<void> {
    await start();
    await signInAs(person);
    await accept();
  }

  async function choose(organizationId: number): Promise<void> {
    await page.locator(`input[name="organizationId"][value="${organizationId}"]`).check();
    await press(t('organizations.button'));
  }

  async function connectAs(person: PersonId, organizationId: number): Promise<void> {
    await authorizeAs(person);
    await choose(organizationId);
  }

  /** From the connection's page, with the confirmation. */
  async function disconnect(): Promise<void> {
    await follow(t('connection.disconnect'));
    await press(t('disconnect.button'));
  }

  return {
    page,
    context,
    language,
    t,
    visma,
    another: options.another,
    press,
    follow,
    heading,
    text,
    path,
    atOurs,
    atVisma,
    goHome,
    start,
    signInAs,
    comeBack,
    accept,
    cancel,
    authorizeAs,
    choose,
    connectAs,
    disconnect,
  };
}
