import { beforeEach, describe, expect, test } from '@jest/globals';
import { ConnectError, type ErrorCode } from '../../src/core/errors.ts';
import type { ImportRow } from '../../src/core/import-checking.ts';
import type { Activation } from '../../src/core/importing.ts';
import type { AccountingApi, IdentityProvider } from '../../src/core/ports.ts';
import type { RefreshTokenPolicy } from '../../src/core/refresh-schedule.ts';
import type { RefreshOutcome } from '../../src/core/types.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { createFakeCore } from '../support/fake-core.ts';
import { authorize, authorizedTerms, grantNumbered } from '../support/grants.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';

let clock: FixedClock;
let stores: Stores;
/** Refresh tokens, as they were sent. */
let sent: string[];
let answer: (refreshToken: string) => RefreshOutcome | Promise<RefreshOutcome>;
let accountingApi: AccountingApi;
let ours: boolean;

beforeEach(() => {
  clock = createFixedClock(new Date('2026-11-20T10:00:00.000Z'));
  stores = createMemoryStores();
  sent = [];
  answer = refreshed;
  ours = true;
  accountingApi = {
    listOrganizations: async () => [company('1'), company('2'), { ...company('3'), isPro: false }],
    proveAccess: async () => {},
  };
});

const company = (id: string) => ({ id, name: `Company ${id}`, isPro: true, vatNumber: null, city: null });
const scope = 'dineropublicapi:read dineropublicapi:write offline_access';
const oneTime: RefreshTokenPolicy = { use: 'one-time', lifetimeSeconds: 30 * 86_400, graceSeconds: 0 };

function refreshed(refreshToken: string): RefreshOutcome {
  const grant = { ...grantNumbered(1, clock.now()), refreshToken: `${refreshToken}-next` };
  return { kind: 'refreshed', grant, odd: false };
}

/** One process's view: its own promises, the same stores. */
function createProcess() {
  const refresh: IdentityProvider['refresh'] = async ({ refreshToken }) => {
    sent.push(refreshToken);
    return answer(refreshToken);
  };
  return createFakeCore({ clock, ...stores, refresh, accountingApi, policy: oneTime, isOurs: () => ours });
}

const row = (userId: string, change: Partial<ImportRow> = {}): ImportRow => ({
  line: 2,
  userId,
  refreshToken: `the-refresh-token-of-${userId}`,
  scope,
  organizationId: '1',
  ...change,
});
const check = (...rows: ImportRow[]) => createProcess().importing.check(rows);

async function store(...rows: ImportRow[]): Promise<void> {
  const { importing } = createProcess();
  const { failed, grants } = await importing.check(rows);
  expect(failed).toEqual([]);
  await importing.store(grants);
}

async function activate(signal?: AbortSignal) {
  const ended: Activation[] = [];
  const stopped = await createProcess().importing.activate((one) => ended.push(one), signal);
  return { ended, stopped };
}

const read = (userId: string) => stores.connections.findByUser(userId);
const count = () => stores.importedGrants.count();
const eventsOf = async (userId: string) => {
  const events = await stores.events.listLatest((await read(userId))?.id ?? '', 10);
  return events.map(({ type }) => type).reverse();
};

describe('the check', () => {
  test.each<[string, Partial<ImportRow>, string]>([
    ['no user id', { userId: '' }, 'user_id_invalid'],
    ['a user id of 256 characters', { userId: 'u'.repeat(256) }, 'user_id_invalid'],
    ['a user id with NUL', { userId: 'u\0' }, 'user_id_invalid'],
    ['a user id with half a character', { userId: 'u\ud83c' }, 'user_id_invalid'],
    ['no refresh token', { refreshToken: '' }, 'refresh_token_invalid'],
    ['a refresh token with a space', { refreshToken: 'a-refresh-token with a space' }, 'refresh_token_invalid'],
    ['a refresh token that is not ASCII', { refreshToken: 'a-refresh-token-with-æ' }, 'refresh_token_invalid'],
    ['what is too short for a refresh token', { refreshToken: 'customer-4711' }, 'refresh_token_invalid'],
    ['a refresh token of 4001 characters', { refreshToken: 'a'.repeat(4_001) }, 'refresh_token_invalid'],
    ['no scope', { scope: '' }, 'scope_invalid'],
    ['a scope without one of Dinero’s', { scope: 'openid offline_access' }, 'scope_invalid'],
    ['a scope without offline_access', { scope: 'dineropublicapi:read' }, 'scope_invalid'],
    ['a scope with commas', { scope: 'dineropublicapi:read,offline_access' }, 'scope_invalid'],
    ['a scope over two lines', { scope: 'dineropublicapi:read\noffline_access' }, 'scope_invalid'],
    ['no organization', { organizationId: '' }, 'organization_id_invalid'],
    ['an organization as Excel mangles it', { organizationId: '1.18E+05' }, 'organization_id_invalid'],
    ['an organization of 20 digits', { organizationId: '1'.repeat(20) }, 'organization_id_invalid'],
  ])('refuses a row with %s', async (_what, change, problem) => {
    const wrong = row('u1', { line: 7, ...change });
    expect(await check(wrong, row('u2'))).toEqual({
      failed: [{ line: 7, userId: wrong.userId, problems: [problem] }],
      grants: [expect.objectContaining({ userId: 'u2' })],
      unchanged: 0,
    });
  });

  test('takes the longest values, and user ids in any script', async () => {
    const rows = [
      row('æ/ø å', { refreshToken: 'a'.repeat(4_000), organizationId: '1'.repeat(19) }),
      row('🌷'.repeat(255), { refreshToken: 'b'.repeat(20) }),
      row('u3', { scope: 'offline_access  dineropublicapi:read' }),
    ];
    const { failed, grants } = await check(...rows);
    expect(failed).toEqual([]);
    expect(grants.map(({ userId }) => userId)).toEqual(rows.map(({ userId }) => userId));
    expect(grants[2]?.scope).toEqual(['offline_access', 'dineropublicapi:read']);
  });

  test('tells of all that is wrong with a row, and of the second of two that are alike', async () => {
    const { failed } = await check(
      row('u1', { line: 2 }),
      row('u1', { line: 3, scope: 'x' }),
      row('u3', { line: 4, refreshToken: 'the-refresh-token-of-u1' }),
    );
    expect(failed).toEqual([
      { line: 3, userId: 'u1', problems: ['user_id_doubled', 'refresh_token_doubled', 'scope_invalid'] },
      { line: 4, userId: 'u3', problems: ['refresh_token_doubled'] },
    ]);
  });

  test.each(['pending', 'connected', 'needs_reconnect'])('refuses a user whose connection is %s', async (status) => {
    const connection = await authorize(stores, 'u1', grantNumbered(1, clock.now()), authorizedTerms(clock.now()));
    const chosen = { id: '1', name: 'One', vatNumber: null };
    if (status === 'connected') await stores.connections.chooseOrganization(connection, chosen, clock.now(), null);
    if (status === 'needs_reconnect') {
      await stores.connections.markNeedsReconnect(connection, 'grant_rejected', clock.now());
    }
    expect((await read('u1'))?.status).toBe(status);
    expect((await check(row('u1'))).failed).toEqual([{ line: 2, userId: 'u1', problems: ['connected_already'] }]);
  });

  test('takes a user who has disconnected', async () => {
    await authorize(stores, 'u1', grantNumbered(1, clock.now()), authorizedTerms(clock.now()));
    await stores.connections.disconnect('u1', clock.now());
    expect((await check(row('u1'))).failed).toEqual([]);
  });

  test('finds the same row to be waiting, and refuses another one of that user', async () => {
    await store(row('u1'), row('u2'), row('u3'), row('u4'));
    const { failed, grants, unchanged } = await check(
      row('u1', { scope: [...scope.split(' ')].reverse().join(' ') }),
      row('u2', { refreshToken: 'another-refresh-token-of-u2' }),
      row('u3', { scope: 'dineropublicapi:read offline_access' }),
      row('u4', { organizationId: '2' }),
    );
    expect({ grants, unchanged }).toEqual({ grants: [], unchanged: 1 });
    expect(failed.map(({ userId, problems }) => [userId, ...problems])).toEqual([
      ['u2', 'waiting_otherwise'],
      ['u3', 'waiting_otherwise'],
      ['u4', 'waiting_otherwise'],
    ]);
  });

  test('sees everybody who waits or is connected, however many they are', async () => {
    for (let number = 0; number < 1_100; number += 1) {
      const grant = grantNumbered(number, clock.now());
      await authorize(stores, `connected-${number}`, grant, authorizedTerms(clock.now()));
    }
    const waiting = Array.from({ length: 250 }, (_, number) => row(`waiting-${number}`));
    await store(...waiting);
    const again = await check(...waiting, row('connected-0'), row('connected-999'));
    expect(again.unchanged).toBe(250);
    expect(again.failed).toHaveLength(2);
  });

  test('stores nothing', async () => {
    await check(row('u1'));
    expect(await count()).toEqual({ waiting: 0, activated: 0 });
  });
});

describe('what waits', () => {
  test('is used by nobody: no connection, nothing sent, nothing due', async () => {
    await store(row('u1'));
    clock.advance(40 * 86_400);
    const { keepAlive, housekeeping, accessTokens } = createProcess();
    await keepAlive.sweep();
    await housekeeping.run();
    await expect(accessTokens.get('u1')).rejects.toMatchObject({ code: 'not_connected' });
    expect({ sent, connection: await read('u1'), ...(await count()) }).toEqual({
      sent: [],
      connection: null,
      waiting: 1,
      activated: 0,
    });
  });

  test('of two imports of one user at once is one’s, and the other one’s other rows are not stored either', async () => {
    const one = (await check(row('u1'), row('u2'))).grants;
    const other = (await check(row('u1', { refreshToken: 'another-refresh-token-of-u1' }), row('u3'))).grants;
    await createProcess().importing.store(one);
    await expect(createProcess().importing.store(other)).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(await count()).toEqual({ waiting: 2, activated: 0 });
  });

  test('is neither stored nor activated in another deployment’s database', async () => {
    await store(row('u1'));
    ours = false;
    const { grants } = await check(row('u2'));
    await expect(createProcess().importing.store(grants)).rejects.toMatchObject({ code: 'deployment_foreign' });
    await expect(activate()).rejects.toMatchObject({ code: 'deployment_foreign' });
    expect({ ...(await count()), connection: await read('u1') }).toEqual({
      waiting: 1,
      activated: 0,
      connection: null,
    });
  });

  test('can be discarded, but for what an activation has begun with', async () => {
    await store(row('u1'), row('u2'));
    accountingApi.listOrganizations = refuse('dinero_unavailable');
    answer = (refreshToken) => (refreshToken.includes('u1') ? refreshed(refreshToken) : hold());
    const stopping = new AbortController();
    const activating = activate(stopping.signal);
    await until(async () => sent.length === 2);
    expect(await createProcess().importing.discard()).toBe(0);
    letGo();
    await activating;
    await store(row('u3'));
    expect(await createProcess().importing.discard()).toBe(1);
    expect(await count()).toEqual({ waiting: 0, activated: 2 });
  });
});

const refuse = (code: ErrorCode) => () => Promise.reject(new ConnectError(code, 'as the test wants it', 30));

let letGo: () => void = () => {};
/** Answers when the test says so. */
function hold(): Promise<RefreshOutcome> {
  return new Promise((resolve) => {
    letGo = () => resolve(refreshed('held'));
  });
}

async function until(happened: () => Promise<boolean>): Promise<void> {
  while (!(await happened())) await clock.sleep(10);
}

describe('activated', () => {
  test('a grant is refreshed once, its organization chosen, and nothing waits any more', async () => {
    await store(row('u1', { organizationId: '2' }));
    expect(await activate()).toEqual({ ended: [{ userId: 'u1', failure: null }], stopped: null });
    expect(await read('u1')).toMatchObject({
      status: 'connected',
      organization: { id: '2' },
      grant: { accessToken: 'access-1', refreshToken: 'the-refresh-token-of-u1-next' },
      generation: 2,
      refreshExpiresAt: new Date(clock.now().getTime() + oneTime.lifetimeSeconds * 1000),
    });
    expect(sent).toEqual(['the-refresh-token-of-u1']);
    expect(await eventsOf('u1')).toEqual(['authorized', 'refreshed', 'organization_chosen']);
    expect(await count()).toEqual({ waiting: 0, activated: 0 });
  });

  test('nobody is counted as having come the usual way', async () => {
    await store(row('u1'));
    const { importing, work } = createProcess();
    await importing.activate(() => {});
    await work.settled();
    expect((await read('u1'))?.status).toBe('connected');
    expect(await stores.onboarding.listFrom('2026-01-01')).toEqual([]);
  });

  test('it keeps its user’s place when that user had disconnected before', async () => {
    const before = await authorize(stores, 'u1', grantNumbered(1, clock.now()), authorizedTerms(clock.now()));
    await stores.connections.disconnect('u1', clock.now());
    clock.advance(60);
    await store(row('u1'));
    await activate();
    expect(await read('u1')).toMatchObject({ id: before.id, status: 'connected' });
  });

  test('keep-alive leaves it to the activation, and looks after it when that was never gone on with', async () => {
    await store(row('u1'));
    const { takeLease } = stores.connections;
    stores.connections.takeLease = () => Promise.reject(new Error('killed here'));
    await expect(activate()).rejects.toThrow('killed here');
    stores.connections.takeLease = takeLease;
    await createProcess().keepAlive.sweep();
    expect(sent).toEqual([]);
    clock.advance(3_601);
    expect(await createProcess().keepAlive.sweep()).toMatchObject({ refreshed: 1 });
    expect(sent).toEqual(['the-refresh-token-of-u1']);
    expect(await activate()).toMatchObject({ ended: [{ userId: 'u1', failure: null }] });
    expect(sent).toHaveLength(1);
  });

  test.each<[string, () => void, Activation['failure'], string]>([
    [
      'a refresh token that is refused',
      () => {
        answer = () => ({ kind: 'rejected' });
      },
      'needs_reconnect',
      'needs_reconnect',
    ],
    [
      'an organization that is not the user’s',
      () => {
        accountingApi.listOrganizations = async () => [company('2')];
      },
      'organization_unknown',
      'pending',
    ],
    [
      'an organization without Pro',
      () => {
        accountingApi.listOrganizations = async () => [{ ...company('1'), isPro: false }];
      },
      'organization_not_pro',
      'pending',
    ],
    [
      'an organization that Dinero refuses',
      () => {
        accountingApi.proveAccess = refuse('dinero_rejected');
      },
      'dinero_rejected',
      'pending',
    ],
  ])('%s is told of, and does not wait any more', async (_what, prepare, failure, status) => {
    await store(row('u1'));
    prepare();
    expect(await activate()).toEqual({ ended: [{ userId: 'u1', failure }], stopped: null });
    expect((await read('u1'))?.status).toBe(status);
    expect(await count()).toEqual({ waiting: 0, activated: 0 });
  });

  test('a refused token has its line in the timeline', async () => {
    await store(row('u1'));
    answer = () => ({ kind: 'rejected' });
    await activate();
    expect(await eventsOf('u1')).toEqual(['authorized', 'needs_reconnect']);
  });

  test.each<[string, () => void, string]>([
    [
      'the provider is down',
      () => {
        answer = () => ({ kind: 'try_later', message: 'down', retryAfterSeconds: 30 });
      },
      'provider_unavailable',
    ],
    [
      'our client is refused',
      () => {
        answer = () => ({ kind: 'client_rejected', message: 'invalid_client' });
      },
      'client_rejected',
    ],
    [
      'Dinero is down',
      () => {
        accountingApi.listOrganizations = refuse('dinero_unavailable');
      },
      'dinero_unavailable',
    ],
    [
      'Dinero asks us to wait',
      () => {
        accountingApi.proveAccess = refuse('dinero_rate_limited');
      },
      'dinero_rate_limited',
    ],
  ])('while %s it stops, and the next run goes on', async (_what, prepare, code) => {
    const users = Array.from({ length: 12 }, (_, number) => `user-${String(number).padStart(2, '0')}`);
    await store(...users.map((user) => row(user)));
    prepare();
    const { ended, stopped } = await activate();
    expect({ ended, code: stopped?.code }).toEqual({ ended: [], code });
    const { waiting, activated } = await count();
    expect(waiting + activated).toBe(12);
    expect(activated).toBeGreaterThan(0);
    expect(activated).toBeLessThanOrEqual(4);
    answer = refreshed;
    accountingApi.listOrganizations = async () => [company('1')];
    accountingApi.proveAccess = async () => {};
    clock.advance(120);
    const second = await activate();
    expect(second.stopped).toBeNull();
    expect(second.ended).toHaveLength(12);
    for (const user of users) expect((await read(user))?.status).toBe('connected');
    expect(await count()).toEqual({ waiting: 0, activated: 0 });
  });

  test('it stops when the database does not serve it, and the next run goes on', async () => {
    await store(row('u1'));
    const { chooseOrganization } = stores.connections;
    stores.connections.chooseOrganization = refuse('database_unavailable');
    expect((await activate()).stopped?.code).toBe('database_unavailable');
    stores.connections.chooseOrganization = chooseOrganization;
    expect(await activate()).toEqual({ ended: [{ userId: 'u1', failure: null }], stopped: null });
    expect(sent).toHaveLength(1);
  });

  test('one that was connected when its run was killed is only taken off the list', async () => {
    await store(row('u1'));
    const { delete: forget } = stores.importedGrants;
    stores.importedGrants.delete = () => Promise.reject(new Error('killed here'));
    await expect(activate()).rejects.toThrow('killed here');
    stores.importedGrants.delete = forget;
    await createProcess().organizations.choose('u1', '2');
    expect(await activate()).toEqual({ ended: [{ userId: 'u1', failure: null }], stopped: null });
    expect((await read('u1'))?.organization?.id).toBe('2');
    expect(await count()).toEqual({ waiting: 0, activated: 0 });
  });

  test('a user who connected meanwhile keeps that, and the imported token is never sent', async () => {
    await store(row('u1'));
    const own = await authorize(stores, 'u1', grantNumbered(7, clock.now()), authorizedTerms(clock.now()));
    clock.advance(1);
    expect((await activate()).ended).toEqual([{ userId: 'u1', failure: 'connected_otherwise' }]);
    expect(await read('u1')).toEqual(own);
    expect({ sent, ...(await count()) }).toEqual({ sent: [], waiting: 0, activated: 0 });
  });

  test('a user who connected and disconnected meanwhile stays disconnected', async () => {
    await store(row('u1'));
    clock.advance(1);
    await authorize(stores, 'u1', grantNumbered(7, clock.now()), authorizedTerms(clock.now()));
    await stores.connections.disconnect('u1', clock.now());
    clock.advance(1);
    expect((await activate()).ended).toEqual([{ userId: 'u1', failure: 'connected_otherwise' }]);
    expect((await read('u1'))?.status).toBe('disconnected');
  });

  test('a user who reconnected after the activation began keeps that', async () => {
    await store(row('u1'));
    accountingApi.listOrganizations = refuse('dinero_unavailable');
    await activate();
    clock.advance(60);
    const own = await authorize(stores, 'u1', grantNumbered(7, clock.now()), authorizedTerms(clock.now()));
    accountingApi.listOrganizations = async () => [company('1')];
    expect((await activate()).ended).toEqual([{ userId: 'u1', failure: 'connected_otherwise' }]);
    expect(await read('u1')).toEqual(own);
  });

  test('a user who disconnects while it is going on stays disconnected', async () => {
    await store(row('u1'));
    accountingApi.proveAccess = async () => {
      await stores.connections.disconnect('u1', clock.now());
    };
    expect((await activate()).ended).toEqual([{ userId: 'u1', failure: 'not_connected' }]);
    expect((await read('u1'))?.status).toBe('disconnected');
  });

  test('a grant that does not open is told of and kept: its key may come back', async () => {
    await store(row('u1'), row('u2'));
    const { list } = stores.importedGrants;
    stores.importedGrants.list = async (...page) =>
      (await list(...page)).map((grant) => (grant.userId === 'u1' ? { ...grant, refreshToken: null } : grant));
    expect((await activate()).ended).toEqual(
      expect.arrayContaining([
        { userId: 'u1', failure: 'unreadable' },
        { userId: 'u2', failure: null },
      ]),
    );
    expect(await count()).toEqual({ waiting: 1, activated: 0 });
  });

  test('four at a time and no more, all of them in the end', async () => {
    const users = Array.from({ length: 230 }, (_, number) => `user-${number}`);
    await store(...users.map((user) => row(user)));
    let running = 0;
    let most = 0;
    accountingApi.proveAccess = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    };
    const { ended } = await activate();
    expect(ended.filter(({ failure }) => failure === null)).toHaveLength(230);
    expect(most).toBe(4);
    expect(new Set(sent).size).toBe(230);
    expect(sent).toHaveLength(230);
  });

  test('when twenty in a row are refused it stops, before all of them are spent', async () => {
    await store(...Array.from({ length: 60 }, (_, number) => row(`user-${number}`)));
    answer = () => ({ kind: 'rejected' });
    const { ended, stopped } = await activate();
    expect(stopped).toMatchObject({ code: 'grant_rejected', message: expect.stringContaining('VISMA_CLIENT_ID') });
    expect(ended.length).toBeGreaterThanOrEqual(20);
    expect(ended.length).toBeLessThanOrEqual(23);
    expect((await count()).waiting).toBe(60 - ended.length);
  });

  test('asked to stop it ends what it is at, and leaves the rest', async () => {
    await store(...Array.from({ length: 40 }, (_, number) => row(`user-${number}`)));
    const stopping = new AbortController();
    answer = (refreshToken) => {
      stopping.abort();
      return refreshed(refreshToken);
    };
    const { ended, stopped } = await activate(stopping.signal);
    expect(stopped).toBeNull();
    expect(ended.length).toBeGreaterThan(0);
    expect(ended.length).toBeLessThanOrEqual(4);
    expect(await count()).toEqual({ waiting: 40 - ended.length, activated: 0 });
  });

  test('a bug stops it and is not hidden', async () => {
    await store(...Array.from({ length: 40 }, (_, number) => row(`user-${number}`)));
    accountingApi.listOrganizations = () => Promise.reject(new TypeError('a bug'));
    await expect(activate()).rejects.toThrow('a bug');
    expect((await count()).waiting).toBe(36);
  });
});
