// How the front page looks: what happened so far, then the switches, each with what an app should make of it.

import type { Faults, WaitingFault } from './faults.ts';
import { groupedSelect, numberField, select } from './form-fields.ts';
import { MOST_TIMES, NUMBER_SETTINGS } from './number-settings.ts';
import { html, type Markup, renderPage } from './pages.ts';
import { people } from './people.ts';
import { FAULT_GROUPS, READY_FAULTS } from './ready-faults.ts';
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
${listFacts(parts)}
<p><a href="/debugger">Debugger: what does an error id mean?</a></p>
${section('faults', 'Faults', renderFaults(parts.faults))}
${section('people', 'People', listPeople(parts.records))}
${section('settings', 'Settings', renderSettings(parts.settings))}`;
  return renderPage({ language: 'en', title: 'Front page', body });
}

/** The id is where a form comes back to. */
function section(id: string, title: string, content: Markup): Markup {
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${content}
</section>`;
}

function listFacts({ origin, client, requestLog, refreshTokens }: FrontPageParts): Markup {
  return describeAll('facts', [
    ['Token calls so far', requestLog.count('POST', '/connect/token')],
    ['Replays of spent tokens', refreshTokens.replays()],
    ['Issuer and Dinero API', origin],
    ['Client id', client.clientId],
    ['Redirect URIs', client.redirectUris.join(' ')],
  ]);
}

function renderFaults(faults: Faults): Markup {
  const waiting = faults.waiting().map((fault) => html`<li>${describeWaiting(fault)}</li>\n`);
  const list = waiting.length > 0 ? html`<ul>\n${waiting}</ul>` : html`<p>None: everything works.</p>`;
  // The target stands in each option: a closed list shows no heading.
  const groups = FAULT_GROUPS.map(({ title, faults: ready }) => ({
    title,
    options: ready.map(({ id, target, label }) => ({ value: id, label: `${target}: ${label}` })),
  }));
  return html`<h3>Waiting now</h3>
${list}
<h3>Set a fault</h3>
<form method="post" action="/switches/faults">
${groupedSelect('fault', 'What goes wrong', groups)}
${numberField('times', 'How many times (empty: until cleared)', { least: 1, most: MOST_TIMES })}
<p class="actions"><button class="primary" type="submit" name="act" value="set">Set fault</button>
<button type="submit" name="act" value="clear">Clear all faults</button></p>
</form>
<p class="small">One fault waits at each endpoint: the next one set there takes its place.</p>
<h3>What your app should do</h3>
${describeAll(
  'advice',
  FAULT_GROUPS.map(({ title, advice }) => [title, advice]),
)}`;
}

function describeWaiting({ target, fault, times }: WaitingFault): string {
  const label = READY_FAULTS.find((ready) => ready.target === target && ready.fault === fault)?.label ?? fault.kind;
  const left = times === 1 ? 'once more' : `${times} more times`;
  return `${target}: ${label} (${Number.isFinite(times) ? left : 'until cleared'})`;
}

function listPeople(records: Records): Markup {
  const rows = people.map(({ id, name, sub, purpose }) => {
    const authorizations = records.authorizationsOf(sub);
    const given = authorizations === 1 ? '1 authorization' : `${authorizations} authorizations`;
    return html`<li><p><strong>${name}</strong>: ${purpose.en} Has given ${given}.</p>
<button type="submit" name="person" value="${id}">Revoke what ${name} authorized</button></li>\n`;
  });
  return html`<p>A revoked authorization shows at the next refresh: your app should say that the connection has to be
renewed, and offer to reconnect.</p>
<form method="post" action="/switches/authorizations"><ul class="people">
${rows}</ul></form>`;
}

function renderSettings(settings: SandboxSettings): Markup {
  const uses = ['re-use', 'one-time'].map((use) => ({ value: use, label: use }));
  const answers = ['no', 'yes'].map((answer) => ({ value: answer, label: answer }));
  const numbers = NUMBER_SETTINGS.map((setting) =>
    numberField(setting.name, setting.label, { ...setting, value: settings[setting.name] }),
  );
  return html`<p>As in the Developer Portal: refresh-token settings hold for authorizations given from now on. Your app has
to be told the same. With one-time tokens it should never send a spent one after the grace period: that ends the whole
authorization, and counts as a replay above.</p>
<form method="post" action="/switches/settings">
${select('refreshTokenUse', 'Refresh tokens', uses, settings.refreshTokenUse)}
${numbers}
${select('pkceRequired', 'PKCE required', answers, settings.pkceRequired ? 'yes' : 'no')}
<button class="primary" type="submit">Save settings</button>
</form>`;
}

function describeAll(kind: string, rows: [string, string | number][]): Markup {
  return html`<dl class="${kind}">
${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>`;
}
