// The only file that knows the renderer: what it makes of a piece of an OpenAPI document, cut at its headings.

import { createOpenApiMarkdownRenderer } from '@scalar/openapi-to-markdown';
import { marked, type Token, type Tokens } from 'marked';
import type { Answer, Body, Content, Parameter } from './document.ts';
import { simplifyContent, simplifySchema } from './schemas.ts';

/** What is shown of one operation, or of several alike. */
export type Piece = { parameters?: Parameter[]; requestBody?: Body; responses?: Record<string, Answer> };

/** Markdown as tokens: parameters in their order, a body and answers as fields, with the example that the document gives. */
export type Rendered = { parameters: Token[][]; body: Token[]; answers: Record<string, Token[]> };

type Section = { title: string; blocks: Token[]; sections: Section[] };

/** Renders each piece by its name. */
export async function renderPieces<Name extends string>(pieces: Record<Name, Piece>): Promise<Record<Name, Rendered>> {
  const entries = Object.entries<Piece>(pieces);
  const renderer = await createOpenApiMarkdownRenderer({
    openapi: '3.1.0',
    info: { title: 'Pieces', version: '1.0.0' },
    paths: Object.fromEntries(entries.map(([name, piece]) => [`/${name}`, { get: toOperation(name, piece) }])),
  });
  const rendered = entries.map(async ([operationId, piece]) => {
    const markdown = await renderer.render({ operation: { operationId } });
    return [operationId, take(divide(markdown), operationId, piece)] as const;
  });
  return Object.fromEntries(await Promise.all(rendered)) as Record<Name, Rendered>;
}

function toOperation(operationId: string, { parameters = [], requestBody, responses = {} }: Piece) {
  return {
    operationId,
    summary: operationId,
    parameters: parameters.map((parameter) => ({ ...parameter, schema: simplifySchema(parameter.schema) })),
    ...(requestBody && { requestBody: { ...requestBody, content: prepareContent(requestBody.content) } }),
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, { description, content = {} }]) => [
        status,
        { description, content: prepareContent(content) },
      ]),
    ),
  };
}

/** An example that nobody wrote is empty strings, and the time of day: an empty list of examples keeps it out. */
function prepareContent(content: Content) {
  return Object.fromEntries(
    Object.entries(simplifyContent(content)).map(([type, { schema }]) => {
      const example = schema?.examples?.[0];
      return [type, { schema, ...(example === undefined ? { examples: { none: {} } } : { example }) }];
    }),
  );
}

function take(page: Section, name: string, piece: Piece): Rendered {
  const operation = page.sections[0]?.sections.find(({ title }) => title === 'Operations')?.sections[0];
  const part = (title: string): Section => {
    const found = operation?.sections.find((section) => section.title === title);
    if (!found) throw new Error(`the renderer made no section "${title}" of ${name}`);
    return found;
  };
  const parameters = piece.parameters ?? [];
  const statuses = Object.keys(piece.responses ?? {});
  const shown = parameters.length > 0 ? part('Parameters').sections : [];
  const answers = statuses.length > 0 ? part('Responses').sections : [];
  return {
    // Its first block says where the parameter is: the page says that in its own words.
    parameters: parameters.map((_parameter, index) => shown[index]?.blocks.slice(1) ?? []),
    body: piece.requestBody ? (part('Request Body').sections[0]?.blocks ?? []) : [],
    answers: Object.fromEntries(statuses.map((status, index) => [status, answers[index]?.sections[0]?.blocks ?? []])),
  };
}

/** Markdown as a tree of its headings. */
function divide(markdown: string): Section {
  const root: Section = { title: '', blocks: [], sections: [] };
  const open: { depth: number; section: Section }[] = [{ depth: 0, section: root }];
  // Descriptions of fields are Markdown as well (OpenAPI 3.1, 4.8.24); the renderer takes them for plain text.
  for (const token of marked.lexer(markdown.replaceAll('\\`', '`'))) {
    if (token.type === 'space') continue;
    if (token.type !== 'heading') {
      open.at(-1)?.section.blocks.push(token);
      continue;
    }
    const { depth, text } = token as Tokens.Heading;
    while ((open.at(-1)?.depth ?? 0) >= depth) open.pop();
    const section: Section = { title: text, blocks: [], sections: [] };
    open.at(-1)?.section.sections.push(section);
    open.push({ depth, section });
  }
  return root;
}
