// How long ago something was, as people say it.

import type { Language } from '../../core/types.ts';

const units: [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];
const formats: Record<Language, Intl.RelativeTimeFormat> = {
  da: new Intl.RelativeTimeFormat('da-DK'),
  en: new Intl.RelativeTimeFormat('en-GB'),
};

/** `3 minutes ago`, in the largest unit that there is at least one of. */
export function describeAge(seconds: number, language: Language): string {
  const [unit, length] = units.find(([, least]) => seconds >= least) ?? ['second' as const, 1];
  return formats[language].format(-Math.floor(seconds / length), unit);
}
