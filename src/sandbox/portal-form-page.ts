// The portal's one form, for a new application and for a registered one.

import type { ApplicationForm, FieldName, Problem } from './application-form.ts';
import { select } from './form-fields.ts';
import type { Language } from './languages.ts';
import { html, type Markup } from './pages.ts';
import { choice, choices, textArea, textField } from './portal-fields.ts';
import { portalTexts } from './portal-texts.ts';

export type FormParts = {
  language: Language;
  action: string;
  form: ApplicationForm;
  problems: Problem[];
  /** Where the app that runs with this sandbox takes people back. */
  appUri: string;
  /** Its client id stays. */
  isRegistered: boolean;
  /** Saving is what this page is for now: the one filled button. */
  isMain: boolean;
};

export function renderForm(parts: FormParts): Markup {
  const words = portalTexts[parts.language];
  return html`${summarize(parts)}
<form method="post" action="${parts.action}">
${renderNames(parts)}${renderGrant(parts)}${renderRedirectUris(parts)}${renderScopes(parts)}<button${parts.isMain ? html` class="primary"` : null} type="submit">${words.save}</button>
</form>`;
}

function explain({ language, problems }: FormParts, field: FieldName): string[] {
  return problems
    .filter((problem) => problem.field === field)
    .map(({ code, value }) => portalTexts[language].problems[code](value));
}

function summarize(parts: FormParts): Markup | null {
  if (parts.problems.length === 0) return null;
  const fields = [...new Set(parts.problems.map(({ field }) => field))];
  const links = fields.flatMap((field) =>
    explain(parts, field).map((text) => html`<li><a href="#${field}">${text}</a></li>\n`),
  );
  return html`<div class="note wrong" role="alert"><p><strong>${portalTexts[parts.language].wrong}</strong></p>
<ul>
${links}</ul></div>`;
}

function renderNames(parts: FormParts): Markup {
  const { language, form, isRegistered } = parts;
  const words = portalTexts[language].fields;
  const name = { name: 'name', label: words.name, hint: words.nameHint, problems: explain(parts, 'name') };
  const clientId = {
    name: 'clientId',
    label: words.clientId,
    hint: words.clientIdHint,
    problems: explain(parts, 'clientId'),
  };
  return html`${textField({ ...name, value: form.name })}${textField({ ...clientId, value: form.clientId, isFixed: isRegistered })}`;
}

function renderGrant(parts: FormParts): Markup {
  const { language, form } = parts;
  const words = portalTexts[language].fields;
  const grants = [
    { value: 'code', label: words.grantCode },
    { value: 'code-pkce', label: words.grantPkce },
  ];
  const uses = [
    { value: 're-use', label: words.offlineReuse },
    { value: 'one-time', label: words.offlineOneTime },
    { value: 'none', label: words.offlineNone },
  ];
  const lifetime = {
    name: 'lifetimeDays',
    label: words.lifetime,
    hint: words.lifetimeHint,
    problems: explain(parts, 'lifetimeDays'),
  };
  const grace = {
    name: 'graceSeconds',
    label: words.grace,
    hint: words.graceHint,
    problems: explain(parts, 'graceSeconds'),
  };
  return html`${select('grant', words.grant, grants, form.grant)}${select('offline', words.offline, uses, form.offline)}
${textField({ ...lifetime, value: form.lifetimeDays, isNumber: true })}${textField({ ...grace, value: form.graceSeconds, isNumber: true })}
${choice('openid', words.openid, form.openid)}`;
}

function renderRedirectUris(parts: FormParts): Markup {
  const words = portalTexts[parts.language].fields;
  return textArea({
    name: 'redirectUris',
    label: words.redirectUris,
    hint: words.redirectUrisHint(parts.appUri),
    problems: explain(parts, 'redirectUris'),
    value: parts.form.redirectUris,
  });
}

function renderScopes(parts: FormParts): Markup {
  const { language, form } = parts;
  const words = portalTexts[language].fields;
  return choices({ name: 'scopes', label: words.scopes, problems: explain(parts, 'scopes') }, [
    choice('read', words.read, form.read),
    choice('write', words.write, form.write),
    choice('internal', words.internal, form.internal),
  ]);
}
