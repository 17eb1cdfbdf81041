// Every sentence exists in both languages, is complete, and is used.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { errorCodes } from '../src/core/errors.ts';
import type { EventDraft, Objection, PlainEventType, ReconnectReason, WarningDays } from '../src/core/types.ts';
import { createTranslators, languages } from '../src/http/locals.ts';
import { describeEvent, describeReason } from '../src/http/timeline.ts';
import da from '../src/locales/da.json' with { type: 'json' };
import en from '../src/locales/en.json' with { type: 'json' };

const danish = flatten(da);
const english = flatten(en);

/** Keys that are put together at run time, with the reason. Everything else is written out where it is used. */
const dynamicPrefixes = [
  'access.', // by part of the access: access.read
  'errors.', // by error code: errors.not_found.heading
  'actions.', // by the error page's action
  'notices.', // by the route that shows one
  'reasons.', // by the connection's reason
  'events.', // by the event's type
  'reconnect.other_person.', // by what speaks against replacing the connection's access
  'reconnect.company_missing.',
  'doctor.', // by the code of what was found, by check, by variable
  ...['marks', 'outcomes', 'absences', 'pieces', 'entries', 'steps', 'diagnoses'].map((part) => `setup.${part}.`), // by code
  'setup.examination.', // by mark
  'setup.debugger.', // by kind of answer
  'setup.button.', // by language and scheme
  ...['tiles', 'stages', 'drop_offs', 'statuses', 'failing', 'health'].map((part) => `operator.${part}.`), // by code
  'operator.webhooks.', // by state
  ...['connect', 'choose', 'reconnect', 'see'].map((step) => `link.${step}.`), // by what is left to do
  ...['connected', 'cancelled', 'failed'].map((outcome) => `leaving.${outcome}.`),
];
/** i18next picks these by `count`; the key is asked for without them. */
const pluralSuffix = /_(one|other)$/;

const requestErrorCodes = [
  ...['bad_request', 'form_expired', 'not_found', 'method_not_allowed', 'payload_too_large'],
  ...['unsupported_media_type', 'too_many_requests', 'internal'],
];

test('both languages have the same keys', () => {
  expect([...english.keys()].sort()).toEqual([...danish.keys()].sort());
});

test('both languages have the same placeholders', () => {
  for (const [key, sentence] of danish) {
    expect({ key, placeholders: placeholders(english.get(key) ?? '') }).toEqual({
      key,
      placeholders: placeholders(sentence),
    });
  }
});

test('no sentence is empty, or has spaces at its ends', () => {
  for (const [key, sentence] of [...danish, ...english]) {
    expect({ key, sentence: sentence.trim() }).toEqual({ key, sentence });
    expect({ key, length: sentence.length }).not.toEqual({ key, length: 0 });
  }
});

test('every error code has a heading and a text', () => {
  for (const code of [...errorCodes, ...requestErrorCodes]) {
    expect([code, danish.has(`errors.${code}.heading`), danish.has(`errors.${code}.text`)]).toEqual([code, true, true]);
  }
  const known = new Set<string>([...errorCodes, ...requestErrorCodes]);
  expect(Object.keys(da.errors).filter((code) => !known.has(code))).toEqual([]);
});

// One that is new in core does not compile until it is in here.
const plainEvents: Record<PlainEventType, null> = {
  authorized: null,
  reauthorized: null,
  scope_reduced: null,
  organization_chosen: null,
  organization_changed: null,
  recovered: null,
  refreshed: null,
  refresh_delayed: null,
  refresh_odd: null,
  client_rejected: null,
  disconnected: null,
};
const reconnectReasons: Record<ReconnectReason, null> = {
  grant_rejected: null,
  no_refresh_token: null,
  refresh_expired: null,
  answer_lost: null,
  grant_unreadable: null,
};
const warnings: Record<WarningDays, null> = { 1: null, 7: null, 30: null };
const objections: Record<Objection, null> = { other_person: null, company_missing: null };

const everyDraft: EventDraft[] = [
  ...Object.keys(plainEvents).map((type) => ({ type: type as PlainEventType })),
  ...Object.keys(reconnectReasons).map(
    (reason) => ({ type: 'needs_reconnect', reason: reason as ReconnectReason }) as const,
  ),
  ...Object.keys(warnings).map((days) => ({ type: 'expiring', daysLeft: Number(days) as WarningDays }) as const),
];
const brand = { name: 'Lagerly', color: null, supportEmail: null, privacyUrl: null, termsUrl: null };

describe.each(languages)('in %s', (language) => {
  const t = createTranslators(brand)[language];

  test('every event, with every reason and every warning, has words of its own', () => {
    const texts = everyDraft.map((draft) => describeEvent({ ...draft, id: '1', at: new Date() }, t).text);
    expect(new Set(texts).size).toBe(everyDraft.length);
    for (const text of texts) expect(text).not.toMatch(/events\.|reasons\.|\{\{|undefined/);
    for (const days of Object.keys(warnings)) expect(texts.some((text) => text.includes(` ${days} `))).toBe(true);
  });

  test('every reason for a reconnect has words of its own', () => {
    const texts = Object.keys(reconnectReasons).map((reason) => describeReason(reason as ReconnectReason, t));
    expect(new Set([...texts, t('reasons.unknown')]).size).toBe(texts.length + 1);
    for (const text of texts) expect(text).not.toContain('reasons.');
  });

  test('a reason that nobody knows yet has words, too', () => {
    expect(describeReason('something_new' as ReconnectReason, t)).toBe(t('reasons.unknown'));
  });
});

test('no event, reason or objection has words that nobody uses', () => {
  const known = [...Object.keys(plainEvents), 'needs_reconnect', 'expiring_one', 'expiring_other'];
  expect(Object.keys(da.events).sort()).toEqual(known.sort());
  expect(Object.keys(da.reasons).sort()).toEqual([...Object.keys(reconnectReasons), 'unknown'].sort());
  const asked = Object.entries(da.reconnect).filter(([, value]) => typeof value !== 'string');
  expect(asked.map(([key]) => key).sort()).toEqual(Object.keys(objections).sort());
});

test('every sentence that a view or a route asks for exists', async () => {
  for (const { path, text } of await readSources()) {
    const calls = [...text.matchAll(/\bt\(([^()]*)/g)].map(([, inside]) => inside as string);
    for (const [, key] of calls.join('\n').matchAll(/'([a-z_]+\.[a-z_.]+)'/g)) {
      const exists = ['', '_other', '.0'].some((end) => danish.has(`${key}${end}`));
      expect({ path, key, exists }).toEqual({ path, key, exists: true });
    }
  }
});

test('every sentence is used', async () => {
  const text = (await readSources()).map((source) => source.text).join('\n');
  const unused = [...danish.keys()].filter((key) => {
    if (dynamicPrefixes.some((prefix) => key.startsWith(prefix))) return false;
    return !text.includes(`'${key}'`) && !text.includes(`'${key.replace(pluralSuffix, '')}'`);
  });
  expect(unused).toEqual([]);
});

test('no view writes a sentence of its own', async () => {
  for (const { path, text } of (await readSources()).filter((source) => source.path.endsWith('.ejs'))) {
    const words = text
      .replace(/<%[\s\S]*?%>/g, '')
      .replace(/<[^>]*>/g, '')
      .match(/\p{L}{2,}/gu);
    expect({ path, words }).toEqual({ path, words: null });
  }
});

test('views print without escaping only what they include', async () => {
  for (const { path, text } of (await readSources()).filter((source) => source.path.endsWith('.ejs'))) {
    const raw = [...text.matchAll(/<%-\s*([^\s(]*)/g)].map(([, word]) => word).filter((word) => word !== 'include');
    expect({ path, raw }).toEqual({ path, raw: [] });
    expect({ path, inline: /\sstyle=|<style|<script|\son\w+=/.test(text) }).toEqual({ path, inline: false });
  }
});

test('Danish words are without jargon', () => {
  for (const [key, sentence] of danish) {
    // Developers read the doctor and the setup assistant, with the portal's own words beside it.
    if (/^(doctor|setup)\./.test(key)) continue;
    expect({ key, jargon: /\b(token|oauth|scope|api|redirect|callback|session|cookie)/i.exec(sentence)?.[0] }).toEqual({
      key,
      jargon: undefined,
    });
  }
});

function flatten(sentences: object, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(sentences).flatMap(([name, value]) =>
      typeof value === 'string' ? [[prefix + name, value] as const] : [...flatten(value, `${prefix}${name}.`)],
    ),
  );
}

function placeholders(sentence: string): string[] {
  return [...sentence.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name as string).sort();
}

async function readSources(): Promise<{ path: string; text: string }[]> {
  const directories = ['views', 'src/http'];
  const files = await Promise.all(
    directories.map(async (directory) =>
      (await readdir(directory, { recursive: true })).map((name) => join(directory, name)),
    ),
  );
  const paths = files.flat().filter((path) => /\.(ejs|ts)$/.test(path));
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(path, 'utf8') })));
}
