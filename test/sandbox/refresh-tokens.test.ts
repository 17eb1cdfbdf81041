import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { answerAuthorization, createCookieJar } from '../support/person.ts';
import { authorizeUrl, callDinero, connect, refresh, startTestSandbox, type Tokens } from './support.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

async function refreshed(refreshToken: string): Promise<Tokens> {
  const response = await refresh(sandbox, refreshToken);
  expect(response.status).toBe(200);
  return (await response.json()) as Tokens;
}
async function expectRejected(refreshToken: string): Promise<void> {
  const response = await refresh(sandbox, refreshToken);
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error: 'invalid_grant' });
}
/** Only the clock of `Date`: real sockets need their timers. */
async function later(seconds: number, act: () => Promise<void>): Promise<void> {
  const now = Date.now();
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => now + seconds * 1000);
  try {
    await act();
  } finally {
    clock.mockRestore();
  }
}

describe('a re-use token', () => {
  test('is the same every time, and gives new access tokens of the same scope', async () => {
    const first = await connect(sandbox);
    const second = await refreshed(first.refresh_token);
    const third = await refreshed(first.refresh_token);
    expect(second.refresh_token).toBe(first.refresh_token);
    expect(second.access_token).not.toBe(third.access_token);
    expect(second.scope).toBe(first.scope);
    expect((await callDinero(sandbox, '/v1/organizations', second.access_token)).status).toBe(200);
  });

  test('has a fixed end, which using it does not move', async () => {
    sandbox.settings.refreshTokenLifetimeSeconds = 1000;
    const { refresh_token } = await connect(sandbox);
    await later(900, async () => {
      await refreshed(refresh_token);
    });
    await later(1100, () => expectRejected(refresh_token));
  });

  test('gives a narrower scope when asked, never a wider one', async () => {
    const { refresh_token } = await connect(sandbox, 'rikke', { scope: 'dineropublicapi:read offline_access' });
    const narrower = await refresh(sandbox, refresh_token, { scope: 'dineropublicapi:read' });
    expect(await narrower.json()).toMatchObject({ scope: 'dineropublicapi:read' });
    const wider = await refresh(sandbox, refresh_token, { scope: 'dineropublicapi:write' });
    expect(await wider.json()).toEqual({ error: 'invalid_scope' });
  });
});

describe('a one-time token', () => {
  beforeEach(() => {
    sandbox.settings.refreshTokenUse = 'one-time';
  });

  test('is new each time, and its end slides', async () => {
    sandbox.settings.refreshTokenLifetimeSeconds = 1000;
    const first = await connect(sandbox);
    let second = first;
    await later(900, async () => {
      second = await refreshed(first.refresh_token);
    });
    expect(second.refresh_token).not.toBe(first.refresh_token);
    await later(1800, async () => {
      await refreshed(second.refresh_token);
    });
    expect(sandbox.replaysOfSpentTokens()).toBe(0);
  });

  test('sent again kills the whole authorization, and is counted', async () => {
    const first = await connect(sandbox);
    const second = await refreshed(first.refresh_token);
    await expectRejected(first.refresh_token);
    expect(sandbox.replaysOfSpentTokens()).toBe(1);
    await expectRejected(second.refresh_token);
    expect(sandbox.replaysOfSpentTokens()).toBe(1);
    await expectRejected(first.refresh_token);
    expect(sandbox.replaysOfSpentTokens()).toBe(2);
  });

  test('sent twice at the same moment is a replay too', async () => {
    const first = await connect(sandbox);
    const responses = await Promise.all([1, 2, 3].map(() => refresh(sandbox, first.refresh_token)));
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
    expect(sandbox.replaysOfSpentTokens()).toBe(2);
    const answers = (await Promise.all(responses.map((response) => response.json()))) as Tokens[];
    await expectRejected(answers.find((answer) => answer.refresh_token)?.refresh_token ?? '');
  });

  test('sent again leaves other authorizations of the same person alone', async () => {
    const other = await connect(sandbox);
    const first = await connect(sandbox);
    await refreshed(first.refresh_token);
    await expectRejected(first.refresh_token);
    await refreshed(other.refresh_token);
  });

  test('may be sent again within the grace period, which does not grow by it', async () => {
    sandbox.settings.refreshTokenGraceSeconds = 60;
    const first = await connect(sandbox);
    const second = await refreshed(first.refresh_token);
    await later(40, async () => {
      const third = await refreshed(first.refresh_token);
      expect(third.refresh_token).not.toBe(second.refresh_token);
    });
    expect(sandbox.replaysOfSpentTokens()).toBe(0);
    await later(70, () => expectRejected(first.refresh_token));
    expect(sandbox.replaysOfSpentTokens()).toBe(1);
  });

  test('of a given authorization stays one when the portal setting changes afterwards', async () => {
    const first = await connect(sandbox);
    sandbox.settings.refreshTokenUse = 're-use';
    const second = await refreshed(first.refresh_token);
    expect(second.refresh_token).not.toBe(first.refresh_token);
    const anew = await connect(sandbox);
    expect((await refreshed(anew.refresh_token)).refresh_token).toBe(anew.refresh_token);
  });
});

test('revoking a person ends that person’s authorizations and nobody else’s', async () => {
  const [rikke, mads] = [await connect(sandbox, 'rikke'), await connect(sandbox, 'mads')];
  await sandbox.revokeAuthorizations('rikke');
  await expectRejected(rikke.refresh_token);
  await refreshed(mads.refresh_token);
});

describe('a restart', () => {
  const settings = { refreshTokenUse: 'one-time' } as const;
  const running: Sandbox[] = [];
  let stateFile: string;
  beforeEach(async () => {
    stateFile = join(await mkdtemp(join(tmpdir(), 'sandbox-')), 'state.json');
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.close()));
    await rm(dirname(stateFile), { recursive: true });
  });
  async function start(port = 0): Promise<Sandbox> {
    const started = await startTestSandbox(settings, { stateFile, port });
    running.push(started);
    return started;
  }
  async function restart(before: Sandbox): Promise<Sandbox> {
    await running.pop()?.close();
    return start(Number(new URL(before.origin).port));
  }

  test('leaves tokens alive, and spent ones spent', async () => {
    const before = await start();
    const [first, second] = [await connect(before), await connect(before)];
    await refresh(before, first.refresh_token);
    const after = await restart(before);
    expect((await callDinero(after, '/v1/organizations', first.access_token)).status).toBe(200);
    expect((await refresh(after, second.refresh_token)).status).toBe(200);
    expect((await refresh(after, first.refresh_token)).status).toBe(400);
    expect(after.replaysOfSpentTokens()).toBe(1);
  });

  test('leaves one signed in', async () => {
    const before = await start();
    const jar = createCookieJar();
    await answerAuthorization(authorizeUrl(before), { person: 'rikke', consent: 'accept', jar });
    const after = await restart(before);
    await answerAuthorization(authorizeUrl(after), { person: 'rikke', consent: 'accept', jar });
    expect(after.requests.some(({ path }) => path.endsWith('/sign-in'))).toBe(false);
  });

  test('finds a state file that nobody else may read, and says when it is broken', async () => {
    await start();
    await running.pop()?.close();
    expect((await stat(stateFile)).mode & 0o777).toBe(0o600);
    await writeFile(stateFile, '{');
    await expect(start()).rejects.toThrow('Delete it to start anew');
  });
});
