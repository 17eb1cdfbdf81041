// docs/openapi.yaml as a judge: whatever the API answers has to be in there, in exactly that shape.

import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Response } from 'supertest';
import { parse } from 'yaml';

export type Operation = { operationId: string; responses: Record<string, unknown>; requestBody?: unknown };
type PathItem = Record<string, Operation>;
export type ApiDocument = {
  paths: Record<string, PathItem>;
  webhooks?: Record<string, { post: Operation }>;
  components: { schemas: Record<string, unknown> };
};

export const methods = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'];
const documentUri = 'https://openapi.test/document';

export const apiDocument = parse(readFileSync('docs/openapi.yaml', 'utf8')) as ApiDocument;

const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema(apiDocument, documentUri);
const compiled = new Map<string, ValidateFunction>();
const seen = new Set<string>();

/** Every operation and status that an answer was checked against, as `POST /path 200`. */
export const answered: ReadonlySet<string> = seen;

/** `path` below the server's URL, without its query. Throws an Error that says what the document does not know. */
export function checkAnswer(method: string, path: string, response: Response): void {
  const template = findTemplate(path);
  const documented = method === 'head' ? 'get' : method;
  const operation = template && apiDocument.paths[template]?.[documented];
  if (template && operation) checkDocumented(template, documented, operation, response);
  else checkUndocumented(response);
}

function checkDocumented(template: string, method: string, operation: Operation, response: Response): void {
  const name = `${method.toUpperCase()} ${template} ${response.status}`;
  const answer = operation.responses[String(response.status)] ?? operation.responses.default;
  if (answer === undefined) throw new Error(`${name} is not in docs/openapi.yaml: ${response.text}`);
  seen.add(name);
  const { pointer, content } = resolve([
    'paths',
    template,
    method,
    'responses',
    answer === operation.responses.default ? 'default' : String(response.status),
  ]);
  checkBody(name, response, pointer, content);
}

/** An address or a method that is not in the document may only be refused. */
function checkUndocumented(response: Response): void {
  if (![400, 401, 403, 404, 405, 429].includes(response.status)) {
    throw new Error(`an address that is not in docs/openapi.yaml was answered ${response.status}`);
  }
  if (response.text) checkSchema('a refusal', '#/components/schemas/Problem', JSON.parse(response.text));
}

function checkBody(name: string, response: Response, pointer: string[], content: Record<string, unknown>): void {
  const [type] = (response.headers['content-type'] ?? '').split(';');
  const [expected] = Object.keys(content);
  if (expected === undefined) {
    if (response.text) throw new Error(`${name} has a body that is not in docs/openapi.yaml`);
    return;
  }
  if (expected === '*/*') return;
  if (type !== expected) throw new Error(`${name} is ${type}, and in docs/openapi.yaml ${expected}`);
  // HEAD has the headers alone.
  if (response.text)
    checkSchema(name, toFragment([...pointer, 'content', expected, 'schema']), JSON.parse(response.text));
}

export function checkSchema(name: string, fragment: string, value: unknown): void {
  const validate = compiled.get(fragment) ?? ajv.compile({ $ref: `${documentUri}${fragment}` });
  compiled.set(fragment, validate);
  if (!validate(value)) throw new Error(`${name}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`);
}

function resolve(pointer: string[]): { pointer: string[]; content: Record<string, unknown> } {
  const answer = at(pointer) as { $ref?: string; content?: Record<string, unknown> };
  if (!answer.$ref) return { pointer, content: answer.content ?? {} };
  return resolve(answer.$ref.slice('#/'.length).split('/'));
}

function at(pointer: string[]): unknown {
  return pointer.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], apiDocument);
}

function toFragment(pointer: string[]): string {
  return `#/${pointer.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
}

function findTemplate(path: string): string | undefined {
  return Object.keys(apiDocument.paths).find((template) =>
    new RegExp(`^${template.replace('/{path}', '/.*').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(path),
  );
}
