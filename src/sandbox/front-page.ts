// The sandbox's own front page: what this is, who is in it, how it is set now.

import { type Request, type Response, Router } from 'express';
import { html, renderPage } from './pages.ts';
import { people } from './people.ts';
import type { SandboxParts } from './sandbox.ts';

export function createFrontPage(parts: SandboxParts): Router {
  const router = Router();
  router.get('/', (_req: Request, res: Response) => {
    res.send(renderFrontPage(parts));
  });
  return router;
}

function renderFrontPage({ origin, client, settings }: SandboxParts): string {
  const rows = Object.entries(settings).map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${String(value)}</dd></div>\n`,
  );
  const everybody = people.map((person) => html`<li><strong>${person.name}</strong>: ${person.purpose.en}</li>\n`);
  const body = html`<h1>A sandbox Visma Connect and Dinero</h1>
<p>Invented people and companies for trying Dinero Connect out. Nothing here reaches Visma or Dinero.</p>
<dl>
<div><dt>Issuer and Dinero API</dt><dd>${origin}</dd></div>
<div><dt>Client id</dt><dd>${client.clientId}</dd></div>
<div><dt>Redirect URIs</dt><dd>${client.redirectUris.join(' ')}</dd></div>
</dl>
<h2>People</h2>
<ul>
${everybody}</ul>
<h2>Settings</h2>
<dl>
${rows}</dl>
<p><a href="/debugger">Debugger: what does an error id mean?</a></p>`;
  return renderPage({ language: 'en', title: 'Sandbox', body });
}
