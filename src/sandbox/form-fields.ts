// The labelled fields of the front page's forms.

import { html, type Markup } from './pages.ts';

export type Option = { value: string; label: string };

export function select(name: string, label: string, options: Option[], selected: string): Markup {
  return labelledSelect(
    name,
    label,
    options.map((option) => renderOption(option, selected)),
  );
}

export function groupedSelect(name: string, label: string, groups: { title: string; options: Option[] }[]): Markup {
  return labelledSelect(
    name,
    label,
    groups.map(
      ({ title, options }) => html`<optgroup label="${title}">
${options.map((option) => renderOption(option, null))}</optgroup>
`,
    ),
  );
}

/** Without a value it may stay empty. */
export function numberField(name: string, label: string, limits: { least: number; most: number; value?: number }) {
  const { least, most, value } = limits;
  const rest = value === undefined ? null : html` value="${value}" required`;
  return html`<label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="number" min="${least}" max="${most}"${rest}>
`;
}

function labelledSelect(name: string, label: string, content: Markup[]): Markup {
  return html`<label for="${name}">${label}</label>
<select id="${name}" name="${name}">
${content}</select>
`;
}

function renderOption({ value, label }: Option, selected: string | null): Markup {
  return value === selected
    ? html`<option value="${value}" selected>${label}</option>\n`
    : html`<option value="${value}">${label}</option>\n`;
}
