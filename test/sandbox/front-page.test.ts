import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { connect, postForm, refresh, startTestSandbox } from './support.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const frontPage = async () => (await fetch(sandbox.origin)).text();

test('the front page tells what this is, who is in it and how it is set', async () => {
  const text = await frontPage();
  expect(text).toContain('Sandbox: no real data');
  expect(text).toContain('Rikke Nørgaard');
  expect(text).toContain('<option value="re-use" selected>');
  expect(text).toContain('href="/debugger"');
});

test('a person can change the settings, and nonsense changes none', async () => {
  const form = { refreshTokenUse: 'one-time', pkceRequired: 'yes', refreshTokenGraceSeconds: '30' };
  await postForm(sandbox, '/switches/settings', { ...form, accessTokenLifetimeSeconds: '-5' });
  expect(sandbox.settings).toEqual({
    refreshTokenUse: 'one-time',
    pkceRequired: true,
    refreshTokenGraceSeconds: 30,
    refreshTokenLifetimeSeconds: 180 * 24 * 3600,
    accessTokenLifetimeSeconds: 3600,
  });
});

test('a person can set a fault, sees it waiting, and clears it', async () => {
  await postForm(sandbox, '/switches/faults', { act: 'set', target: 'token', fault: '500' });
  expect(await frontPage()).toContain('<li>token: status</li>');
  expect((await refresh(sandbox, 'x')).status).toBe(500);
  await postForm(sandbox, '/switches/faults', { act: 'clear' });
  expect((await refresh(sandbox, 'x')).status).toBe(400);
});

test('a person can revoke what somebody authorized', async () => {
  const { refresh_token } = await connect(sandbox, 'mads');
  await postForm(sandbox, '/switches/authorizations', { person: 'mads' });
  expect((await refresh(sandbox, refresh_token)).status).toBe(400);
});

test('another site can switch nothing', async () => {
  const headers = { 'sec-fetch-site': 'cross-site' };
  const form = { act: 'set', target: 'token', fault: '500' };
  expect((await postForm(sandbox, '/switches/faults', form, headers)).status).toBe(403);
  expect((await refresh(sandbox, 'x')).status).toBe(400);
});
