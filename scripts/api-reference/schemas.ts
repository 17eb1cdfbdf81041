// Schemas as people read them: one flat list of fields, without what serves validators alone.

import type { Content, Schema } from './document.ts';

export function simplifyContent(content: Content): Content {
  return Object.fromEntries(
    Object.entries(content).map(([type, { schema }]) => [
      type,
      schema === undefined ? {} : { schema: simplifySchema(schema) },
    ]),
  );
}

export function simplifySchema(schema: Schema): Schema {
  const { additionalProperties, unevaluatedProperties, allOf, oneOf, ...own } = schema;
  const { properties, items, ...rest } = [...(allOf ?? []).map(simplifySchema), takeAlternatives(oneOf), own].reduce(
    mergeSchemas,
    {},
  );
  return {
    ...rest,
    ...nameType(rest),
    ...(properties && { properties: mapValues(properties, simplifySchema) }),
    ...(items && { items: simplifySchema(items) }),
  };
}

function mergeSchemas(one: Schema, other: Schema): Schema {
  const required = [...(one.required ?? []), ...(other.required ?? [])];
  return {
    ...one,
    ...other,
    ...(one.properties && { properties: { ...one.properties, ...other.properties } }),
    ...(required.length > 0 && { required }),
  };
}

/** "This or null" is that very thing, nullable; nothing of ours has other alternatives. */
function takeAlternatives(alternatives: Schema[] | undefined): Schema {
  if (alternatives === undefined) return {};
  const [schema, nothing, ...more] = alternatives;
  if (schema === undefined || nothing?.type !== 'null' || more.length > 0) {
    throw new Error('alternatives other than null have no way to be shown yet');
  }
  return { ...simplifySchema(schema), type: [schema.type ?? 'object', 'null'].flat() };
}

/** The renderer takes a field without a type for an object. */
function nameType(schema: Schema): Pick<Schema, 'type'> {
  if (schema.type !== undefined) return {};
  const values = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
  const types = [...new Set(values.map((value) => (value === null ? 'null' : typeof value)))];
  return types.length > 0 ? { type: types.length === 1 ? types[0] : types } : {};
}

function mapValues<T>(values: Record<string, T>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}
