// Sign-in and consent as people see them: a button for each ready person, then what is asked and by whom.

import { chooseLanguage } from './languages.ts';
import { html, renderPage } from './pages.ts';
import { people } from './people.ts';
import { splitScope } from './scopes.ts';
import { texts } from './texts.ts';

type Asked = { uid: string; params: Record<string, unknown> };

export function renderSignIn({ uid, params }: Asked): string {
  const language = chooseLanguage(params.ui_locales);
  const words = texts[language];
  const choices = people.map(
    (person) => html`<li><button class="person" type="submit" name="person" value="${person.id}">
<strong>${person.name}</strong> <span>${person.purpose[language]}</span></button></li>\n`,
  );
  const body = html`<h1>${words.signInTitle}</h1>
<p>${words.signInLead}</p>
<form method="post" action="/interaction/${uid}/sign-in"><ul class="people">
${choices}</ul></form>
<form method="post" action="/interaction/${uid}/consent">
<button type="submit" name="decision" value="cancel">${words.signInCancel}</button>
</form>`;
  return renderPage({ language, title: words.signInTitle, body });
}

export function renderConsent({ uid, params }: Asked, person: string): string {
  const language = chooseLanguage(params.ui_locales);
  const words = texts[language];
  const asked = splitScope(params.scope).map((scope) => html`<li>${words.scopes[scope] ?? scope}</li>\n`);
  const again = new URLSearchParams({ ...(params as Record<string, string>), prompt: 'login' });
  again.delete('resource');
  const body = html`<h1>${words.consentTitle}</h1>
<p>${words.consentPerson(person)} <a href="/connect/authorize?${again.toString()}">${words.consentOther}</a></p>
<p>${words.consentLead(String(params.client_id))}</p>
<ul>
${asked}</ul>
<form class="actions" method="post" action="/interaction/${uid}/consent">
<button class="primary" type="submit" name="decision" value="accept">${words.accept}</button>
<button type="submit" name="decision" value="cancel">${words.cancel}</button>
</form>`;
  return renderPage({ language, title: words.consentTitle, body });
}
