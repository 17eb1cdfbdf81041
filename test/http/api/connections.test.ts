import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../../support/app.ts';
import { type Backend, createBackend } from '../../support/backend.ts';
import { openBrowser } from '../../support/browser.ts';

let sandbox: Sandbox;
let ours: boolean;
let testApp: TestApp;
let backend: Backend;

beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  sandbox.reset();
  ours = true;
  testApp = createTestApp(sandbox, { isOurs: () => ours });
  backend = await createBackend(testApp);
});

const tokenCalls = () => sandbox.count('POST', '/connect/token');

/** Somebody who connected alone; answers the user id that was made up. */
async function connect(person = 'rikke', organizationId = '118244'): Promise<string> {
  await openBrowser(testApp.app).connect(person, organizationId);
  return testApp.connectedUsers().at(-1) ?? '';
}

function ask(userId: string, body: object = {}) {
  return backend.call('post', `${backend.connectionPath(userId)}/token`, body);
}

describe('a token', () => {
  test('is handed out with its company, and is never kept by anybody on the way', async () => {
    const userId = await connect();
    const answer = await ask(userId);
    expect(answer.body).toEqual({
      accessToken: expect.any(String),
      tokenType: 'Bearer',
      expiresAt: new Date(testApp.clock.now().getTime() + 3_600_000).toISOString(),
      organizationId: '118244',
      scope: expect.arrayContaining(['dineropublicapi:read', 'dineropublicapi:write', 'offline_access']),
      generation: 1,
      refreshDelayed: false,
    });
    expect(answer.headers['cache-control']).toBe('no-store');
    const used = await fetch(`${sandbox.origin}/v1/118244/accountingyears`, {
      headers: { authorization: `Bearer ${answer.body.accessToken}` },
    });
    expect(used.status).toBe(200);
  });

  test('is asked for with no body, too', async () => {
    const answer = await backend.call('post', `${backend.connectionPath(await connect())}/token`);
    expect(answer.status).toBe(200);
  });

  test('is refreshed when it would not live as long as asked, and not before', async () => {
    const userId = await connect();
    testApp.clock.advance(3_000);
    const before = tokenCalls();
    const enough = await ask(userId, { minTtlSeconds: 599 });
    expect([enough.body.generation, tokenCalls()]).toEqual([1, before]);
    const longer = await ask(userId, { minTtlSeconds: 600 });
    expect([longer.body.generation, tokenCalls()]).toEqual([2, before + 1]);
    expect(longer.body.accessToken).not.toBe(enough.body.accessToken);
  });

  test('of a whole hour is asked for without refreshing again and again', async () => {
    const userId = await connect();
    testApp.clock.advance(301);
    const before = tokenCalls();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(userId, { minTtlSeconds: 3_600 })));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(tokenCalls()).toBe(before + 1);
    for (let asked = 0; asked < 5; asked += 1) await ask(userId, { minTtlSeconds: 3_600 });
    expect(tokenCalls()).toBe(before + 1);
  });

  test('that still works is answered with a warning while refreshing does not', async () => {
    const userId = await connect();
    testApp.clock.advance(3_590);
    sandbox.faults.set('token', { kind: 'status', status: 503, body: 'down' });
    const answer = await ask(userId);
    expect(answer.body).toMatchObject({ generation: 1, refreshDelayed: true });
  });

  test('that is asked for is told of with how that ended, and with the code when it failed', async () => {
    const userId = await connect();
    await ask(userId);
    testApp.clock.advance(3_590);
    await ask(userId);
    testApp.clock.advance(3_590);
    sandbox.faults.set('token', { kind: 'status', status: 503, body: 'down' });
    await ask(userId);
    testApp.clock.advance(3_600);
    await ask(userId);
    await ask('nobody');
    expect(testApp.handOuts).toEqual([
      { outcome: 'fresh', code: null },
      { outcome: 'refreshed', code: null },
      { outcome: 'delayed', code: null },
      { outcome: 'failed', code: 'provider_unavailable' },
      { outcome: 'failed', code: 'not_connected' },
    ]);
  });

  test('that is not handed out for a bug is told of without a code', async () => {
    const { connections } = testApp.stores;
    const findRecent = () => Promise.reject(new Error('a bug'));
    testApp = createTestApp(sandbox, { stores: { connections: { ...connections, findRecent } } });
    backend = await createBackend(testApp);
    expect((await ask('u1')).status).toBe(500);
    expect(testApp.handOuts).toEqual([{ outcome: 'failed', code: null }]);
  });

  test('that ended is not handed out while refreshing does not work', async () => {
    const userId = await connect();
    testApp.clock.advance(3_700);
    sandbox.faults.set('token', { kind: 'status', status: 503, body: 'down' });
    const answer = await ask(userId);
    expect(answer.body).toMatchObject({ status: 503, code: 'provider_unavailable' });
    expect(answer.body.retryAfter).toBe(Number(answer.headers['retry-after']));
  });

  test('is not handed out while our client is refused, and nobody has to reconnect for that', async () => {
    const userId = await connect();
    testApp.clock.advance(3_700);
    sandbox.faults.set('token', {
      kind: 'status',
      status: 400,
      body: '{"error":"invalid_client"}',
      contentType: 'application/json',
    });
    const answer = await ask(userId);
    expect(answer.body).toMatchObject({ status: 500, code: 'client_rejected' });
    expect(answer.text).not.toContain('invalid_client');
    expect((await backend.call('get', backend.connectionPath(userId))).body.status).toBe('connected');
  });

  test('is not refreshed in a copy of the database', async () => {
    const userId = await connect();
    testApp.clock.advance(3_700);
    ours = false;
    expect((await ask(userId)).body).toMatchObject({ status: 503, code: 'deployment_foreign' });
  });

  test('of somebody who has to reconnect is answered with the reason and a link that is ready', async () => {
    const userId = await connect();
    await sandbox.revokeAuthorizations('rikke');
    testApp.clock.advance(3_700);
    const answer = await ask(userId);
    expect(answer.body).toMatchObject({
      status: 409,
      code: 'needs_reconnect',
      reason: 'grant_rejected',
      reconnectUrl: expect.stringMatching(/^http:\/\/localhost:3000\/link\/[\w-]{22}\.[\w-]{43}$/),
    });
  });

  test('of somebody who has to reconnect comes with the same link as long as nobody opened it', async () => {
    const userId = await connect();
    await sandbox.revokeAuthorizations('rikke');
    testApp.clock.advance(3_700);
    const [first, again] = [await ask(userId), await ask(userId)];
    expect(again.body.reconnectUrl).toBe(first.body.reconnectUrl);
    const browser = openBrowser(testApp.app);
    const path = new URL(first.body.reconnectUrl).pathname;
    const left = await browser.submit(await browser.get(path), path);
    expect(left.status).toBe(303);
    const opened = await ask(userId);
    expect(opened.body.reconnectUrl).not.toBe(first.body.reconnectUrl);
  });

  test('for some company is never handed out: whoever has not chosen waits, with a link', async () => {
    await openBrowser(testApp.app).signIn('rikke');
    const userId = testApp.connectedUsers()[0] ?? '';
    const answer = await ask(userId);
    expect(answer.body).toMatchObject({ status: 409, code: 'organization_not_chosen', reason: null });
    expect(answer.body.reconnectUrl).toMatch(/\/link\//);
    expect(answer.text).not.toContain('eyJ');
  });
});

describe('a user that nobody knows', () => {
  test('is answered as one who disconnected', async () => {
    const userId = await connect();
    await backend.call('delete', backend.connectionPath(userId));
    for (const path of ['/token', '/organizations', '/organization']) {
      const method = path === '/token' ? 'post' : path === '/organization' ? 'put' : 'get';
      const body = path === '/organization' ? { organizationId: '118244' } : undefined;
      const [gone, never] = await Promise.all(
        [userId, 'nobody'].map((id) => backend.call(method, `${backend.connectionPath(id)}${path}`, body)),
      );
      const { requestId: _one, ...goneProblem } = gone?.body ?? {};
      const { requestId: _other, ...neverProblem } = never?.body ?? {};
      expect(goneProblem).toEqual(neverProblem);
      expect(goneProblem).toMatchObject({ status: 404, code: 'not_connected' });
    }
  });
});

describe('a connection', () => {
  test('is shown with what an integrator needs, and without a token', async () => {
    const userId = await connect();
    const { body, text } = await backend.call('get', backend.connectionPath(userId));
    expect(body).toEqual({
      userId,
      status: 'connected',
      reason: null,
      organization: { id: '118244', name: 'RN', vatNumber: expect.any(String) },
      scope: expect.arrayContaining(['offline_access']),
      missingScope: [],
      generation: 1,
      authorizedAt: testApp.clock.now().toISOString(),
      connectedAt: testApp.clock.now().toISOString(),
      accessExpiresAt: expect.any(String),
      expiresAt: expect.any(String),
      refreshDelayed: false,
    });
    for (const secret of [...sandbox.issued.accessTokens, ...sandbox.issued.refreshTokens])
      expect(text).not.toContain(secret);
  });

  test('that was ended is shown as ended', async () => {
    const userId = await connect();
    const ended = await backend.call('delete', backend.connectionPath(userId));
    expect([ended.status, ended.text]).toEqual([204, '']);
    const { body } = await backend.call('get', backend.connectionPath(userId));
    expect(body).toMatchObject({ status: 'disconnected', organization: null, scope: [], expiresAt: null });
    await testApp.core.work.settled();
    expect(sandbox.count('POST', '/connect/revocation')).toBe(1);
    expect((await backend.call('delete', backend.connectionPath(userId))).body.code).toBe('not_connected');
  });

  test('has a timeline, page by page', async () => {
    const userId = await connect();
    const path = `${backend.connectionPath(userId)}/events`;
    const whole = await backend.call('get', path);
    expect(whole.body.nextCursor).toBeNull();
    expect(whole.body.events.at(-1).type).toBe('authorized');
    const first = await backend.call('get', `${path}?limit=1`);
    expect(first.body.events).toEqual(whole.body.events.slice(0, 1));
    const second = await backend.call('get', `${path}?limit=1&cursor=${first.body.nextCursor}`);
    expect(second.body.events).toEqual(whole.body.events.slice(1, 2));
    expect(second.body.nextCursor).toBeNull();
  });
});

describe('the companies', () => {
  test('are listed as Dinero has them, with the ones that cannot be chosen', async () => {
    const userId = await connect('mads', '201001');
    const { body } = await backend.call('get', `${backend.connectionPath(userId)}/organizations`);
    expect(body.organizations).toContainEqual(expect.objectContaining({ id: '201001', isPro: true }));
    expect(body.organizations.some(({ isPro }: { isPro: boolean }) => !isPro)).toBe(true);
  });

  test('one of them is chosen, and the connection answered as it is then', async () => {
    const userId = await connect('mads', '201001');
    const { body: list } = await backend.call('get', `${backend.connectionPath(userId)}/organizations`);
    const other = list.organizations.find(({ id, isPro }: { id: string; isPro: boolean }) => isPro && id !== '201001');
    const path = `${backend.connectionPath(userId)}/organization`;
    const { body } = await backend.call('put', path, { organizationId: other.id });
    expect(body.organization).toMatchObject({ id: other.id, name: other.name });
    expect((await ask(userId)).body.organizationId).toBe(other.id);
  });

  test('no other can be chosen', async () => {
    const userId = await connect('mads', '201001');
    const { body: list } = await backend.call('get', `${backend.connectionPath(userId)}/organizations`);
    const plain = list.organizations.find(({ isPro }: { isPro: boolean }) => !isPro);
    const path = `${backend.connectionPath(userId)}/organization`;
    for (const [organizationId, code] of [
      ['999999', 'organization_unknown'],
      ['118244', 'organization_unknown'],
      ['201001/../1', 'organization_unknown'],
      [plain.id, 'organization_not_pro'],
    ]) {
      expect((await backend.call('put', path, { organizationId })).body).toMatchObject({ status: 409, code });
    }
    expect((await backend.call('get', backend.connectionPath(userId))).body.organization.id).toBe('201001');
  });

  test.each([
    [401, '{}', 502, 'dinero_unauthorized'],
    [404, '{"code":40}', 502, 'dinero_rejected'],
    [500, 'broken', 503, 'dinero_unavailable'],
    [429, 'API calls quota exceeded!', 503, 'dinero_rate_limited'],
  ])('are not listed while Dinero answers %i', async (status, body, expected, code) => {
    const userId = await connect();
    sandbox.faults.set('organizations', { kind: 'status', status, body, headers: { 'retry-after': '17' } });
    const answer = await backend.call('get', `${backend.connectionPath(userId)}/organizations`);
    expect(answer.body).toMatchObject({ status: expected, code });
    if (status === 429) expect(answer.headers['retry-after']).toBe('17');
    expect(answer.text).not.toContain('quota');
  });
});

describe('the list of connections', () => {
  test('goes on behind a user id of any characters, and ends when the last page is full', async () => {
    const users = ['a/b', 'rikke@rn.example', 'æøå', '🌷'];
    for (const userId of users) {
      const { body } = await backend.call('post', `/users/${encodeURIComponent(userId)}/links`, {});
      await openBrowser(testApp.app).connectBy(body.url, 'rikke', '118244');
    }
    const first = await backend.call('get', '/connections?limit=3');
    const second = await backend.call('get', `/connections?limit=1&cursor=${first.body.nextCursor}`);
    const seen = [...first.body.connections, ...second.body.connections].map(({ userId }) => userId);
    expect(seen.sort()).toEqual(users.sort());
    expect(second.body.nextCursor).toBeNull();
    expect((await backend.call('get', '/connections?limit=4')).body.nextCursor).toBeNull();
  });

  test('is read page by page, each one once, and by status', async () => {
    const users = [
      await connect('rikke', '118244'),
      await connect('rikke', '118244'),
      await connect('rikke', '118244'),
    ].sort();
    await backend.call('delete', backend.connectionPath(users[1] ?? ''));
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const { body } = (await backend.call('get', `/connections?limit=2${cursor ? `&cursor=${cursor}` : ''}`)) as {
        body: { connections: { userId: string }[]; nextCursor: string | null };
      };
      expect(body.connections.length).toBeLessThanOrEqual(2);
      seen.push(...body.connections.map(({ userId }) => userId));
      cursor = body.nextCursor;
    } while (cursor);
    expect(seen).toEqual(users);
    const ended = await backend.call('get', '/connections?status=disconnected');
    expect(ended.body.connections.map(({ userId }: { userId: string }) => userId)).toEqual([users[1]]);
    expect((await backend.call('get', '/connections?status=pending')).body.connections).toEqual([]);
  });
});
