// How the front page looks: facts about this sandbox, its people, and three small forms.

import type { Faults } from './faults.ts';
import { html, type Markup, renderPage } from './pages.ts';
import { people } from './people.ts';
import { FAULT_TARGETS, READY_FAULTS } from './ready-faults.ts';
import type { Records } from './records.ts';
import type { RefreshTokens } from './refresh-tokens.ts';
import type { RequestLog } from './request-log.ts';
import type { SandboxClient, SandboxSettings } from './types.ts';

export type FrontPageParts = {
  origin: string;
  client: SandboxClient;
  settings: SandboxSettings;
  faults: Faults;
  records: Records;
  refreshTokens: RefreshTokens;
  requestLog: RequestLog;
};

export function renderFrontPage(parts: FrontPageParts): string {
  const body = html`<h1>A sandbox Visma Connect and Dinero</h1>
<p>Invented people and companies for trying Dinero Connect out. Nothing here reaches Visma or Dinero.</p>
${describe(parts)}
<p><a href="/debugger">Debugger: what does an error id mean?</a></p>
<h2>People</h2>
${listPeople()}
<h2>Settings</h2>
${renderSettings(parts.settings)}
<h2>Faults</h2>
${renderFaults(parts.faults)}`;
  return renderPage({ language: 'en', title: 'Front page', body });
}

function describe({ origin, client, requestLog, refreshTokens }: FrontPageParts): Markup {
  const rows: [string, string | number][] = [
    ['Issuer and Dinero API', origin],
    ['Client id', client.clientId],
    ['Redirect URIs', client.redirectUris.join(' ')],
    ['Token calls so far', requestLog.count('POST', '/connect/token')],
    ['Replays of spent tokens', refreshTokens.replays()],
  ];
  return html`<dl>
${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>`;
}

function listPeople(): Markup {
  const rows = people.map(
    ({ id, name, purpose }) => html`<li><p><strong>${name}</strong>: ${purpose.en}</p>
<button type="submit" name="person" value="${id}">Revoke what ${name} authorized</button></li>\n`,
  );
  return html`<form method="post" action="/switches/authorizations"><ul class="people">
${rows}</ul></form>`;
}

function renderSettings(settings: SandboxSettings): Markup {
  const uses = ['re-use', 'one-time'].map((use) => option(use, use, use === settings.refreshTokenUse));
  const pkce = ['no', 'yes'].map((answer) => option(answer, answer, (answer === 'yes') === settings.pkceRequired));
  return html`<p>As in the Developer Portal: refresh-token settings hold for authorizations given from now on.</p>
<form method="post" action="/switches/settings">
${select('refreshTokenUse', 'Refresh tokens', uses)}
${seconds('refreshTokenGraceSeconds', 'Grace for a spent one-time token, seconds', settings.refreshTokenGraceSeconds)}
${seconds('refreshTokenLifetimeSeconds', 'Refresh token lives, seconds', settings.refreshTokenLifetimeSeconds)}
${seconds('accessTokenLifetimeSeconds', 'Access token lives, seconds', settings.accessTokenLifetimeSeconds)}
${select('pkceRequired', 'PKCE required', pkce)}
<button class="primary" type="submit">Save settings</button>
</form>`;
}

function renderFaults(faults: Faults): Markup {
  const waiting = faults.waiting().map(([target, { kind }]) => html`<li>${target}: ${kind}</li>\n`);
  const list = waiting.length > 0 ? html`<ul>\n${waiting}</ul>` : html`<p>None: everything works.</p>`;
  const targets = FAULT_TARGETS.map((target) => option(target, target, target === 'token'));
  const ready = READY_FAULTS.map(({ id, label }) => option(id, label, false));
  return html`${list}
<form method="post" action="/switches/faults">
${select('target', 'Where', targets)}
${select('fault', 'What', ready)}
<label for="times">How many times (empty: until cleared)</label>
<input id="times" name="times" type="number" min="1">
<p class="actions"><button class="primary" type="submit" name="act" value="set">Set fault</button>
<button type="submit" name="act" value="clear">Clear all faults</button></p>
</form>`;
}

function option(value: string, label: string, selected: boolean): Markup {
  return selected
    ? html`<option value="${value}" selected>${label}</option>`
    : html`<option value="${value}">${label}</option>`;
}

function select(name: string, label: string, options: Markup[]): Markup {
  return html`<label for="${name}">${label}</label>
<select id="${name}" name="${name}">${options}</select>`;
}

function seconds(name: string, label: string, value: number): Markup {
  return html`<label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="number" min="0" value="${value}" required>`;
}
