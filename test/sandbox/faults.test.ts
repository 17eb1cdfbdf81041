import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { FaultTarget, Sandbox } from '../../src/sandbox/sandbox.ts';
import { callDinero, connect, postForm, refresh, startTestSandbox, type Tokens } from './support.ts';

let sandbox: Sandbox;
let tokens: Tokens;
beforeAll(async () => {
  sandbox = await startTestSandbox({ refreshTokenUse: 'one-time' });
});
beforeEach(async () => {
  sandbox.reset();
  tokens = await connect(sandbox);
});
afterAll(() => sandbox.close());

const refreshNow = () => refresh(sandbox, tokens.refresh_token);
const listNow = () => callDinero(sandbox, '/v1/organizations', tokens.access_token);

test('a fault strikes as many times as it was set for, then the truth is back', async () => {
  sandbox.faults.set('organizations', { kind: 'status', status: 500, body: '{"code":1}' }, 2);
  expect((await listNow()).status).toBe(500);
  expect(await (await listNow()).json()).toEqual({ code: 1 });
  expect((await listNow()).status).toBe(200);
});

test('a fault without a number strikes until it is cleared', async () => {
  sandbox.faults.set('organizations', { kind: 'empty' });
  for (let calls = 0; calls < 3; calls += 1) expect((await listNow()).status).toBe(204);
  sandbox.faults.clear();
  expect((await listNow()).status).toBe(200);
});

test('every target has its own fault', async () => {
  const calls: Record<FaultTarget, () => Promise<Response>> = {
    discovery: () => fetch(`${sandbox.origin}/.well-known/openid-configuration`),
    jwks: () => fetch(`${sandbox.origin}/.well-known/openid-configuration/jwks`),
    token: refreshNow,
    revocation: () => postForm(sandbox, '/connect/revocation', { token: 'x' }),
    organizations: listNow,
    accountingyears: () => callDinero(sandbox, '/v1/118244/accountingyears', tokens.access_token),
  };
  for (const [target, call] of Object.entries(calls)) {
    sandbox.faults.set(target as FaultTarget, { kind: 'status', status: 503 }, 1);
    expect([target, (await call()).status]).toEqual([target, 503]);
    expect([target, (await call()).status]).not.toEqual([target, 503]);
  }
});

describe('instead of the true answer', () => {
  test('status sends any status, headers, type and body', async () => {
    const headers = { 'Retry-After': 'Wed, 21 Oct 2026 07:28:00 GMT' };
    sandbox.faults.set('token', { kind: 'status', status: 429, body: 'quota', contentType: 'text/plain', headers });
    const response = await refreshNow();
    expect([response.status, await response.text()]).toEqual([429, 'quota']);
    expect(response.headers.get('retry-after')).toBe(headers['Retry-After']);
    expect(response.headers.get('content-type')).toBe('text/plain');
  });

  test('html is a 200 page', async () => {
    sandbox.faults.set('token', { kind: 'html' });
    const response = await refreshNow();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/html');
  });

  test('garbage calls itself JSON and is none', async () => {
    sandbox.faults.set('token', { kind: 'garbage' });
    const response = await refreshNow();
    expect(response.headers.get('content-type')).toContain('application/json');
    await expect(response.json()).rejects.toThrow();
  });

  test('redirect points elsewhere', async () => {
    sandbox.faults.set('organizations', { kind: 'redirect', location: 'https://evil.example/' });
    const response = await fetch(`${sandbox.origin}/v1/organizations`, { redirect: 'manual' });
    expect(response.headers.get('location')).toBe('https://evil.example/');
  });

  test('hang never answers', async () => {
    sandbox.faults.set('organizations', { kind: 'hang' });
    const call = fetch(`${sandbox.origin}/v1/organizations`, { signal: AbortSignal.timeout(100) });
    await expect(call).rejects.toThrow(/timeout/);
  });

  test('huge sends as many bytes as it was told, as fast as they are read', async () => {
    sandbox.faults.set('organizations', { kind: 'huge', bytes: 10_000_000 });
    const response = await listNow();
    expect((await response.arrayBuffer()).byteLength).toBe(10_000_000);
  });

  test('huge stops when nobody reads on', async () => {
    sandbox.faults.set('organizations', { kind: 'huge', bytes: 1e12 });
    const controller = new AbortController();
    const response = await fetch(`${sandbox.origin}/v1/organizations`, { signal: controller.signal });
    await response.body?.getReader().read();
    controller.abort();
    sandbox.faults.clear();
    expect((await listNow()).status).toBe(200);
  });

  test('none of them spends a one-time token', async () => {
    sandbox.faults.set('token', { kind: 'status', status: 500 }, 1);
    await refreshNow();
    sandbox.faults.set('token', { kind: 'reset' }, 1);
    await expect(refreshNow()).rejects.toThrow();
    expect((await refreshNow()).status).toBe(200);
  });
});

describe('after the true answer was made, so that a one-time token is spent,', () => {
  async function expectSpent(): Promise<void> {
    expect((await refreshNow()).status).toBe(400);
    expect(sandbox.replaysOfSpentTokens()).toBe(1);
  }

  test('slow sends it late', async () => {
    sandbox.faults.set('token', { kind: 'slow', ms: 150 }, 1);
    const start = performance.now();
    const response = await refreshNow();
    expect(await response.json()).toMatchObject({ token_type: 'Bearer' });
    expect(performance.now() - start).toBeGreaterThan(140);
    await expectSpent();
  });

  test('cut sends half of it', async () => {
    sandbox.faults.set('token', { kind: 'cut' }, 1);
    const response = await refreshNow();
    expect(response.status).toBe(200);
    await expect(response.json()).rejects.toThrow();
    await expectSpent();
  });

  test('answerThenReset sends none of it', async () => {
    sandbox.faults.set('token', { kind: 'answerThenReset' }, 1);
    await expect(refreshNow()).rejects.toThrow('fetch failed');
    await expectSpent();
  });

  test('drip sends it a byte a second', async () => {
    sandbox.faults.set('token', { kind: 'drip' }, 1);
    const response = await refreshNow();
    const first = await response.body?.getReader().read();
    expect(Buffer.from(first?.value ?? []).toString()).toBe('{');
    await expectSpent();
  });

  test('transform changes it', async () => {
    sandbox.faults.set('token', { kind: 'transform', transform: (body) => ({ ...body, expires_in: 'soon' }) }, 1);
    const answer = (await (await refreshNow()).json()) as Tokens;
    expect(answer.expires_in).toBe('soon');
    expect((await refresh(sandbox, answer.refresh_token)).status).toBe(200);
  });
});

test('closing ends hanging connections at once', async () => {
  const other = await startTestSandbox();
  other.faults.set('discovery', { kind: 'hang' });
  const call = expect(fetch(`${other.origin}/.well-known/openid-configuration`)).rejects.toThrow('fetch failed');
  await new Promise((resolve) => setTimeout(resolve, 50));
  await other.close();
  await call;
});
