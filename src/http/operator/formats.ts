// Numbers and days as an operator reads them, in little room.

import type { Language } from '../../core/types.ts';

export type Formats = ReturnType<typeof createFormats>;

const locales: Record<Language, string> = { da: 'da-DK', en: 'en-GB' };

export function createFormats(language: Language) {
  const locale = locales[language];
  const number = new Intl.NumberFormat(locale);
  const short = new Intl.NumberFormat(locale, { notation: 'compact' });
  const share = new Intl.NumberFormat(locale, { style: 'percent' });
  const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', timeZone: 'UTC' });
  return {
    number: (value: number) => number.format(value),
    /** `1.2K`, for axes. */
    short: (value: number) => short.format(value),
    /** Of nothing there is no share. */
    share: (part: number, whole: number) => (whole === 0 ? '–' : share.format(part / whole)),
    /** Of a day in UTC. */
    day: (value: Date) => day.format(value),
  };
}
