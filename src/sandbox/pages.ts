// The frame of every page people see here, in the look of a third party, and a template tag that escapes.

import type { Language } from './languages.ts';
import { texts } from './texts.ts';

/** Text that is HTML already; only `html` makes it. */
export type Markup = { markup: string };
type Piece = Markup | Markup[] | string | number | null;

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function html(strings: TemplateStringsArray, ...pieces: Piece[]): Markup {
  const rendered = strings.map((string, at) => string + (at < pieces.length ? render(pieces[at] ?? null) : ''));
  return { markup: rendered.join('') };
}

function render(piece: Piece): string {
  if (piece === null) return '';
  if (Array.isArray(piece)) return piece.map(render).join('');
  if (typeof piece === 'object') return piece.markup;
  return String(piece).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

export const PAGE_HEADERS = {
  // No form-action: a form here ends, by redirect, at the client's own origin, and Chromium judges the whole chain.
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
};

/** `bilingual`: people may pick the other language; others come with one. */
type Page = { language: Language; title: string; body: Markup; script?: string; bilingual?: boolean };

export function renderPage(page: Page): string {
  const words = texts[page.language];
  const script = page.script ? html`<script src="${page.script}" defer></script>` : null;
  return html`<!doctype html>
<html lang="${page.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title} · Visma Connect sandbox</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/sandbox.css">
${script}
</head>
<body>
<header>
<p class="mark">Visma Connect — sandbox</p>
<p class="banner">${words.banner}${page.bilingual ? linkToOther(page.language) : null}</p>
</header>
<main>
${page.body}
</main>
</body>
</html>
`.markup;
}

function linkToOther(language: Language): Markup {
  const other = language === 'da' ? 'en' : 'da';
  return html` · <a href="?language=${other}" lang="${other}" hreflang="${other}">${texts[other].language}</a>`;
}
