// The page of the API is generated and committed: it has to be what `npm run api-page` would write now.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { createPage, pageFile } from '../scripts/api-page.ts';
import { type ApiDocument, parseDocument } from '../scripts/api-reference/document.ts';
import { createReference } from '../scripts/api-reference/reference.ts';
import { simplifySchema } from '../scripts/api-reference/schemas.ts';

const yaml = readFileSync('docs/openapi.yaml', 'utf8');

function documentWith(change: (document: ApiDocument) => void): ApiDocument {
  const document = parseDocument(yaml);
  change(document);
  return document;
}

test('the page is current: otherwise run `npm run api-page`', async () => {
  expect(readFileSync(pageFile, 'utf8')).toBe(await createPage());
});

describe('the reference', () => {
  test('shows what a document says as text, never as HTML or as code of a view', async () => {
    const hostile = '<img src=x onerror=alert(1)> <%- process.exit() %> `<b>`';
    const document = documentWith(({ info, tags, components }) => {
      info.description = hostile;
      for (const tag of tags) tag.description = hostile;
      for (const schema of Object.values(components.schemas)) schema.description = hostile;
    });
    for (const item of Object.values(document.paths)) {
      for (const operation of [item.get, item.post, item.put]) {
        if (!operation) continue;
        operation.summary = hostile;
        operation.description = hostile;
        for (const answer of Object.values(operation.responses)) answer.description = hostile;
        for (const { schema } of Object.values(operation.requestBody?.content ?? {})) {
          for (const field of Object.values(schema?.properties ?? {})) field.description = hostile;
        }
      }
    }
    const page = await createReference(document, [{ code: 'internal', status: 500, title: hostile }]);
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(page).not.toMatch(/<img|<b>|<%/);
  });

  test('says a failure of every call once, and only those with the call that are not of all', async () => {
    const page = await createReference(parseDocument(yaml), []);
    expect(page.match(/No key, or one that is not taken/g)).toHaveLength(1);
    expect(page.match(/The body is larger than 16 KiB/g)?.length).toBeGreaterThan(1);
  });

  test('shows no example that nobody wrote', async () => {
    const page = await createReference(parseDocument(yaml), []);
    expect(page).toContain('<strong>Example:</strong>');
    expect(page).not.toMatch(/&quot;: &quot;&quot;/);
  });

  test('is not made while webhooks differ in what the page says of all of them', async () => {
    const document = documentWith(({ webhooks }) => {
      for (const { post } of Object.values(webhooks).slice(-1)) post.parameters = [];
    });
    await expect(createReference(document, [])).rejects.toThrow('has other headers or answers');
  });

  test('is not made of a document that lost the operation which hands out tokens', async () => {
    const document = documentWith(({ paths }) => {
      delete paths['/users/{userId}/connections/dinero/token'];
    });
    await expect(createReference(document, [])).rejects.toThrow('no operation handOutToken');
  });

  test('is not made of a document whose references lead nowhere', () => {
    expect(() => parseDocument(yaml.replaceAll('    Reason:', '    Cause:'))).toThrow('leads nowhere');
  });
});

describe('a schema, simplified', () => {
  const object = { type: 'object', required: ['a'], properties: { a: { type: 'string' } } };

  test('has the fields of all its parts', () => {
    const parts = {
      type: 'object',
      unevaluatedProperties: false,
      allOf: [object],
      required: ['b'],
      properties: { b: {} },
    };
    expect(simplifySchema(parts)).toEqual({
      type: 'object',
      required: ['a', 'b'],
      properties: { a: { type: 'string' }, b: {} },
    });
  });

  test('is nullable where it may be null, and keeps its own description', () => {
    const nullable = { description: 'Its own.', oneOf: [{ ...object, description: 'Theirs.' }, { type: 'null' }] };
    expect(simplifySchema(nullable)).toEqual({ ...object, type: ['object', 'null'], description: 'Its own.' });
  });

  test('has the type of its values', () => {
    expect(simplifySchema({ enum: ['a', null] }).type).toEqual(['string', 'null']);
    expect(simplifySchema({ const: 'connection.connected' }).type).toBe('string');
  });

  test('is refused when it has alternatives that the page could not show', () => {
    expect(() => simplifySchema({ oneOf: [object, { type: 'string' }] })).toThrow('alternatives');
  });
});
