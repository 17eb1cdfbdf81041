// The form_post page (OAuth 2.0 Form Post Response Mode): submits itself, and has a button for who has no JavaScript.

import type { Language } from './languages.ts';
import { html, renderPage } from './pages.ts';
import { texts } from './texts.ts';

export function renderHandOver(language: Language, action: string, fields: Record<string, string>): string {
  const words = texts[language];
  const inputs = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">\n`,
  );
  const body = html`<h1>${words.handOverTitle}</h1>
<p>${words.handOverLead}</p>
<form method="post" action="${action}" data-hand-over>
${inputs}<button class="primary" type="submit">${words.handOverButton}</button>
</form>`;
  return renderPage({ language, title: words.handOverTitle, body, script: '/assets/hand-over.js' });
}
