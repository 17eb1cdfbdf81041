// Sign-in and consent as people see them: a button for each ready person, then what is asked and by whom.

import { chooseLanguage } from './languages.ts';
import { html, renderPage } from './pages.ts';
import { people } from './people.ts';
import { splitScope } from './scopes.ts';
import { texts } from './texts.ts';
import type { SandboxPerson } from './types.ts';

type Asked = { uid: string; params: Record<string, unknown> };

/** `preselected`: the person of the scenario that is on, first and filled; anybody may be picked all the same. */
export function renderSignIn({ uid, params }: Asked, preselected: SandboxPerson | undefined): string {
  const language = chooseLanguage(params.ui_locales);
  const words = texts[language];
  const sorted = preselected ? [preselected, ...people.filter((person) => person !== preselected)] : people;
  const choices = sorted.map((person) => {
    const kind = person === preselected ? 'person primary' : 'person';
    return html`<li><button class="${kind}" type="submit" name="person" value="${person.id}">
<strong>${person.name}</strong> <span>${person.purpose[language]}</span></button></li>\n`;
  });
  const note = preselected ? html`<p class="note">${words.signInScenario(preselected.name)}</p>\n` : null;
  const body = html`<h1>${words.signInTitle}</h1>
<p>${words.signInLead}</p>
${note}<form method="post" action="/interaction/${uid}/sign-in"><ul class="people">
${choices}</ul></form>
<form method="post" action="/interaction/${uid}/consent">
<button type="submit" name="decision" value="cancel">${words.signInCancel}</button>
</form>`;
  return renderPage({ language, title: words.signInTitle, body });
}

export function renderConsent({ uid, params }: Asked, by: { person: string; client: string }): string {
  const language = chooseLanguage(params.ui_locales);
  const words = texts[language];
  const asked = splitScope(params.scope).map((scope) => html`<li>${words.scopes[scope] ?? scope}</li>\n`);
  const again = new URLSearchParams({ ...(params as Record<string, string>), prompt: 'login' });
  again.delete('resource');
  const body = html`<h1>${words.consentTitle}</h1>
<p>${words.consentPerson(by.person)} <a href="/connect/authorize?${again.toString()}">${words.consentOther}</a></p>
<p>${words.consentLead(by.client)}</p>
<ul>
${asked}</ul>
<form class="actions" method="post" action="/interaction/${uid}/consent">
<button class="primary" type="submit" name="decision" value="accept">${words.accept}</button>
<button type="submit" name="decision" value="cancel">${words.cancel}</button>
</form>`;
  return renderPage({ language, title: words.consentTitle, body });
}
