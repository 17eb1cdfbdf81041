// The page where an authorize error strands the person, and the debugger that tells a developer what it means.

import { type Request, type Response, Router } from 'express';
import type { Applications } from './applications.ts';
import { adviseOn, type ErrorRecord, type ErrorRecords } from './error-records.ts';
import { chooseLanguage } from './languages.ts';
import { html, type Markup, renderPage } from './pages.ts';
import { texts } from './texts.ts';

export function createErrorPages(errorRecords: ErrorRecords, applications: Applications): Router {
  const router = Router();

  router.get('/error', (req: Request, res: Response) => {
    res.send(renderErrorPage(errorRecords.find(req.query.errorId)));
  });
  router.get('/debugger', (req: Request, res: Response) => {
    const asked = req.query.errorId;
    const record = errorRecords.find(asked);
    const explanation = record ? explain(record, adviseOn(record, applications)) : null;
    const unknown = asked !== undefined && !record;
    res.send(renderDebugger(typeof asked === 'string' ? asked : '', explanation, unknown));
  });
  return router;
}

function renderErrorPage(record: ErrorRecord | undefined): string {
  const language = chooseLanguage(record?.uiLocales);
  const words = texts[language];
  const id = record?.id ?? '–';
  const body = html`<h1>${words.errorTitle}</h1>
<p>${words.errorLead}</p>
<p><code>${record?.error ?? 'unknown'}</code></p>
<p class="small">${words.errorId}: <code>${id}</code></p>
<p><a href="/debugger?errorId=${id}">${words.errorDebugger}</a></p>`;
  return renderPage({ language, title: words.errorTitle, body });
}

function renderDebugger(id: string, explanation: Markup | null, unknown: boolean): string {
  const notFound = unknown ? html`<p role="alert">No error of this id is remembered (the last 1,000 are).</p>` : null;
  const body = html`<h1>Debugger</h1>
<p>What an error id of the sandbox's error page means, as the Developer Portal's Debugger tells for the real one.</p>
<form method="get" action="/debugger">
<label for="error-id">Error id</label>
<input id="error-id" name="errorId" value="${id}" autocomplete="off" spellcheck="false" required>
<button class="primary" type="submit">Explain</button>
</form>
${notFound}${explanation}
<p><a href="/">To the sandbox's front page</a></p>`;
  return renderPage({ language: 'en', title: 'Debugger', body });
}

function explain(record: ErrorRecord, advice: string): Markup {
  const rows: [string, string | null][] = [
    ['Error', record.error],
    ['Description', record.description],
    ['client_id', record.clientId],
    ['redirect_uri', record.redirectUri],
    ['scope', record.scope],
    ['When', record.at.toISOString()],
  ];
  const cells = rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value ?? '(not sent)'}</dd></div>\n`);
  return html`<h2>What happened</h2>
<dl>
${cells}</dl>
<h2>What to change</h2>
<p>${advice}</p>`;
}
