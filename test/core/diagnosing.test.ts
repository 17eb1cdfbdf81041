import { describe, expect, test } from '@jest/globals';
import { diagnoseStatus, dineroCodes, oauthErrors, phrases } from '../../src/core/diagnoses.ts';
import { diagnose } from '../../src/core/diagnosing.ts';
import { ownWords } from '../../src/http/setup/words.ts';
import da from '../../src/locales/da.json' with { type: 'json' };
import en from '../../src/locales/en.json' with { type: 'json' };
import { describeQuota } from '../../src/sandbox/dinero-errors.ts';

const words = new Map(Object.entries(ownWords));
const codeOf = (text: string) => {
  const diagnosis = diagnose(text, words);
  return diagnosis.kind === 'known' ? diagnosis.code : diagnosis.kind;
};

describe('an error code of OAuth', () => {
  test.each([...oauthErrors])('%s is known alone, in an address, in JSON and in a sentence', (word, code) => {
    for (const text of [
      word,
      `  ${word.toUpperCase()}\n`,
      `https://app.example.com/callback?error=${word}&state=abc`,
      `https://app.example.com/callback#error=${word}`,
      `?error=${word}`,
      `error=${word}&error_description=something`,
      JSON.stringify({ error: word }),
      `OAuthError: server responded with ${word} (400)`,
    ]) {
      expect({ text, code: codeOf(text) }).toEqual({ text, code });
    }
  });

  // RFC 6749, 4.1.2.1 and 5.2; OpenID Connect Core, 3.1.2.6; RFC 7009, 2.2.1; RFC 6750, 3.1; and of extensions
  // RFC 8628, 3.5; RFC 8707, 2; RFC 9396, 5; RFC 9449, 5 and 8; RFC 7591, 3.2.2.
  test.each([
    ...['invalid_request', 'unauthorized_client', 'access_denied', 'unsupported_response_type', 'invalid_scope'],
    ...['server_error', 'temporarily_unavailable', 'invalid_client', 'invalid_grant', 'unsupported_grant_type'],
    ...['interaction_required', 'login_required', 'account_selection_required', 'consent_required'],
    ...['invalid_request_uri', 'invalid_request_object', 'request_not_supported', 'request_uri_not_supported'],
    ...['registration_not_supported', 'unsupported_token_type', 'invalid_token', 'insufficient_scope'],
    ...['authorization_pending', 'slow_down', 'expired_token', 'invalid_target', 'invalid_authorization_details'],
    ...['invalid_dpop_proof', 'use_dpop_nonce', 'unmet_authentication_requirements', 'invalid_client_metadata'],
  ])('%s is one of those that are known', (word) => {
    expect(oauthErrors.has(word)).toBe(true);
  });
});

describe('what strands a person, as Duende and the sandbox put it', () => {
  test.each([
    ['error=invalid_request&error_description=Invalid redirect_uri', 'redirect_uri'],
    ['{"error":"invalid_redirect_uri","error_description":"redirect_uri did not match"}', 'redirect_uri'],
    ["invalid_request: redirect_uri did not match any of the client's registered redirect_uris", 'redirect_uri'],
    ['error=unauthorized_client&error_description=Unknown+client+or+client+not+enabled', 'client_unknown'],
    ['invalid_client (client is invalid)', 'client_unknown'],
    ['error=invalid_request&error_description=code challenge required', 'pkce_required'],
    ['invalid_request: Authorization Server policy requires PKCE to be used for this request', 'pkce_required'],
    ['error=invalid_request&error_description=Transform algorithm not supported', 'pkce_method'],
    ['invalid_request: not supported value of code_challenge_method', 'pkce_method'],
    ['error=unauthorized_client&error_description=Invalid grant type for client', 'grant_type'],
    ['error=invalid_scope&error_description=Invalid scope', 'invalid_scope'],
    ['response parameter "iss" (issuer) missing', 'response_invalid'],
  ])('%s', (text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  test('the address that an attempt leaves by holds no error', () => {
    const address =
      'https://connect.visma.com/connect/authorize?client_id=isv_x&redirect_uri=https%3A%2F%2Fa.example%2Foauth%2Fcallback&response_type=code&code_challenge_method=S256&scope=offline_access';
    expect(codeOf(address)).toBe('unknown');
  });
});

describe('Dinero', () => {
  test.each([...dineroCodes])('code %d is known alone and in a body', (number, code) => {
    const body = {
      code: number,
      message: 'M',
      validationErrors: null,
      languageSpecificMessages: [],
      errorMessageList: [],
    };
    for (const text of [
      `${number}`,
      `code: ${number}`,
      JSON.stringify(body),
      `Dinero said:\n${JSON.stringify(body, null, 2)}\n`,
      JSON.stringify({ Code: number, Message: 'M' }),
    ]) {
      expect({ text, code: codeOf(text) }).toEqual({ text, code });
    }
  });

  test.each([40, 41, 42, 43, 48, 90, 480])('%d is one of those that are known', (number) => {
    expect(dineroCodes.has(number)).toBe(true);
  });

  test('a code in a sentence is known, and says more than the status beside it', () => {
    expect(codeOf('Dinero svarede 403 (kode 90)')).toBe('dinero_no_pro');
    expect(codeOf('Dinero: 400, code 42')).toBe('dinero_validation');
  });

  test('a code that is new is Dinero’s all the same', () => {
    expect(codeOf('{"code":77,"message":"new"}')).toBe('dinero_other');
  });

  test('what comes as plain text is known, too', () => {
    expect(codeOf(describeQuota(100))).toBe('dinero_rate_limited');
    expect(codeOf('480 Brownout')).toBe('dinero_brownout');
    expect(codeOf('This endpoint is in brownout')).toBe('dinero_brownout');
  });
});

describe('a status', () => {
  test.each([
    ['HTTP/1.1 400 Bad Request', 'http_400'],
    ['HTTP/2 401', 'dinero_unauthorized'],
    ['403 Forbidden', 'dinero_no_pro'],
    ['404', 'dinero_not_found'],
    ['405 Method Not Allowed', 'http_405'],
    ['HTTP/1.1 415 Unsupported Media Type', 'http_4xx'],
    ['Request failed with status code 429', 'dinero_rate_limited'],
    ['{"title":"x","status":503}', 'http_5xx'],
    ['HTTP/1.1 502 Bad Gateway\nserver: nginx\n\n<html></html>', 'http_5xx'],
    ['302 Found', 'http_fine'],
    ['999', 'unknown'],
  ])('%s', (text, code) => {
    expect(codeOf(text)).toBe(code);
  });
});

describe('an error id', () => {
  const sandboxId = 'a'.repeat(32);
  const duendeId = `CfDJ8${'Ab-_9'.repeat(20)}`;

  test.each([
    [`https://connect.visma.com/error?errorId=${duendeId}`, duendeId, 'connect.visma.com'],
    [`stranded on http://127.0.0.1:4000/error?errorId=${sandboxId} today`, sandboxId, '127.0.0.1:4000'],
    [`errorId=${sandboxId}`, sandboxId, null],
    [sandboxId, sandboxId, null],
    [duendeId, duendeId, null],
    [`“${sandboxId}”.`, sandboxId, null],
    [`Error id: ${sandboxId}`, sandboxId, null],
    [`Fejl-id: ${sandboxId}`, sandboxId, null],
    [`{"errorId":"${duendeId}"}`, duendeId, null],
    [`The redirect URI is not registered (error id ${sandboxId}).`, sandboxId, null],
    [`127.0.0.1:4000/error?errorId=${sandboxId}`, sandboxId, '127.0.0.1:4000'],
    [`connect.visma.com/error?errorId=${duendeId}`, duendeId, 'connect.visma.com'],
    [`/error?errorId=${duendeId}`, duendeId, null],
  ])('%s', (text, id, host) => {
    expect(diagnose(text, words)).toEqual({ kind: 'error_id', id, host });
  });
});

describe('a reference of ours', () => {
  test.each([
    'A1B2C3D4E5',
    ' a1b2c3d4e5 ',
    'Henvisning: A1B2C3D4E5',
    '"reference":"A1B2C3D4E5"',
    'x-request-id: A1B2C3D4E5',
    '(A1B2C3D4E5).',
  ])('%s', (text) => {
    expect(diagnose(text, words)).toEqual({ kind: 'reference', reference: 'A1B2C3D4E5' });
  });

  test('a line of the log says more than the reference in it', () => {
    const line = '{"level":40,"errorCode":"grant_rejected","reference":"A1B2C3D4E5","msg":"x"}';
    const known = { kind: 'known', code: 'invalid_grant', named: 'grant_rejected' };
    expect(diagnose(line, words)).toEqual(known);
    expect(diagnose(`{"level":30,"reference":"A1B2C3D4E5"}\n${line}`, words)).toEqual(known);
    const asPrinted =
      '[10:00:00.000] WARN (7): grant_rejected\n    errorCode: "grant_rejected"\n    reference: "A1B2C3D4E5"';
    expect(diagnose(asPrinted, words)).toEqual(known);
  });
});

describe('a word of this app', () => {
  test.each(Object.entries(ownWords))('%s is known alone and in a problem', (word, code) => {
    expect(codeOf(word)).toBe(code);
    expect(codeOf(JSON.stringify({ type: `urn:dinero-connect:problem:${word}`, status: 400, code: word }))).toBe(code);
  });

  test('a word of everyday speech is a code only when it stands alone', () => {
    expect(codeOf('the internal network was misconfigured')).toBe('unknown');
  });
});

describe('whatever else is pasted', () => {
  const nasty = [
    '',
    ' ',
    '\0',
    '\ud800',
    '{',
    '}{',
    '{}',
    'null',
    '[]',
    '{"code":null}',
    '{"code":""}',
    '{"code":[42]}',
    '{"code":true}',
    '{"error":{"toString":1}}',
    '{"__proto__":{"error":"x"}}',
    '__proto__',
    'constructor',
    'error=',
    'error=__proto__',
    'https://',
    'http://[',
    '?errorId=',
    '<script>alert(1)</script>',
    '%E0%A4%A',
    '😀'.repeat(2_000),
    'redirect_uri '.repeat(300),
    `{"a":${'['.repeat(3_000)}`,
  ];

  test.each(nasty)('%j is not known, and does no harm', (text) => {
    expect(diagnose(text, words)).toEqual({ kind: 'unknown' });
  });

  test('four thousand characters of any kind are judged in no time', () => {
    for (const part of [
      'a_',
      'redirect_uri',
      'error=',
      'https://',
      '{"',
      'pkce ',
      'iss ',
      '1 ',
      'reference:',
      '"',
      'a.',
      'code ',
    ]) {
      const started = performance.now();
      diagnose(part.repeat(4_000 / part.length), words);
      expect(performance.now() - started).toBeLessThan(2_000);
    }
  });
});

test('every diagnosis can be reached, and none has words that nobody reads', () => {
  const statuses = Array.from({ length: 500 }, (_, index) => diagnoseStatus(100 + index));
  const reached = new Set([
    ...oauthErrors.values(),
    ...dineroCodes.values(),
    ...phrases.map(([, code]) => code),
    ...statuses,
    ...Object.values(ownWords),
  ]);
  expect(Object.keys(da.setup.diagnoses).sort()).toEqual([...reached].sort());
  for (const code of Object.keys(da.setup.diagnoses) as (keyof typeof da.setup.diagnoses)[]) {
    expect({ code, causes: en.setup.diagnoses[code].causes.length }).toEqual({
      code,
      causes: da.setup.diagnoses[code].causes.length,
    });
  }
});
