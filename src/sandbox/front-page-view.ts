// How the front page looks: what happened so far, then the switches, each with what an app should make of it.

import type { Applications } from './applications.ts';
import type { Faults, WaitingFault } from './faults.ts';
import { groupedSelect, numberField, select } from './form-fields.ts';
import { frontPageTexts } from './front-page-texts.ts';
import type { Language } from './languages.ts';
import { MOST_TIMES, NUMBER_SETTINGS } from './number-settings.ts';
import { html, type Markup, renderPage } from './pages.ts';
import { people } from './people.ts';
import { FAULT_GROUPS, READY_FAULTS } from './ready-faults.ts';
import type { Records } from './records.ts';
import type { RefreshTokens } from './refresh-tokens.ts';
import type { RequestLog } from './request-log.ts';
import { renderActive, renderScenarios } from './scenario-list.ts';
import type { ScenarioSwitch } from './scenario-switch.ts';
import type { SandboxClient, SandboxSettings } from './types.ts';

export type FrontPageParts = {
  origin: string;
  client: SandboxClient;
  applications: Applications;
  scenarios: ScenarioSwitch;
  settings: SandboxSettings;
  faults: Faults;
  records: Records;
  refreshTokens: RefreshTokens;
  requestLog: RequestLog;
};

type Words = (typeof frontPageTexts)[Language];

export function renderFrontPage(parts: FrontPageParts, language: Language): string {
  const words = frontPageTexts[language];
  const body = html`<h1>${words.title}</h1>
<p>${words.lead}</p>
${renderActive(parts.scenarios, language, words)}${listFacts(parts, words)}
<p><a href="/portal">${words.portal}</a></p>
<p><a href="/debugger">${words.debugger}</a></p>
${section('scenarios', words.scenarios, renderScenarios(parts.scenarios, language, words))}
${section('faults', words.faults, html`<div lang="en">${renderFaults(parts.faults)}</div>`)}
${section('people', words.people, listPeople(parts.records, language, words))}
${section('settings', words.settings, renderSettings(parts.settings, words))}`;
  return renderPage({ language, title: words.title, body, bilingual: true });
}

/** The id is where a form comes back to. */
function section(id: string, title: string, content: Markup): Markup {
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${content}
</section>`;
}

function listFacts({ origin, client, applications, requestLog, refreshTokens }: FrontPageParts, words: Words): Markup {
  return describeAll('facts', [
    [words.tokenCalls, requestLog.count('POST', '/connect/token')],
    [words.replays, refreshTokens.replays()],
    [words.origin, origin],
    [words.clientId, client.clientId],
    [words.redirectUris, client.redirectUris.join(' ')],
    [words.registered, applications.list().length],
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

function listPeople(records: Records, language: Language, words: Words): Markup {
  const rows = people.map(({ id, name, sub, purpose }) => {
    const given = words.given(records.authorizationsOf(sub));
    return html`<li><p><strong>${name}</strong>: ${purpose[language]} ${given}</p>
<button type="submit" name="person" value="${id}">${words.revoke(name)}</button></li>\n`;
  });
  return html`<p>${words.peopleLead}</p>
<form method="post" action="/switches/authorizations"><ul class="people">
${rows}</ul></form>`;
}

function renderSettings(settings: SandboxSettings, words: Words): Markup {
  const uses = ['re-use', 'one-time'].map((use) => ({ value: use, label: use }));
  const answers = (['no', 'yes'] as const).map((answer) => ({ value: answer, label: words.answers[answer] }));
  const numbers = NUMBER_SETTINGS.map((setting) =>
    numberField(setting.name, words[setting.name], { ...setting, value: settings[setting.name] }),
  );
  return html`<p>${words.settingsLead}</p>
<form method="post" action="/switches/settings">
${select('refreshTokenUse', words.refreshTokenUse, uses, settings.refreshTokenUse)}
${numbers}
${select('pkceRequired', words.pkceRequired, answers, settings.pkceRequired ? 'yes' : 'no')}
<button class="primary" type="submit">${words.save}</button>
</form>`;
}

function describeAll(kind: string, rows: [string, string | number][]): Markup {
  return html`<dl class="${kind}">
${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>`;
}
