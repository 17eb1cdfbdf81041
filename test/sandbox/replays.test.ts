// What a one-time token that is sent again does, and when that counts as a replay.

import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { CLIENT, connect, postForm, refresh, startTestSandbox, type Tokens } from './support.ts';

let sandbox: Sandbox;
const replayed: { token: string; counted: number }[] = [];
beforeAll(async () => {
  sandbox = await startTestSandbox(
    { refreshTokenUse: 'one-time' },
    { onReplay: (token) => replayed.push({ token, counted: sandbox.replaysOfSpentTokens() }) },
  );
});
beforeEach(() => {
  sandbox.reset();
  replayed.length = 0;
});
afterAll(() => sandbox.close());

async function refreshed(refreshToken: string): Promise<Tokens> {
  const response = await refresh(sandbox, refreshToken);
  expect(response.status).toBe(200);
  return (await response.json()) as Tokens;
}
async function expectRejected(refreshToken: string): Promise<void> {
  const response = await refresh(sandbox, refreshToken);
  expect([response.status, await response.json()]).toEqual([400, { error: 'invalid_grant' }]);
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

describe('without grace', () => {
  test('of two requests at once with one token one wins and the other is a replay, which ends what was won', async () => {
    const { refresh_token } = await connect(sandbox);
    const responses = await Promise.all([refresh(sandbox, refresh_token), refresh(sandbox, refresh_token)]);
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect(sandbox.replaysOfSpentTokens()).toBe(1);
    const won = (await responses.find(({ status }) => status === 200)?.json()) as Tokens;
    await expectRejected(won.refresh_token);
    expect(sandbox.replaysOfSpentTokens()).toBe(1);
  });

  test('a token from the beginning of a long chain ends the last one, too', async () => {
    const first = await connect(sandbox);
    let last = first;
    for (let uses = 0; uses < 4; uses += 1) last = await refreshed(last.refresh_token);
    expect(sandbox.replaysOfSpentTokens()).toBe(0);
    await expectRejected(first.refresh_token);
    await expectRejected(last.refresh_token);
    expect(sandbox.replaysOfSpentTokens()).toBe(1);
  });
});

describe('within the grace period', () => {
  beforeEach(() => {
    sandbox.settings.refreshTokenGraceSeconds = 60;
  });

  test('all requests at once with one token succeed, each with a successor that works', async () => {
    const { refresh_token } = await connect(sandbox);
    const answers = await Promise.all([1, 2, 3].map(() => refreshed(refresh_token)));
    const successors = answers.map((answer) => answer.refresh_token);
    expect(new Set([refresh_token, ...successors]).size).toBe(4);
    for (const successor of successors) await refreshed(successor);
    expect(sandbox.replaysOfSpentTokens()).toBe(0);
  });

  test('the spent token still works when its successor was used', async () => {
    const first = await connect(sandbox);
    const second = await refreshed(first.refresh_token);
    await refreshed(second.refresh_token);
    await refreshed(first.refresh_token);
    expect(sandbox.replaysOfSpentTokens()).toBe(0);
  });

  test('a successor has a grace period of its own', async () => {
    const first = await connect(sandbox);
    const second = await refreshed(first.refresh_token);
    await later(50, async () => {
      await refreshed(second.refresh_token);
    });
    await later(100, async () => {
      await refreshed(second.refresh_token);
      await expectRejected(first.refresh_token);
    });
    expect(sandbox.replaysOfSpentTokens()).toBe(1);
  });

  test('a spent token that is refused for another reason is no replay', async () => {
    const { refresh_token } = await connect(sandbox);
    await refreshed(refresh_token);
    const wider = await refresh(sandbox, refresh_token, { scope: 'openid' });
    expect(wider.status).toBe(400);
    await sandbox.revokeAuthorizations('rikke');
    await expectRejected(refresh_token);
    expect(sandbox.replaysOfSpentTokens()).toBe(0);
  });

  test('shortening the period in the portal does not shorten that of an authorization given before', async () => {
    const { refresh_token } = await connect(sandbox);
    sandbox.settings.refreshTokenGraceSeconds = 0;
    await refreshed(refresh_token);
    await refreshed(refresh_token);
    expect(sandbox.replaysOfSpentTokens()).toBe(0);
  });
});

describe('after the person was revoked', () => {
  test('a spent token is a replay all the same, and an unspent one is none', async () => {
    const first = await connect(sandbox);
    const second = await refreshed(first.refresh_token);
    await sandbox.revokeAuthorizations('rikke');
    await expectRejected(second.refresh_token);
    expect(sandbox.replaysOfSpentTokens()).toBe(0);
    await expectRejected(first.refresh_token);
    expect(sandbox.replaysOfSpentTokens()).toBe(1);
  });

  test('a spent token whose grace period has ended meanwhile is a replay', async () => {
    sandbox.settings.refreshTokenGraceSeconds = 60;
    const { refresh_token } = await connect(sandbox);
    await refreshed(refresh_token);
    await sandbox.revokeAuthorizations('rikke');
    await later(70, () => expectRejected(refresh_token));
    expect(sandbox.replaysOfSpentTokens()).toBe(1);
  });
});

test('to revoke a spent token is no replay', async () => {
  const { refresh_token } = await connect(sandbox);
  await refreshed(refresh_token);
  const { clientId: client_id, clientSecret: client_secret } = CLIENT;
  await postForm(sandbox, '/connect/revocation', { client_id, client_secret, token: refresh_token });
  expect(sandbox.replaysOfSpentTokens()).toBe(0);
});

test('a test is told of each replay, and of nothing else, before the replay is answered', async () => {
  const first = await connect(sandbox);
  await refreshed(first.refresh_token);
  await expectRejected('unknown');
  expect(replayed).toEqual([]);
  sandbox.faults.set('token', { kind: 'slow', ms: 500 }, 1);
  const answer = refresh(sandbox, first.refresh_token).then(() => 'answered');
  for (let waits = 0; waits < 40 && replayed.length === 0; waits += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(replayed).toEqual([{ token: first.refresh_token, counted: 1 }]);
  expect(await Promise.race([answer, 'waiting'])).toBe('waiting');
  await answer;
  await expectRejected(first.refresh_token);
  expect(replayed.map(({ counted }) => counted)).toEqual([1, 2]);
});

describe('with a state file', () => {
  const running: Sandbox[] = [];
  let stateFile: string;
  beforeEach(async () => {
    stateFile = join(await mkdtemp(join(tmpdir(), 'sandbox-')), 'state.json');
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.close()));
    await rm(dirname(stateFile), { recursive: true });
  });
  async function start(file: string, refreshTokenGraceSeconds = 0): Promise<Sandbox> {
    const settings = { refreshTokenUse: 'one-time', refreshTokenGraceSeconds } as const;
    const started = await startTestSandbox(settings, { stateFile: file });
    running.push(started);
    return started;
  }

  test('a spent token is a replay after a restart, and ends its successor', async () => {
    const before = await start(stateFile);
    const first = await connect(before);
    const second = (await (await refresh(before, first.refresh_token)).json()) as Tokens;
    await before.close();
    running.length = 0;
    const after = await start(stateFile);
    expect((await refresh(after, first.refresh_token)).status).toBe(400);
    expect(after.replaysOfSpentTokens()).toBe(1);
    expect((await refresh(after, second.refresh_token)).status).toBe(400);
  });

  test('a grace period goes on over a restart with other settings', async () => {
    const before = await start(stateFile, 60);
    const { refresh_token } = await connect(before);
    await refresh(before, refresh_token);
    await before.close();
    running.length = 0;
    const after = await start(stateFile, 0);
    expect((await refresh(after, refresh_token)).status).toBe(200);
    await later(70, async () => {
      expect((await refresh(after, refresh_token)).status).toBe(400);
    });
    expect(after.replaysOfSpentTokens()).toBe(1);
  });

  test('a spent token is in the file soon, although nobody closes the sandbox', async () => {
    const before = await start(stateFile);
    const first = await connect(before);
    const second = (await (await refresh(before, first.refresh_token)).json()) as Tokens;
    const deadline = performance.now() + 10_000;
    const isWritten = async () => (await readFile(stateFile, 'utf8').catch(() => '')).includes(second.refresh_token);
    while (!(await isWritten()) && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await copyFile(stateFile, `${stateFile}.copy`);
    const other = await start(`${stateFile}.copy`);
    expect((await refresh(other, first.refresh_token)).status).toBe(400);
    expect(other.replaysOfSpentTokens()).toBe(1);
  });
});
