// Which of the two languages a page speaks: the first one of `ui_locales` (OpenID Connect Core, 3.1.2.1), else English.

export type Language = 'da' | 'en';

export function chooseLanguage(uiLocales: unknown): Language {
  if (typeof uiLocales !== 'string') return 'en';
  const known = uiLocales
    .split(' ')
    .map((locale) => locale.toLowerCase().split('-')[0])
    .find((language) => language === 'da' || language === 'en');
  return known === 'da' ? 'da' : 'en';
}
