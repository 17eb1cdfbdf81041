// The portal's labelled fields, each with its hint and what is wrong with it.

import { html, type Markup } from './pages.ts';

type FieldParts = { name: string; label: string; hint?: string; problems: string[] };

type TextParts = FieldParts & { value: string; isFixed?: boolean; isNumber?: boolean };

export function textField(parts: TextParts): Markup {
  const { name, value } = parts;
  const fixed = parts.isFixed ? html` readonly` : null;
  const number = parts.isNumber ? html` inputmode="numeric"` : null;
  const field = html`<input id="${name}" name="${name}" value="${value}" autocomplete="off" spellcheck="false"${describedBy(parts)}${fixed}${number}>`;
  return labelled(parts, field);
}

export function textArea(parts: FieldParts & { value: string }): Markup {
  const { name, value } = parts;
  // HTML drops one line break right after the tag: this one, and none of the value's own.
  const area = html`<textarea id="${name}" name="${name}" rows="3" autocomplete="off" spellcheck="false"${describedBy(parts)}>
${value}</textarea>`;
  return labelled(parts, area);
}

export function choice(name: string, label: string, checked: boolean): Markup {
  const state = checked ? html` checked` : null;
  return html`<p class="choice"><input id="${name}" name="${name}" type="checkbox" value="yes"${state}>
<label for="${name}">${label}</label></p>
`;
}

export function choices(parts: Omit<FieldParts, 'hint'>, content: Markup[]): Markup {
  // A group cannot be invalid in ARIA: what is wrong with it only describes it.
  const described = parts.problems.length > 0 ? html` aria-describedby="${parts.name}-problems"` : null;
  return html`<fieldset id="${parts.name}"${described}>
<legend>${parts.label}</legend>
${listProblems(parts)}${content}</fieldset>
`;
}

function labelled(parts: FieldParts, field: Markup): Markup {
  const { name, label, hint } = parts;
  return html`<div class="field"><label for="${name}">${label}</label>
${hint ? html`<p class="small" id="${name}-hint">${hint}</p>\n` : null}${listProblems(parts)}${field}</div>
`;
}

function listProblems({ name, problems }: Pick<FieldParts, 'name' | 'problems'>): Markup | null {
  if (problems.length === 0) return null;
  return html`<ul class="problems" id="${name}-problems">
${problems.map((problem) => html`<li>${problem}</li>\n`)}</ul>
`;
}

function describedBy({ name, hint, problems }: FieldParts): Markup | null {
  const ids = [hint ? `${name}-hint` : '', problems.length > 0 ? `${name}-problems` : ''].filter(Boolean).join(' ');
  if (ids === '') return null;
  return html` aria-describedby="${ids}"${problems.length > 0 ? html` aria-invalid="true"` : null}`;
}
