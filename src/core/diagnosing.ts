// The debugger: whatever somebody has in hand after a failure goes in as text, and what it is comes out. Pure: nothing
// is asked, kept or sent, and of the text only what this file recognises comes back.

import { type DiagnosisCode, diagnoseStatus, dineroCodes, oauthErrors, phrases } from './diagnoses.ts';
import { parseJsonObject } from './json.ts';

/**
 * `known`: `named` is the word or number that was recognised. `error_id`: the id of a provider's error page, which that
 * provider alone can explain; `host` is where the page was, null when the id came alone. `reference`: of an error page of
 * ours, in capitals.
 */
export type Diagnosis =
  | { kind: 'known'; code: DiagnosisCode; named: string }
  | { kind: 'error_id'; id: string; host: string | null }
  | { kind: 'reference'; reference: string }
  | { kind: 'unknown' };

/** More words that are understood, and what they mean. */
export type Words = ReadonlyMap<string, DiagnosisCode>;

const longestId = 2_000;
const bareErrorId = /^(?:[0-9a-f]{32}|CfDJ8[\w-]{20,})$/i;
const namedErrorId = /\b(?:error|fejl)[ -]?id[\s"':=]{1,6}([0-9a-f]{32}\b|CfDJ8[\w-]{20,})/i;
const bareReference = /^[0-9a-f]{10}$/i;
const namedReference = /(?:henvisning|reference|request[ -]?id)[\s"':=]{1,6}([0-9a-f]{10})\b/i;
const statusLine = /^(?:HTTP\/[\d.]{1,3}\s+)?(\d{3})(?:[\s:.-]+[a-z][a-z '-]{0,60})?$/im;
const namedStatus = /\bstatus(?:\s+code)?[\s"':=]{1,5}(\d{3})\b/i;
const namedCode = /\b[ck]ode[\s"':=]{1,5}(\d{2,3})\b/i;
const namedWord = /\berrorCode[\s"':=]{1,5}([a-z_]{2,60})\b/i;
const dineroLine = /^(?:code[\s"':=]+)?(\d{2,3})$/i;

/** `own` are the words of this app. Text of any length and kind may be given. */
export function diagnose(text: string, own: Words): Diagnosis {
  const pasted = text.trim();
  return (
    readAddress(pasted, own) ??
    readLogLine(pasted, own) ??
    readJson(pasted, own) ??
    readReference(pasted) ??
    readErrorId(pasted) ??
    readNumber(pasted) ??
    readWords(pasted, own) ?? { kind: 'unknown' }
  );
}

/** An address, or the part of one that matters. */
function readAddress(text: string, own: Words): Diagnosis | null {
  const url = findUrl(text);
  const query = url ? `${url.search.slice(1)}&${url.hash.slice(1)}` : text.replace(/^(?:\/\S*?)?[?#]/, '');
  if (!url && !/^[\w.]{1,40}=/.test(query)) return null;
  const fields = new Map([...new URLSearchParams(query)].map(([name, value]) => [name.toLowerCase(), value]));
  const id = fields.get('errorid');
  if (id) return { kind: 'error_id', id: id.slice(0, longestId), host: url?.host ?? null };
  const error = fields.get('error');
  return error ? nameWord(error, `${error} ${fields.get('error_description') ?? ''}`, own) : null;
}

/** Browsers leave the scheme out of what they show. */
function findUrl(text: string): URL | null {
  const [bare] = /^[a-z\d-]+(?:\.[a-z\d-]+)*(?::\d+)?\/\S*\?\S+$/i.exec(text) ?? [];
  return URL.parse(bare ? `https://${bare}` : (/https?:\/\/\S+/i.exec(text)?.[0] ?? ''));
}

/** Lines of this app's log, as production writes them or as development does. */
function readLogLine(text: string, own: Words): Diagnosis | null {
  const word = namedWord.exec(text)?.[1];
  return word ? nameWord(word, text, own) : null;
}

/** A body of Visma Connect, Dinero or this app. */
function readJson(text: string, own: Words): Diagnosis | null {
  const body = parseJsonObject(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
  if (!body) return null;
  const fields = new Map(Object.entries(body).map(([name, value]) => [name.toLowerCase(), value]));
  for (const name of ['error', 'code']) {
    const value = fields.get(name);
    const known = typeof value === 'string' ? nameWord(value, text, own) : null;
    if (known) return known;
  }
  const code = readDigits(fields.get('code'));
  if (code) return { kind: 'known', code: dineroCodes.get(Number(code)) ?? 'dinero_other', named: code };
  return readNumber(readDigits(fields.get('status')) ?? '');
}

function readDigits(value: unknown): string | null {
  return (typeof value === 'number' || typeof value === 'string') && /^\d{1,4}$/.test(`${value}`) ? `${value}` : null;
}

function readReference(text: string): Diagnosis | null {
  const bare = withoutMarks(text);
  const reference = bareReference.test(bare) ? bare : namedReference.exec(text)?.[1];
  return reference ? { kind: 'reference', reference: reference.toUpperCase() } : null;
}

function readErrorId(text: string): Diagnosis | null {
  const bare = withoutMarks(text);
  const id = bareErrorId.test(bare) ? bare : namedErrorId.exec(text)?.[1];
  return id ? { kind: 'error_id', id: id.slice(0, longestId), host: null } : null;
}

/** What a sentence puts around something. */
function withoutMarks(text: string): string {
  return text.replace(/^["'“”„‘’([<]+|["'“”‘’)\]>.,;:]+$/g, '');
}

/** A status line, a status, or a code of Dinero's: those have two digits but one, which is both. */
function readNumber(text: string): Diagnosis | null {
  const dinero = (dineroLine.exec(text) ?? namedCode.exec(text))?.[1];
  const known = dinero ? dineroCodes.get(Number(dinero)) : undefined;
  if (dinero && known) return { kind: 'known', code: known, named: dinero };
  const status = (statusLine.exec(text) ?? namedStatus.exec(text))?.[1];
  const code = status ? diagnoseStatus(Number(status)) : null;
  return status && code ? { kind: 'known', code, named: status } : null;
}

/** A sentence, a line of somebody's log: the first code in it that is known. Words of one part are codes only alone. */
function readWords(text: string, own: Words): Diagnosis | null {
  for (const [word] of text.matchAll(/[a-z][a-z_]{2,60}/gi)) {
    const known = word.includes('_') || word === text ? nameWord(word, text, own) : null;
    if (known) return known;
  }
  const found = findPhrase(text);
  return found && { kind: 'known', code: found.code, named: found.named };
}

function nameWord(word: string, description: string, own: Words): Diagnosis | null {
  const named = word.trim().toLowerCase();
  const provided = oauthErrors.get(named);
  const code = (provided && findPhrase(description)?.code) ?? provided ?? own.get(named);
  return code ? { kind: 'known', code, named } : null;
}

function findPhrase(text: string): { code: DiagnosisCode; named: string } | null {
  for (const [phrase, code] of phrases) {
    const named = phrase.exec(text)?.[0];
    if (named) return { code, named };
  }
  return null;
}
