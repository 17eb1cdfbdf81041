// Markdown as HTML of our pages: fields as lists that the stylesheet knows, codes of problems as links, nothing raw.

import { Marked, type Token, type Tokens } from 'marked';

export type Html = ReturnType<typeof createHtml>;

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}

/** The badge of what a caller sends. */
export function need(required: boolean): string {
  return required ? '<span class="need is-required">required</span>' : '<span class="need">optional</span>';
}

/** The badge of what a caller gets: nothing to do about it, so only what may be missing is pointed out. */
function presence(always: boolean): string {
  return always ? '' : '<span class="need">not always</span>';
}

/** `problemCodes` become links where `inlineWithLinks` meets them. */
export function createHtml(problemCodes: ReadonlySet<string>) {
  const html = ({ text }: { text: string }) => escapeHtml(text);
  const prose = new Marked({ renderer: { html } });
  const linking = new Marked({
    renderer: {
      html,
      codespan: ({ text }) =>
        problemCodes.has(text) ? `<a class="code-link" href="#problem-${text}">${code(text)}</a>` : code(text),
    },
  });
  const sent = createFields(need);
  const got = createFields(presence);

  return {
    /** Paragraphs, lists and code of a description. */
    blocks: (markdown: string) => String(prose.parse(markdown)),
    inline: (markdown: string) => String(prose.parseInline(markdown)).trim(),
    inlineWithLinks: (markdown: string) => String(linking.parseInline(markdown)).trim(),
    /** What the renderer made of the schema of a parameter or a body. */
    fieldsSent: (tokens: Token[]) => sent.parser(tokens),
    /** What the renderer made of the schema of an answer or a message. */
    fieldsGot: (tokens: Token[]) => got.parser(tokens),
  };
}

function createFields(badge: (required: boolean) => string): Marked {
  return new Marked({
    renderer: {
      html: ({ text }) => escapeHtml(text),
      strong({ tokens }) {
        const isField = tokens[0]?.type === 'codespan';
        return isField ? nameField(tokens, badge) : `<strong>${this.parser.parseInline(tokens)}</strong>`;
      },
      paragraph({ tokens }) {
        const [kind, description] = splitAtDash(tokens);
        const ofKind = tokens[0]?.type === 'codespan' ? ' class="kind"' : '';
        return [
          kind.length > 0 ? `<p${ofKind}>${this.parser.parseInline(kind)}</p>\n` : '',
          description.length > 0 ? `<p>${this.parser.parseInline(description)}</p>\n` : '',
        ].join('');
      },
      list({ items }) {
        return `<ul class="fields" role="list">\n${items.map((item) => this.listitem(item)).join('')}</ul>\n`;
      },
    },
  });
}

/** The renderer writes `**name (required)**`, and nothing when it is not. */
function nameField([name, required]: Token[], badge: (required: boolean) => string): string {
  return `${code((name as Tokens.Codespan).text)} ${badge(required?.raw === ' (required)')}`;
}

/** `string, format: x — What it is.`: what is allowed, and the description. */
function splitAtDash(tokens: Token[]): [Token[], Token[]] {
  const at = tokens.findIndex(({ type, raw }) => type === 'text' && raw.includes(' — '));
  const token = tokens[at];
  if (tokens[0]?.type !== 'codespan' || token === undefined) return [tokens, []];
  const [before = '', ...after] = token.raw.split(' — ');
  const text = (raw: string): Token => ({ type: 'text', raw, text: raw, escaped: false });
  return [
    [...tokens.slice(0, at), text(before)],
    [text(after.join(' — ')), ...tokens.slice(at + 1)],
  ];
}
