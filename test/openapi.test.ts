import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { EventDraft } from '../src/core/types.ts';
import { writeWebhook } from '../src/core/webhook-messages.ts';
import { apiDocument, checkSchema } from './support/openapi.ts';

type Documented = { content: { 'application/json': { schema: { $ref: string } } } };

const connection = {
  userId: 'u1',
  status: 'connected' as const,
  organization: { id: '118244', name: 'RN', vatNumber: null },
  generation: 3,
  refreshExpiresAt: new Date('2027-05-19T00:00:00Z'),
};
const drafts: [EventDraft, Partial<Parameters<typeof writeWebhook>[0]>][] = [
  [{ type: 'organization_chosen' }, {}],
  [{ type: 'organization_changed' }, {}],
  [{ type: 'recovered' }, { refreshExpiresAt: null }],
  [{ type: 'needs_reconnect', reason: 'answer_lost' }, { status: 'needs_reconnect' }],
  [{ type: 'expiring', daysLeft: 7 }, {}],
  [{ type: 'disconnected' }, { status: 'disconnected', organization: null, refreshExpiresAt: null }],
];

describe('a webhook', () => {
  test.each(drafts)('of %j is as the document says', (draft, change) => {
    const message = writeWebhook({ ...connection, ...change }, draft, new Date());
    if (message === null) throw new Error('no message');
    const body = apiDocument.webhooks?.[message.type]?.post.requestBody as Documented;
    checkSchema(message.type, body.content['application/json'].schema.$ref, JSON.parse(message.content));
  });

  test('of the document is one of these', () => {
    const types = drafts.map(([draft, change]) => writeWebhook({ ...connection, ...change }, draft, new Date())?.type);
    expect(Object.keys(apiDocument.webhooks ?? {}).sort()).toEqual(types.sort());
  });

  test('with a field more or less is not as the document says', () => {
    const body = JSON.parse(writeWebhook(connection, { type: 'organization_chosen' }, new Date())?.content ?? '');
    const reference = '#/components/schemas/ConnectedMessage';
    expect(() => checkSchema('it', reference, body)).not.toThrow();
    expect(() => checkSchema('it', reference, { ...body, data: { ...body.data, token: 'x' } })).toThrow('unevaluated');
    expect(() => checkSchema('it', reference, { ...body, data: { ...body.data, userId: undefined } })).toThrow();
  });
});

test('every event of a timeline is in the document', () => {
  const { properties } = apiDocument.components.schemas.Event as { properties: { type: { enum: string[] } } };
  const locale = JSON.parse(readFileSync('src/locales/en.json', 'utf8')) as { events: Record<string, string> };
  const types = Object.keys(locale.events).map((name) => name.replace(/_(one|other)$/, ''));
  expect([...properties.type.enum].sort()).toEqual([...new Set(types)].sort());
});

test('every code of the document has its line in docs/api.md', () => {
  const { enum: codes } = apiDocument.components.schemas.ProblemCode as { enum: string[] };
  const text = readFileSync('docs/api.md', 'utf8');
  expect(
    codes.filter(
      (code) =>
        code !== 'internal' &&
        code !== 'dinero_unauthorized' &&
        code !== 'dinero_rejected' &&
        !text.includes(`\`${code}\``),
    ),
  ).toEqual([]);
});
