// What every page knows: language and sentences, the integrator's name, the form token, how dates are written.

import { parseCookie } from 'cookie';
import type { RequestHandler, Response } from 'express';
import i18next, { type TFunction } from 'i18next';
import type { Brand } from '../config.ts';
import type { Absence, AttemptOutcome } from '../core/attempts.ts';
import type { DiagnosisCode } from '../core/diagnoses.ts';
import type { Check, FindingCode, Mark } from '../core/findings.ts';
import type { FailingRefresh } from '../core/oversight.ts';
import type { ConnectionStatus, Language, Objection, PlainEventType, ReconnectReason } from '../core/types.ts';
import type { WebhookState } from '../core/webhook-messages.ts';
import da from '../locales/da.json' with { type: 'json' };
import en from '../locales/en.json' with { type: 'json' };
import { type Csrf, markOf } from './csrf.ts';
import type { PageCode } from './errors.ts';
import type { DropOff } from './operator/drop-offs.ts';
import type { Health, Stage } from './operator/overview-page.ts';
import type { LinkStep, Outcome } from './returning.ts';
import { cookieName } from './sessions.ts';
import type { PieceName } from './setup/authorize-pieces.ts';
import type { EntryLabel, StepKey } from './setup/steps.ts';

/** What is put together at run time: a locale file without one of these does not compile. */
type Sentences = {
  errors: Record<PageCode, { heading: string; text: string }>;
  reasons: Record<ReconnectReason | 'unknown', string>;
  // i18next chooses between the two of `expiring`.
  events: Record<PlainEventType | 'needs_reconnect' | 'expiring_one' | 'expiring_other', string>;
  link: Record<LinkStep, Record<'heading' | 'lead' | 'button', string>>;
  leaving: Record<Outcome, Record<'heading' | 'text', string>>;
  reconnect: Record<Objection, Record<'heading' | 'text' | 'replace_heading' | 'replace_text', string>>;
  doctor: Record<FindingCode, Record<'text' | 'remedy', string>> & { checks: Record<Check, string> };
  setup: {
    marks: Record<Mark, string>;
    steps: Record<StepKey, { heading: string; text: string[] }>;
    entries: Record<EntryLabel, string>;
    outcomes: Record<AttemptOutcome, string>;
    absences: Record<Absence, string>;
    pieces: Record<PieceName, string>;
    diagnoses: Record<DiagnosisCode, { happened: string; causes: string[]; change: string }>;
  };
  operator: {
    stages: Record<Stage, string>;
    drop_offs: Record<DropOff, string>;
    statuses: Record<ConnectionStatus, string>;
    failing: Record<NonNullable<FailingRefresh['cause']>, string>;
    webhooks: { states: Record<WebhookState, string> };
    health: Record<Health, string>;
  };
};

export const languages: readonly Language[] = ['da', 'en'];

const dateLocales: Record<Language, string> = { da: 'da-DK', en: 'en-GB' };
const timeZone = 'Europe/Copenhagen';
/** In code points, as a user's id is measured. */
const longestKept = 255;
const yearMilliseconds = 365 * 24 * 3600 * 1000;

/** A translator per language. */
export function createTranslators(brand: Brand): Record<Language, TFunction> {
  da satisfies Sentences;
  en satisfies Sentences;
  const i18n = i18next.createInstance();
  i18n.init({
    initAsync: false,
    lng: 'da',
    fallbackLng: false,
    resources: { da: { translation: da }, en: { translation: en } },
    // The views escape, once; here that would escape twice.
    interpolation: { escapeValue: false, defaultVariables: { brand: brand.name } },
  });
  return { da: i18n.getFixedT('da'), en: i18n.getFixedT('en') };
}

/** Sets `request.cookies`, a reference for the log, and the language: asked for, remembered, or the browser's. */
export function setLanguage(options: { https: boolean; brand: Brand; sandbox: boolean }): RequestHandler {
  const translators = createTranslators(options.brand);
  const cookie = cookieName('language', options.https);
  return (request, response, next) => {
    request.cookies = parseCookie(request.headers.cookie ?? '');
    const asked = languages.find((language) => language === request.query.lang);
    if (asked) {
      response.cookie(cookie, asked, {
        sameSite: 'lax',
        secure: options.https,
        httpOnly: true,
        maxAge: yearMilliseconds,
      });
    }
    const remembered = languages.find((language) => language === request.cookies[cookie]);
    const language = asked ?? remembered ?? (request.acceptsLanguages([...languages]) || 'da');
    Object.assign(response.locals, {
      language,
      t: translators[language as Language],
      brand: options.brand,
      sandbox: options.sandbox,
      languageHref: hrefOfOtherLanguage(language as Language, request.query),
      step: null,
      csrfToken: '',
      userMark: '',
      ...dateFormats[language as Language],
    });
    next();
  };
}

/** Gives every page that follows the token for its forms. */
export function setFormToken(csrf: Csrf): RequestHandler {
  return (request, response, next) => {
    response.locals.csrfToken = csrf.tokenFor(request, response);
    response.locals.userMark = markOf(request.session.userId);
    next();
  };
}

/** The page that is open, in the other language: what decides what it shows stays in its address. */
function hrefOfOtherLanguage(language: Language, query: Record<string, unknown>): string {
  const kept = new URLSearchParams();
  for (const name of ['q', 'continue', 'days', 'status', 'after', 'before']) {
    const value = query[name];
    if (typeof value === 'string' && [...value].length <= longestKept) kept.set(name, value);
  }
  kept.set('lang', language === 'da' ? 'en' : 'da');
  return `?${kept}`;
}

/** The language that the person reads. */
export function languageOf(response: Response): Language {
  return response.locals.language;
}

const dateFormats = Object.fromEntries(languages.map((language) => [language, createDateFormats(language)])) as Record<
  Language,
  ReturnType<typeof createDateFormats>
>;

function createDateFormats(language: Language) {
  const date = new Intl.DateTimeFormat(dateLocales[language], { dateStyle: 'long', timeZone });
  const dateTime = new Intl.DateTimeFormat(dateLocales[language], { dateStyle: 'long', timeStyle: 'short', timeZone });
  return { formatDate: (value: Date) => date.format(value), formatDateTime: (value: Date) => dateTime.format(value) };
}
