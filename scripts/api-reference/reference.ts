// The reference as HTML: what every call has in common is said once, then each call and each webhook, then the problems.

import type { Token } from 'marked';
import { type Answer, type ApiDocument, type Call, listCalls, type Operation, type Parameter } from './document.ts';
import { code, createHtml, escapeHtml, type Html, need } from './html.ts';
import { type Rendered, renderPieces } from './markdown.ts';
import { collectPieces, headersOf, headersPiece, listAnswers } from './pieces.ts';
import { findShared, isFailure, type Shared } from './sharing.ts';
import { beginning } from './words.ts';

/** `status`: what the problem is answered with. */
export type Problem = { code: string; status: number; title: string };

type Context = { document: ApiDocument; html: Html; shared: Shared; rendered: Record<string, Rendered> };

/** HTML for inside of the page's `main`. */
export async function createReference(document: ApiDocument, problems: Problem[]): Promise<string> {
  const shared = findShared(document);
  const pieces = collectPieces(document, shared);
  const html = createHtml(new Set(problems.map((problem) => problem.code)));
  const context = { document, html, shared, rendered: await renderPieces(pieces) };
  return [
    showTop(context),
    showContents(document),
    '<div class="reference-body">',
    showBasics(context),
    ...document.tags.map((tag) => showTag(context, tag)),
    showProblems(context, problems),
    '</div>\n',
  ].join('\n');
}

function showTop({ document, html }: Context): string {
  const { title, version, summary } = document.info;
  return `<div class="reference-top">
<h1>${escapeHtml(title)} API</h1>
<p class="lead">${html.inline(summary)}</p>
${html.blocks(beginning(document))}<p class="reference-note">Version ${escapeHtml(version)}, as <a href="/api/openapi.yaml">OpenAPI</a>.</p>
</div>`;
}

function showContents(document: ApiDocument): string {
  const groups = document.tags.map(({ name }) => {
    const calls = callsOf(document, name).map(
      ({ method, operation: { operationId, summary } }) =>
        `<li><a href="#${operationId}"><span class="method">${method.toUpperCase()}</span> <span>${escapeHtml(summary)}</span></a></li>`,
    );
    const webhooks = webhooksOf(document, name).map(
      ([event, { operationId }]) => `<li><a href="#${operationId}">${code(event)}</a></li>`,
    );
    const items = [...calls, ...webhooks];
    return `<li><a class="contents-group" href="#${anchorOf(name)}">${escapeHtml(name)}</a>\n<ul role="list">\n${items.join('\n')}\n</ul></li>`;
  });
  return `<nav class="contents" aria-label="Contents">
<ul role="list">
<li><a class="contents-group" href="#basics">Basics</a></li>
${groups.join('\n')}
<li><a class="contents-group" href="#problems">Problems</a></li>
</ul>
</nav>`;
}

function showBasics({ document, html, rendered, shared }: Context): string {
  const keys = Object.values(document.components.securitySchemes).map(({ description }) => html.blocks(description));
  return `<section id="basics">
<h2>Basics</h2>
<p>Every address begins with ${code(document.servers[0]?.url ?? '')} on this app. Bodies and answers are JSON.</p>
${html.blocks(document.info.description)}<h3 id="keys">API keys</h3>
${keys.join('')}<h3>In every address of a user</h3>
${showParameters(html, shared.parameters, rendered.everyCall)}</section>`;
}

function showTag(context: Context, { name, description }: ApiDocument['tags'][number]): string {
  const { document, html } = context;
  const webhooks = webhooksOf(document, name);
  return `<section id="${anchorOf(name)}">
<h2>${escapeHtml(name)}</h2>
${html.blocks(description)}${webhooks.length > 0 ? showEveryWebhook(context) : ''}${[
  ...callsOf(document, name).map((call) => showCall(context, call)),
  ...webhooks.map(([event, operation]) => showWebhook(context, event, operation)),
].join('\n')}
</section>`;
}

function showCall(context: Context, call: Call): string {
  const { document, html, rendered, shared } = context;
  const { operationId, summary, description = '', requestBody } = call.operation;
  const piece = rendered[operationId];
  const parameters = shared.parametersOf(call);
  const address = `${document.servers[0]?.url ?? ''}${call.path}`;
  return `<section class="operation" id="${operationId}">
<h3>${escapeHtml(summary)}</h3>
<p class="call"><span class="method">${call.method.toUpperCase()}</span> ${code(address)}</p>
${html.blocks(description)}${parameters.length > 0 ? `<h4>Parameters</h4>\n${showParameters(html, parameters, piece)}` : ''}${
  requestBody ? `<h4>Body ${need(requestBody.required ?? false)}</h4>\n${showBody(html, piece?.body)}` : ''
}${listAnswers(call.operation)
  .map(([status, answer]) => showAnswer(context, call.operation, status, answer))
  .join('')}${showFailures(context, call)}</section>`;
}

function showBody(html: Html, fields: Token[] = []): string {
  return fields.length > 0 ? html.fieldsSent(fields) : '<p>Whatever Dinero takes.</p>\n';
}

function showAnswer({ html, rendered }: Context, operation: Operation, status: string, answer: Answer): string {
  const name = status === 'default' ? 'Answer' : `Answer ${status}`;
  const headers = headersOf(answer).map((header) => `${code(header.name)} <span class="need">header</span>`);
  return `<h4>${name}</h4>
<p>${html.inline(answer.description)}</p>
${showNamed(html, headers, rendered[headersPiece(operation, status)])}${html.fieldsGot(
  rendered[operation.operationId]?.answers[status] ?? [],
)}`;
}

function showFailures({ html, shared }: Context, { operation }: Call): string {
  const all = Object.entries(operation.responses).filter(([status]) => isFailure(status));
  if (all.length === 0) return '';
  const own = all.filter((answer) => !shared.isFailureOfAll(answer));
  const table = own.length > 0 ? showStatuses(html, 'Failures', own) : '';
  const others = shared.failures.map(([status]) => code(status)).join(', ');
  return `<h4>Failures</h4>\n${table}<p class="reference-note">${own.length > 0 ? 'And, as' : 'As'} <a href="#problems">every call</a>: ${others}.</p>\n`;
}

function showStatuses(html: Html, name: string, answers: [string, { description: string }][]): string {
  const rows = answers.map(
    ([status, { description }]) =>
      `<tr><th scope="row">${code(status)}</th><td>${html.inlineWithLinks(description)}</td></tr>`,
  );
  return `<table class="statuses" aria-label="${name}">
<thead><tr><th scope="col">Status</th><th scope="col">Meaning</th></tr></thead>
<tbody>\n${rows.join('\n')}\n</tbody>
</table>\n`;
}

function showEveryWebhook({ html, rendered, shared }: Context): string {
  const answers = Object.entries(shared.webhookAnswers).map(
    ([status, { description }]) => `<p>${code(status)}: ${html.inline(description)}</p>\n`,
  );
  return `<h3>Headers of every message</h3>
${showParameters(html, shared.headers, rendered.everyWebhook)}<h3>Your answer</h3>
${answers.join('')}`;
}

function showWebhook({ html, rendered }: Context, event: string, operation: Operation): string {
  const { operationId, summary, description = '' } = operation;
  return `<section class="operation" id="${operationId}">
<h3>${escapeHtml(summary)}</h3>
<p class="call">${code(event)}</p>
${html.blocks(description)}<h4>Message</h4>
${html.fieldsGot(rendered[operationId]?.body ?? [])}</section>`;
}

function showProblems({ html, rendered, shared }: Context, problems: Problem[]): string {
  const rows = problems.map(
    (problem) =>
      `<tr id="problem-${problem.code}"><th scope="row">${code(problem.code)}</th><td>${problem.status}</td><td>${escapeHtml(problem.title)}</td></tr>`,
  );
  return `<section id="problems">
<h2>Problems</h2>
<p>What every call may be answered:</p>
${showStatuses(html, 'What every call may be answered', shared.failures)}<h3>Fields of a problem</h3>
${html.fieldsGot(rendered.problem?.body ?? [])}<h3>Codes</h3>
<table class="codes" aria-label="Codes">
<thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">Meaning</th></tr></thead>
<tbody>\n${rows.join('\n')}\n</tbody>
</table>
</section>`;
}

function showParameters(html: Html, parameters: Parameter[], piece: Rendered | undefined): string {
  const names = parameters.map(
    ({ name, in: place, required = false }) => `${code(name)} ${need(required)} <span class="need">${place}</span>`,
  );
  return showNamed(html, names, piece);
}

function showNamed(html: Html, names: string[], piece: Rendered | undefined): string {
  if (names.length === 0) return '';
  const items = names.map(
    (name, index) => `<li><p>${name}</p>\n${html.fieldsSent(piece?.parameters[index] ?? [])}</li>`,
  );
  return `<ul class="fields" role="list">\n${items.join('\n')}\n</ul>\n`;
}

const callsOf = (document: ApiDocument, tag: string) =>
  listCalls(document).filter(({ operation }) => operation.tags.includes(tag));

const webhooksOf = (document: ApiDocument, tag: string) =>
  Object.entries(document.webhooks)
    .map(([event, { post }]) => [event, post] as const)
    .filter(([, operation]) => operation.tags.includes(tag));

const anchorOf = (tag: string) => tag.toLowerCase().replaceAll(/\W+/g, '-');
