// The whole way of one person, with clicks alone: in both languages, with and without JavaScript.

import { expect, test } from '@jest/globals';
import { useStage } from './support/stage.ts';
import type { Language } from './support/tab.ts';

const stage = useStage();

const ways: { language: Language; javaScript: boolean; name: string }[] = [
  { language: 'da', javaScript: true, name: 'in Danish' },
  { language: 'en', javaScript: true, name: 'in English' },
  { language: 'da', javaScript: false, name: 'in Danish without JavaScript' },
  { language: 'en', javaScript: false, name: 'in English without JavaScript' },
];

test.each(ways)(
  'a person connects a company, disconnects and connects again, $name',
  async ({ language, javaScript }) => {
    const tab = await stage.open({ language, javaScript });
    const { page, t, visma } = tab;

    await tab.goHome();
    expect(await tab.heading()).toBe(
      language === 'da' ? 'Forbind Fakturaflow til Dinero' : 'Connect Fakturaflow to Dinero',
    );
    expect(await page.locator('html').getAttribute('lang')).toBe(language);

    await tab.press(language === 'da' ? 'Forbind til Dinero' : 'Connect to Dinero');
    await tab.atVisma();
    expect(await tab.heading()).toBe(visma.signInTitle);
    await tab.signInAs('mads');
    expect(await tab.heading()).toBe(visma.consentTitle);
    await tab.accept();

    expect(tab.path()).toBe('/organizations');
    expect(await tab.text()).toContain(t('organizations.legend'));
    expect(await page.locator('input:checked').count()).toBe(0);
    await tab.choose(201001);

    expect(tab.path()).toBe('/connection');
    expect(await tab.heading()).toBe(language === 'da' ? 'Du er forbundet' : 'You are connected');
    expect(await tab.text()).toContain('Tredje & Søn');

    await tab.press(t('connection.reconnect'));
    await tab.atVisma();
    await tab.accept();
    expect(tab.path()).toBe('/connection');
    expect(await tab.heading()).toBe(t('connection.heading_connected'));
    expect(await tab.text()).toContain('Tredje & Søn');
    expect(await tab.text()).toContain(t('notices.reconnected'));

    await tab.follow(t('connection.disconnect'));
    expect(await tab.text()).toContain(
      language === 'da'
        ? 'Fakturaflow mister straks adgangen til Tredje & Søn. Dit regnskab ændres ikke.'
        : 'Fakturaflow loses access to Tredje & Søn at once. Your bookkeeping is not changed.',
    );
    await tab.follow(t('disconnect.back'));
    expect(await tab.heading()).toBe(t('connection.heading_connected'));
    await tab.disconnect();
    expect(await tab.heading()).toBe(t('disconnected.heading'));

    await tab.follow(t('disconnected.button'));
    await tab.press(t('home.button'));
    await tab.atVisma();
    await tab.accept();
    expect(tab.path()).toBe('/organizations');
  },
);
