// The front page's scenarios: which one is on, and each with what it does, what should be seen of it, and its button.

import type { frontPageTexts } from './front-page-texts.ts';
import type { Language } from './languages.ts';
import { html, type Markup } from './pages.ts';
import type { ScenarioSwitch } from './scenario-switch.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

type Words = (typeof frontPageTexts)[Language];

/** Stands on top of the page, too, so that nobody wonders for long. */
export function renderActive(scenarios: ScenarioSwitch, language: Language, words: Words): Markup | null {
  const active = scenarios.active();
  if (!active) return null;
  return html`<form class="note" method="post" action="/switches/scenarios">
<p><strong>● ${words.active(active.title[language])}</strong></p>
<p>${active.does[language]}</p>
<p><button class="primary" type="submit" name="act" value="end">${words.end}</button></p>
</form>`;
}

export function renderScenarios(scenarios: ScenarioSwitch, language: Language, words: Words): Markup {
  const active = scenarios.active();
  return html`<p>${words.scenariosLead}</p>
${active ? null : html`<p>${words.normal}</p>`}
<form method="post" action="/switches/scenarios">
${SCENARIOS.map((scenario) => renderOne(scenario, scenario.id === active?.id, language, words))}</form>`;
}

function renderOne(scenario: Scenario, isActive: boolean, language: Language, words: Words): Markup {
  const title = scenario.title[language];
  const sees: [string, Markup | string][] = [
    [words.page, scenario.page[language]],
    [words.api, scenario.api[language]],
    [words.webhook, scenario.webhook === null ? words.noWebhook : html`<code>${scenario.webhook}</code>`],
  ];
  const button = isActive
    ? html`<p><strong>● ${words.isOn}</strong></p>`
    : html`<p><button type="submit" name="scenario" value="${scenario.id}">${words.start(title)}</button></p>`;
  return html`<div class="scenario">
<h3>${title}</h3>
<p>${scenario.does[language]}</p>
<dl class="facts">
${sees.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>
${button}
</div>
`;
}
