import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { FAULT_GROUPS, READY_FAULTS } from '../../src/sandbox/ready-faults.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { callDinero, connect, postForm, refresh, startTestSandbox } from './support.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const frontPage = async () => (await fetch(sandbox.origin)).text();
const setFault = (fault: string, times = '') => postForm(sandbox, '/switches/faults', { act: 'set', fault, times });
const factOf = (page: string, name: string) => page.split(`<dt>${name}</dt><dd>`)[1]?.split('</dd>')[0];
const authorizationsOf = (page: string, name: string) =>
  new RegExp(`<strong>${name}</strong>[^<]* Has given (\\d+)`).exec(page)?.[1];

test('the front page tells what this is, who is in it and how it is set', async () => {
  const text = await frontPage();
  expect(text).toContain('Sandbox: no real data');
  expect(text).toContain('Rikke Nørgaard');
  expect(text).toContain('<option value="re-use" selected>');
  expect(text).toMatch(/name="accessTokenLifetimeSeconds"[^>]* value="3600"/);
  expect(text).toContain('href="/debugger"');
});

test('the front page counts token calls and replays of spent tokens', async () => {
  sandbox.settings.refreshTokenUse = 'one-time';
  expect(factOf(await frontPage(), 'Token calls so far')).toBe('0');
  const { refresh_token } = await connect(sandbox);
  for (let calls = 0; calls < 3; calls += 1) await refresh(sandbox, refresh_token);
  const text = await frontPage();
  expect(factOf(text, 'Token calls so far')).toBe('4');
  expect(factOf(text, 'Replays of spent tokens')).toBe('2');
});

describe('a person can', () => {
  test('change the settings, and nonsense changes none', async () => {
    const form = { refreshTokenUse: 'one-time', pkceRequired: 'yes', refreshTokenGraceSeconds: '30' };
    await postForm(sandbox, '/switches/settings', { ...form, accessTokenLifetimeSeconds: '-5' });
    expect(sandbox.settings).toEqual({
      refreshTokenUse: 'one-time',
      pkceRequired: true,
      refreshTokenGraceSeconds: 30,
      refreshTokenLifetimeSeconds: 180 * 24 * 3600,
      accessTokenLifetimeSeconds: 3600,
      dineroCallsAMinute: 100,
    });
  });

  test('lower Dinero’s quota, until a reset', async () => {
    await postForm(sandbox, '/switches/settings', { dineroCallsAMinute: '1' });
    const { access_token } = await connect(sandbox);
    const list = () => callDinero(sandbox, '/v1/organizations', access_token);
    expect((await list()).status).toBe(200);
    const refused = await list();
    expect(refused.status).toBe(429);
    expect(await refused.text()).toContain('maximum admitted 1 per 1m');
    sandbox.reset();
    for (let calls = 0; calls < 2; calls += 1) expect((await list()).status).toBe(200);
  });

  test('set every ready fault at its own target', async () => {
    for (const { id, target, label } of READY_FAULTS) {
      await setFault(id);
      const shown = (await frontPage()).replaceAll('&quot;', '"');
      expect(shown).toContain(`<li>${target}: ${label} (until cleared)</li>`);
    }
  });

  test('see a fault waiting, with how often it will still strike, and clear it', async () => {
    await setFault('token:500', '3');
    expect(await frontPage()).toContain('(3 more times)');
    expect((await refresh(sandbox, 'x')).status).toBe(500);
    expect((await refresh(sandbox, 'x')).status).toBe(500);
    expect(await frontPage()).toContain('<li>token: 500 Internal Server Error (once more)</li>');
    await postForm(sandbox, '/switches/faults', { act: 'clear' });
    expect(await frontPage()).toContain('None: everything works.');
    expect((await refresh(sandbox, 'x')).status).toBe(400);
  });

  test('see a fault that a test has set', async () => {
    sandbox.faults.set('token', { kind: 'transform', transform: (body) => body });
    expect(await frontPage()).toContain('<li>token: transform (until cleared)</li>');
  });

  test('read for each group of faults what an app should do', async () => {
    const text = await frontPage();
    for (const { title, advice } of FAULT_GROUPS) {
      expect(factOf(text, title)).toBe(advice);
      expect(text).toContain(`<optgroup label="${title}">`);
    }
  });

  test('see how many authorizations somebody has given, and revoke them', async () => {
    const [{ refresh_token }, other] = [await connect(sandbox, 'mads'), await connect(sandbox, 'bodil')];
    expect(authorizationsOf(await frontPage(), 'Mads Østergaard')).toBe('1');
    await postForm(sandbox, '/switches/authorizations', { person: 'mads' });
    expect(authorizationsOf(await frontPage(), 'Mads Østergaard')).toBe('0');
    expect((await refresh(sandbox, refresh_token)).status).toBe(400);
    expect((await refresh(sandbox, other.refresh_token)).status).toBe(200);
  });
});

test('another site can switch nothing', async () => {
  const headers = { 'sec-fetch-site': 'cross-site' };
  const form = { act: 'set', fault: 'token:500' };
  expect((await postForm(sandbox, '/switches/faults', form, headers)).status).toBe(403);
  expect((await refresh(sandbox, 'x')).status).toBe(400);
});

describe('nonsense', () => {
  const FORM = 'application/x-www-form-urlencoded';
  const paths = ['settings', 'faults', 'authorizations'].map((name) => `/switches/${name}`);
  const garbage: [string, string, string][] = [
    ['nothing', FORM, ''],
    ['no pairs', FORM, '&&&===&%%%&%E0%A4%A&\u0000'],
    ['unknown values', FORM, 'act=set&fault=token:unknown&times=1&person=nobody&refreshTokenUse=maybe&pkceRequired=1'],
    ['names of prototypes', FORM, '__proto__=1&constructor=2&person=__proto__&fault=constructor&act=set'],
    ['fields sent twice', FORM, 'act=set&act=set&fault=token:500&fault=token:500&pkceRequired=yes&pkceRequired=yes'],
    ['a fault set 0 times', FORM, 'act=set&fault=token:500&times=0'],
    ['a fault set -1 times', FORM, 'act=set&fault=token:500&times=-1'],
    ['a fault set 1.5 times', FORM, 'act=set&fault=token:500&times=1.5'],
    ['a fault set 1e9 times', FORM, 'act=set&fault=token:500&times=1e9'],
    ['a fault set many times', FORM, 'act=set&fault=token:500&times=99999999999999999999'],
    ['a fault set several times', FORM, 'act=set&fault=token:500&times=1&times=2'],
    [
      'numbers out of bounds',
      FORM,
      'refreshTokenLifetimeSeconds=0&dineroCallsAMinute=-1&accessTokenLifetimeSeconds=1e99',
    ],
    ['numbers without end', FORM, 'refreshTokenGraceSeconds=9007199254740991&refreshTokenLifetimeSeconds=Infinity'],
    ['a body too large', FORM, `act=set&fault=token:500&x=${'x'.repeat(200_000)}`],
    ['too many fields', FORM, 'act=set&'.repeat(2000)],
    ['an unknown charset', `${FORM}; charset=nonsense`, 'act=set&fault=token:500'],
    ['JSON', 'application/json', '{"act":"set","fault":"token:500"}'],
    ['broken JSON', 'application/json', '{'],
    ['another kind of form', 'multipart/form-data; boundary=x', '--x'],
    ['no type', '', 'act=set&fault=token:500'],
  ];

  test.each(garbage)('changes nothing and breaks nothing: %s', async (_name, type, body) => {
    const settings = { ...sandbox.settings };
    const { refresh_token } = await connect(sandbox);
    for (const path of paths) {
      const options = { method: 'POST', headers: { 'content-type': type }, body, redirect: 'manual' } as const;
      expect((await fetch(new URL(path, sandbox.origin), options)).status).toBeLessThan(500);
    }
    expect(sandbox.settings).toEqual(settings);
    expect(await frontPage()).toContain('None: everything works.');
    expect((await refresh(sandbox, refresh_token)).status).toBe(200);
  });

  test('at an address that is no switch is not found', async () => {
    expect((await postForm(sandbox, '/switches/unknown', {})).status).toBe(404);
    expect((await fetch(`${sandbox.origin}/switches/faults`)).status).toBe(404);
  });
});
