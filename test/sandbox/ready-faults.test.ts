import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { READY_FAULTS } from '../../src/sandbox/ready-faults.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { callDinero, connect, postForm, refresh, SCOPE, startTestSandbox, type Tokens } from './support.ts';

let sandbox: Sandbox;
let tokens: Tokens;
beforeAll(async () => {
  sandbox = await startTestSandbox({ refreshTokenUse: 'one-time' });
});
beforeEach(async () => {
  sandbox.reset();
  tokens = await connect(sandbox, 'rikke', { scope: `openid ${SCOPE}` });
});
afterAll(() => sandbox.close());

const setOnce = (fault: string) => postForm(sandbox, '/switches/faults', { act: 'set', fault, times: '1' });
const refreshNow = () => refresh(sandbox, tokens.refresh_token);
const idsAt = (target: string) => READY_FAULTS.filter((one) => one.target === target).map(({ id }) => id);

async function answerWith(fault: string): Promise<Response> {
  await setOnce(fault);
  return refreshNow();
}

describe('429', () => {
  test.each([
    ['429', '30'],
    ['429-zero', '0'],
    ['429-negative', '-30'],
    ['429-words', 'in a while'],
    ['429-absent', null],
    ['429-absurd', '999999999999'],
  ])('%s is plain text, with a Retry-After of %s', async (name, retryAfter) => {
    const response = await answerWith(`token:${name}`);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, retryAfter]);
    expect(response.headers.get('content-type')).toBe('text/plain');
  });

  test.each([
    ['429-date', 30],
    ['429-past', -3600],
  ])('%s has a date that is reckoned when the fault strikes: %s seconds from then', async (name, seconds) => {
    await setOnce(`token:${name}`);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const struckAt = Date.now();
    const text = (await refreshNow()).headers.get('retry-after') ?? '';
    expect(new Date(text).toUTCString()).toBe(text);
    // A date has whole seconds.
    const difference = Date.parse(text) - struckAt - seconds * 1000;
    expect(difference).toBeGreaterThan(-1000);
    expect(difference).toBeLessThan(1000);
  });

  test('comes with a JSON error too', async () => {
    const response = await answerWith('token:429-json');
    expect(response.status).toBe(429);
    expect(await response.json()).toEqual({ error: 'temporarily_unavailable' });
  });

  test('of Dinero speaks of the quota, as the true one does', async () => {
    await setOnce('organizations:429');
    const response = await callDinero(sandbox, '/v1/organizations', tokens.access_token);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '30']);
    expect(await response.text()).toMatch(/^API calls quota exceeded!/);
  });
});

describe('an odd field', () => {
  const oddFields: [string, keyof Tokens, unknown][] = [
    ['expires_in-text', 'expires_in', 'soon'],
    ['expires_in-negative', 'expires_in', -3600],
    ['expires_in-absurd', 'expires_in', 1e300],
    ['expires_in-missing', 'expires_in', undefined],
    ['token_type-missing', 'token_type', undefined],
    ['token_type-unknown', 'token_type', 'mac'],
    ['scope-list', 'scope', SCOPE.split(' ')],
    ['scope-number', 'scope', 7],
    ['id_token-malformed', 'id_token', 'not.a-jwt'],
    ['access_token-missing', 'access_token', undefined],
    ['access_token-number', 'access_token', 42],
  ];

  test.each(oddFields)(
    '%s stands in an otherwise true answer, whose refresh token works',
    async (name, field, value) => {
      const response = await answerWith(`token:${name}`);
      const answer = (await response.json()) as Tokens;
      expect(response.status).toBe(200);
      expect(answer[field]).toEqual(value);
      expect(field in answer).toBe(value !== undefined);
      expect({ ...answer, [field]: null }).toEqual({
        access_token: expect.stringMatching(/^eyJ/),
        expires_in: 3600,
        token_type: 'Bearer',
        refresh_token: expect.not.stringMatching(tokens.refresh_token),
        id_token: expect.stringMatching(/^eyJ/),
        scope: expect.stringContaining('offline_access'),
        [field]: null,
      });
      expect((await refresh(sandbox, answer.refresh_token)).status).toBe(200);
    },
  );

  test('can be the refresh token: none comes, and the one-time token is spent all the same', async () => {
    const answer = await (await answerWith('token:refresh_token-missing')).json();
    expect(answer).toHaveProperty('access_token');
    expect(answer).not.toHaveProperty('refresh_token');
    expect((await refreshNow()).status).toBe(400);
  });

  test('leaves a refusal as it is', async () => {
    await setOnce('token:scope-number');
    const response = await refresh(sandbox, 'unknown');
    expect([response.status, await response.json()]).toEqual([400, { error: 'invalid_grant' }]);
  });

  test('can be in the discovery document and in the list of keys', async () => {
    const discovery = `${sandbox.origin}/.well-known/openid-configuration`;
    await setOnce('discovery:issuer');
    await setOnce('jwks:none');
    expect(await (await fetch(discovery)).json()).toMatchObject({ issuer: 'https://elsewhere.example' });
    expect(await (await fetch(`${discovery}/jwks`)).json()).toEqual({ keys: [] });
  });
});

describe('each target', () => {
  test.each([
    ['organizations', '/v1/organizations'],
    ['accountingyears', '/v1/118244/accountingyears'],
  ])('of Dinero (%s) can refuse the token and miss Pro, in Dinero’s own words', async (target, path) => {
    for (const [name, status, code] of [['401', 401, 41] as const, ['403', 403, 90] as const]) {
      await setOnce(`${target}:${name}`);
      const response = await callDinero(sandbox, path, tokens.access_token);
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ code, errorMessageList: [expect.any(String)] });
    }
  });

  test('of Visma Connect has no fault of Dinero, and Dinero has none of Visma Connect', () => {
    for (const target of ['token', 'discovery', 'jwks', 'revocation']) {
      expect(idsAt(target)).not.toContain(`${target}:401`);
      expect(idsAt(target)).not.toContain(`${target}:403`);
    }
    for (const target of ['organizations', 'accountingyears']) {
      expect(idsAt(target).filter((id) => /invalid_|_in-|_token-/.test(id))).toEqual([]);
    }
  });

  test.each([
    ['discovery', () => fetch(`${sandbox.origin}/.well-known/openid-configuration`)],
    ['jwks', () => fetch(`${sandbox.origin}/.well-known/openid-configuration/jwks`)],
    ['token', refreshNow],
    ['revocation', () => postForm(sandbox, '/connect/revocation', { token: 'x' })],
    ['organizations', () => callDinero(sandbox, '/v1/organizations', tokens.access_token)],
    ['accountingyears', () => callDinero(sandbox, '/v1/118244/accountingyears', tokens.access_token)],
  ])('can be down, and is back afterwards: %s', async (target, call) => {
    await setOnce(`${target}:500`);
    expect((await call()).status).toBe(500);
    expect((await call()).status).not.toBe(500);
  });
});

describe('the ready faults', () => {
  test('have ids of their own, which begin with the target', () => {
    const ids = READY_FAULTS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, target } of READY_FAULTS) expect(id).toMatch(new RegExp(`^${target}:[\\w-]+$`));
  });

  test('have labels that nobody can mix up at one target', () => {
    const labels = READY_FAULTS.map(({ target, label }) => `${target}: ${label}`);
    expect(new Set(labels).size).toBe(labels.length);
  });

  test('are all in the table of docs/sandbox.md, and nothing else is', () => {
    const rows = readFileSync('docs/sandbox.md', 'utf8')
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .filter((cells) => /^`\w+:[\w-]+`$/.test(cells[1] ?? ''));
    const inTable = rows.map(([, id, label, advice]) => ({ id, label, advised: Boolean(advice) }));
    expect(inTable).toEqual(READY_FAULTS.map(({ id, label }) => ({ id: `\`${id}\``, label, advised: true })));
  });
});
