// "Connect to Dinero" for the integrator's own pages, to copy: a picture, or a link with a stylesheet. Both are copied to
// their site rather than loaded from here: our files may not be used by other sites (requirements, D1).

import type { Language } from '../../core/types.ts';
import { languages } from '../locals.ts';

type Scheme = 'light' | 'dark';

/** `scheme` is the page's that it stands on; `svgPath` is where this app has the picture, `html` goes with the stylesheet. */
export type ButtonSnippet = { language: Language; scheme: Scheme; svgPath: string; html: string };

/** Where this app has the stylesheet of `html`. */
export const buttonStylesheetPath = '/connect-button.css';

const words: Record<Language, string> = { da: 'Forbind til Dinero', en: 'Connect to Dinero' };
const glyph = 'M13 11H9.5a5 5 0 0 0 0 10H13m6-10h3.5a5 5 0 0 1 0 10H19m-7.5-5h9';
const schemes: Scheme[] = ['light', 'dark'];

/** Each language in each scheme. The markup has no script, no style of its own and no address but a place-holder. */
export const buttonSnippets: ButtonSnippet[] = languages.flatMap((language) =>
  schemes.map((scheme) => ({
    language,
    scheme,
    svgPath: `/connect-button-${language}-${scheme}.svg`,
    html: createMarkup(language, scheme),
  })),
);

/** A link, not a form: the pages of many products let their forms lead to themselves alone (`form-action`). */
function createMarkup(language: Language, scheme: Scheme): string {
  const classes = `dinero-connect-button${scheme === 'dark' ? ' dinero-connect-button--dark' : ''}`;
  return `<a class="${classes}" href="/connect-dinero" lang="${language}">
  <svg class="dinero-connect-button__glyph" viewBox="3 3 26 26" aria-hidden="true" focusable="false"><path d="${glyph}"/></svg>
  ${words[language]}
</a>`;
}
