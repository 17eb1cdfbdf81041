// The portal's pages: the list, one application with its secrets, a new secret, and the question before one is removed.

import { EMPTY_FORM, fillForm, type Problem } from './application-form.ts';
import { type Application, type Applications, MOST_APPLICATIONS, MOST_SECRETS } from './applications.ts';
import type { Language } from './languages.ts';
import { html, type Markup, renderPage } from './pages.ts';
import { renderForm } from './portal-form-page.ts';
import { portalTexts } from './portal-texts.ts';

export const pathOf = ({ clientId }: Pick<Application, 'clientId'>) => `/portal/applications/${clientId}`;

export function renderList(language: Language, applications: Applications): string {
  const words = portalTexts[language];
  const all = applications.list();
  const rows = all.map(
    (application) =>
      html`<li><a href="${pathOf(application)}">${application.name}</a> <code>${application.clientId}</code></li>\n`,
  );
  const add =
    all.length < MOST_APPLICATIONS
      ? html`<p><a class="button primary" href="/portal/new">${words.add}</a></p>`
      : html`<p>${words.most(MOST_APPLICATIONS)}</p>`;
  return render(
    language,
    words.title,
    html`<p>${words.lead}</p>
<h2>${words.applications}</h2>
${rows.length > 0 ? html`<ul>\n${rows}</ul>` : html`<p>${words.none}</p>`}
${add}
<p class="small">${words.builtIn(applications.builtIn.clientId)}</p>
<p><a href="/">${words.frontPage}</a></p>`,
  );
}

export function renderNew(language: Language, appUri: string, form = EMPTY_FORM, problems: Problem[] = []): string {
  const words = portalTexts[language];
  const parts = { language, action: '/portal/new', form, problems, appUri, isRegistered: false, isMain: true };
  return render(language, words.addTitle, html`${renderForm(parts)}\n${linkBack(language)}`);
}

/** `form` is what was posted and could not be saved. */
export function renderApplication(
  language: Language,
  appUri: string,
  application: Application,
  more: { form?: typeof EMPTY_FORM; problems?: Problem[]; isSaved?: boolean } = {},
): string {
  const words = portalTexts[language];
  const action = pathOf(application);
  const form = more.form ?? fillForm(application);
  const isMain = application.secrets.length > 0;
  const parts = { language, action, form, problems: more.problems ?? [], appUri, isRegistered: true, isMain };
  const saved = more.isSaved ? html`<p class="note" role="status">✓ ${words.saved}</p>` : null;
  return render(
    language,
    application.name,
    html`${saved}<p><code>${application.clientId}</code></p>
<section aria-labelledby="secrets">
<h2 id="secrets">${words.secrets}</h2>
${renderSecrets(language, application)}
</section>
<section aria-labelledby="settings">
<h2 id="settings">${words.changeTitle}</h2>
${renderForm(parts)}
</section>
<section>
<p><a href="${action}/remove">${words.remove}</a></p>
${linkBack(language)}
</section>`,
  );
}

function renderSecrets(language: Language, application: Application): Markup {
  const words = portalTexts[language];
  const rows = application.secrets.map(({ id, createdAt }) => {
    const time = `${createdAt.slice(0, 19).replace('T', ' ')} UTC`;
    return html`<li><p>${words.secretMade(time)}</p>
<button type="submit" name="secret" value="${id}">${words.secretRemove(time)}</button></li>\n`;
  });
  const list = html`<form method="post" action="${pathOf(application)}/secrets/remove"><ul class="people">
${rows}</ul></form>`;
  const add = html`<form method="post" action="${pathOf(application)}/secrets">
<button${rows.length === 0 ? html` class="primary"` : null} type="submit">${words.secretAdd}</button>
</form>`;
  return html`${rows.length > 0 ? list : html`<p>${words.noSecrets}</p>`}
${rows.length < MOST_SECRETS ? add : html`<p>${words.secretMost(MOST_SECRETS)}</p>`}`;
}

export function renderSecret(language: Language, application: Application, secret: string): string {
  const words = portalTexts[language];
  const lines = `SANDBOX=true\nVISMA_CLIENT_ID=${application.clientId}\nVISMA_CLIENT_SECRET=${secret}`;
  return render(
    language,
    words.secretTitle,
    html`<p>${words.secretOnce}</p>
<p><code id="secret">${secret}</code></p>
<p>${words.secretUse}</p>
<pre>${lines}</pre>
<p class="small">${words.secretAdopt}</p>
<p><a class="button" href="${pathOf(application)}">${words.secretDone}</a></p>`,
  );
}

export function renderRemoval(language: Language, application: Application): string {
  const words = portalTexts[language];
  return render(
    language,
    words.removeTitle(application.name),
    html`<p>${words.removeLead(application.clientId)}</p>
<form class="actions" method="post" action="${pathOf(application)}/remove">
<button class="primary" type="submit">${words.remove}</button>
<a class="button" href="${pathOf(application)}">${words.removeNo}</a>
</form>`,
  );
}

export function renderNotFound(language: Language): string {
  return render(language, portalTexts[language].notFound, linkBack(language));
}

function linkBack(language: Language): Markup {
  return html`<p><a href="/portal">${portalTexts[language].back}</a></p>`;
}

function render(language: Language, title: string, content: Markup): string {
  return renderPage({ language, title, body: html`<h1>${title}</h1>\n${content}`, bilingual: true });
}
