// What is posted from the portal's form, and what is wrong with it by the rules of the Developer Portal (facts, 3).

import type { Application } from './applications.ts';
import { DINERO_SCOPES } from './scopes.ts';

export type ApplicationForm = {
  clientId: string;
  name: string;
  /** One a line. */
  redirectUris: string;
  read: boolean;
  write: boolean;
  internal: boolean;
  grant: 'code' | 'code-pkce';
  offline: 'none' | 're-use' | 'one-time';
  lifetimeDays: string;
  graceSeconds: string;
  openid: boolean;
};

export type FieldName = 'clientId' | 'name' | 'redirectUris' | 'scopes' | 'lifetimeDays' | 'graceSeconds';
export type ProblemCode =
  | 'clientIdForm'
  | 'clientIdGeneric'
  | 'clientIdTaken'
  | 'nameMissing'
  | 'redirectMissing'
  | 'redirectMany'
  | 'redirectTwice'
  | 'redirectLong'
  | 'redirectAddress'
  | 'redirectHttp'
  | 'redirectFragment'
  | 'redirectWildcard'
  | 'redirectCredentials'
  | 'scopesMissing'
  | 'scopesInternal'
  | 'lifetime'
  | 'grace';
/** `value` is the part of the field that is meant. */
export type Problem = { field: FieldName; code: ProblemCode; value: string };

const DAY_SECONDS = 24 * 3600;
const MOST_LIFETIME_DAYS = 365;
const MOST_REDIRECT_URIS = 10;
const LONGEST = { clientId: 100, name: 80, redirectUri: 400 };
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
/** Words that say nothing of a company: a client id of them alone is rejected, as `isv_test-application` is. */
const GENERIC_WORDS = new Set(
  'test testing demo example sample sandbox dev development app application client product company name ourname yourcompany yourname mycompany my your our integration api isv visma dinero connect new virksomhed firma dinvirksomhed ditfirma produkt ditprodukt'.split(
    ' ',
  ),
);

export const EMPTY_FORM: ApplicationForm = {
  clientId: 'isv_',
  name: '',
  redirectUris: '',
  read: true,
  write: true,
  internal: false,
  grant: 'code',
  offline: 're-use',
  lifetimeDays: '180',
  graceSeconds: '0',
  openid: false,
};

/** Whatever is no text of the form counts as left out. */
export function readForm(body: unknown): ApplicationForm {
  const given = new Map(Object.entries(typeof body === 'object' && body !== null ? body : {}));
  const text = (name: string) => {
    const value = given.get(name);
    return typeof value === 'string' ? value.trim() : '';
  };
  const offline = text('offline');
  return {
    clientId: text('clientId'),
    name: text('name'),
    redirectUris: text('redirectUris').replace(/\r\n?/g, '\n'),
    read: text('read') === 'yes',
    write: text('write') === 'yes',
    internal: text('internal') === 'yes',
    grant: text('grant') === 'code-pkce' ? 'code-pkce' : 'code',
    offline: offline === 're-use' || offline === 'one-time' ? offline : 'none',
    lifetimeDays: text('lifetimeDays'),
    graceSeconds: text('graceSeconds'),
    openid: text('openid') === 'yes',
  };
}

export function fillForm(application: Application): ApplicationForm {
  const { clientId, name, scopes, refreshTokens, openid } = application;
  return {
    clientId,
    name,
    redirectUris: application.redirectUris.join('\n'),
    read: scopes.includes('dineropublicapi:read'),
    write: scopes.includes('dineropublicapi:write'),
    internal: false,
    grant: application.pkceRequired ? 'code-pkce' : 'code',
    offline: refreshTokens?.use ?? 'none',
    lifetimeDays: String(refreshTokens ? refreshTokens.lifetimeSeconds / DAY_SECONDS : EMPTY_FORM.lifetimeDays),
    graceSeconds: String(refreshTokens?.graceSeconds ?? EMPTY_FORM.graceSeconds),
    openid,
  };
}

export function judgeForm(form: ApplicationForm, isTaken: (clientId: string) => boolean): Problem[] {
  return [
    ...judgeClientId(form.clientId, isTaken),
    ...(form.name === '' || form.name.length > LONGEST.name ? [problem('name', 'nameMissing')] : []),
    ...judgeRedirectUris(linesOf(form)),
    ...judgeScopes(form),
    ...judgeRefreshTokens(form),
  ];
}

/** Of a form that nothing is wrong with. */
export function describeApplication(form: ApplicationForm): Omit<Application, 'secrets'> {
  const asked = [form.write ? 'dineropublicapi:write' : '', form.read ? 'dineropublicapi:read' : ''];
  return {
    clientId: form.clientId,
    name: form.name,
    redirectUris: linesOf(form),
    scopes: DINERO_SCOPES.filter((scope) => asked.includes(scope)),
    pkceRequired: form.grant === 'code-pkce',
    openid: form.openid,
    refreshTokens:
      form.offline === 'none'
        ? null
        : {
            use: form.offline,
            lifetimeSeconds: Number(form.lifetimeDays) * DAY_SECONDS,
            graceSeconds: form.offline === 'one-time' ? Number(form.graceSeconds) : 0,
          },
  };
}

function problem(field: FieldName, code: ProblemCode, value = ''): Problem {
  return { field, code, value };
}

function linesOf({ redirectUris }: ApplicationForm): string[] {
  return redirectUris
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}

function judgeClientId(clientId: string, isTaken: (clientId: string) => boolean): Problem[] {
  const wellFormed = /^isv_[A-Za-z0-9][A-Za-z0-9_-]*$/.test(clientId) && clientId.length <= LONGEST.clientId;
  if (!wellFormed) return [problem('clientId', 'clientIdForm')];
  const words = clientId.slice('isv_'.length).toLowerCase().split(/[_-]+/).filter(Boolean);
  if (words.every((word) => GENERIC_WORDS.has(word) || /^\d+$/.test(word))) {
    return [problem('clientId', 'clientIdGeneric', clientId)];
  }
  return isTaken(clientId) ? [problem('clientId', 'clientIdTaken', clientId)] : [];
}

function judgeRedirectUris(uris: string[]): Problem[] {
  const of = (code: ProblemCode, uri = '') => problem('redirectUris', code, uri);
  if (uris.length === 0) return [of('redirectMissing')];
  if (uris.length > MOST_REDIRECT_URIS) return [of('redirectMany')];
  const twice = uris.find((uri, at) => uris.indexOf(uri) !== at);
  const wrong = uris.flatMap((uri) => {
    const code = judgeRedirectUri(uri);
    return code ? [of(code, uri.slice(0, LONGEST.redirectUri))] : [];
  });
  return twice === undefined ? wrong : [...wrong, of('redirectTwice', twice)];
}

function judgeRedirectUri(uri: string): ProblemCode | null {
  if (uri.length > LONGEST.redirectUri) return 'redirectLong';
  if (uri.includes('*')) return 'redirectWildcard';
  const url = /^https?:\/\/[\x21-\x7e]+$/.test(uri) && !/["<>\\^`{|}]/.test(uri) ? URL.parse(uri) : null;
  if (!url) return 'redirectAddress';
  if (uri.includes('#')) return 'redirectFragment';
  if (url.username || url.password) return 'redirectCredentials';
  return url.protocol === 'http:' && !LOOPBACK.test(url.hostname) ? 'redirectHttp' : null;
}

function judgeScopes({ read, write, internal }: ApplicationForm): Problem[] {
  if (internal) return [problem('scopes', 'scopesInternal')];
  return read || write ? [] : [problem('scopes', 'scopesMissing')];
}

function judgeRefreshTokens({ offline, lifetimeDays, graceSeconds }: ApplicationForm): Problem[] {
  if (offline === 'none') return [];
  const problems: Problem[] = [];
  if (!isNumberWithin(lifetimeDays, 1, MOST_LIFETIME_DAYS)) problems.push(problem('lifetimeDays', 'lifetime'));
  const withGrace = offline === 'one-time' && graceSeconds !== '0';
  if (withGrace && !isNumberWithin(graceSeconds, 5, 60)) problems.push(problem('graceSeconds', 'grace'));
  return problems;
}

function isNumberWithin(text: string, least: number, most: number): boolean {
  return /^\d{1,4}$/.test(text) && Number(text) >= least && Number(text) <= most;
}
