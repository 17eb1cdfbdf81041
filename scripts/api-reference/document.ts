// What the page needs to know of an OpenAPI document, with every reference followed. Not more of OpenAPI than ours uses.

import { parse } from 'yaml';

export type Schema = {
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  allOf?: Schema[];
  oneOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  examples?: unknown[];
  additionalProperties?: boolean;
  unevaluatedProperties?: boolean;
};
export type Content = Record<string, { schema?: Schema }>;
export type Parameter = { name: string; in: string; required?: boolean; description?: string; schema: Schema };
export type Body = { required?: boolean; content: Content };
type Header = { description?: string; schema: Schema };
export type Answer = { description: string; headers?: Record<string, Header>; content?: Content };
export type Operation = {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: Body;
  responses: Record<string, Answer>;
};
type PathItem = { parameters?: Parameter[] } & Record<string, Operation>;

export type ApiDocument = {
  info: { title: string; version: string; summary: string; description: string };
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, PathItem>;
  webhooks: Record<string, { post: Operation }>;
  components: {
    securitySchemes: Record<string, { description: string }>;
    schemas: Record<string, Schema>;
  };
};

/** An operation with where it is. `pathParameters` are those of its path, in every method alike. */
export type Call = { method: string; path: string; operation: Operation; pathParameters: Parameter[] };

const methods = ['get', 'post', 'put', 'patch', 'delete'];

/** Throws when a reference leads nowhere, or in a circle (RangeError). */
export function parseDocument(yaml: string): ApiDocument {
  const root: unknown = parse(yaml);
  return follow(root, root) as ApiDocument;
}

function follow(value: unknown, root: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => follow(item, root));
  if (typeof value !== 'object' || value === null) return value;
  const { $ref, ...rest } = value as Record<string, unknown>;
  const own = Object.fromEntries(Object.entries(rest).map(([name, item]) => [name, follow(item, root)]));
  return typeof $ref === 'string' ? { ...(follow(find($ref, root), root) as object), ...own } : own;
}

function find(reference: string, root: unknown): unknown {
  const keys = reference.slice('#/'.length).split('/');
  const found = keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], root);
  if (found === undefined) throw new Error(`${reference} leads nowhere`);
  return found;
}

/** In the order of the document, and within a path in the order of reading before changing. */
export function listCalls(document: ApiDocument): Call[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      return operation ? [{ method, path, operation, pathParameters: item.parameters ?? [] }] : [];
    }),
  );
}
