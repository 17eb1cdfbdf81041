import { beforeEach, describe, expect, test } from '@jest/globals';
import { ConnectError } from '../../src/core/errors.ts';
import type { RefreshTokenPolicy } from '../../src/core/refresh-schedule.ts';
import type { Connection, Grant, RefreshOutcome } from '../../src/core/types.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { createFakeCore } from '../support/fake-core.ts';
import { authorize, authorizedTerms, grantNumbered as grantAt, refreshedTerms } from '../support/grants.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';

let clock: FixedClock;
let stores: Stores;
let asked: string[];

beforeEach(() => {
  clock = createFixedClock(new Date('2026-11-20T10:00:00.000Z'));
  stores = createMemoryStores();
  asked = [];
});

const inSeconds = (seconds: number) => new Date(clock.now().getTime() + seconds * 1000);
const grantNumbered = (number: number, seconds = 3600) => grantAt(number, clock.now(), seconds);
const refreshed = (grant: Grant): RefreshOutcome => ({ kind: 'refreshed', grant, odd: false });
const reuse: RefreshTokenPolicy = { use: 're-use', lifetimeSeconds: 30 * 86_400, graceSeconds: 0 };

function connect(grant: Grant, refreshExpiresAt: Date | null = inSeconds(86_400)): Promise<Connection> {
  return authorize(stores, 'u1', grant, authorizedTerms(clock.now(), { refreshExpiresAt, events: [] }));
}

const read = async () => {
  const connection = await stores.connections.findByUser('u1');
  if (!connection) throw new Error('no connection');
  return connection;
};
/** One process's view: its own promises, the same stores. */
function createProcess(answer: () => Promise<RefreshOutcome>, policy: RefreshTokenPolicy = reuse) {
  const refresh = ({ refreshToken }: { refreshToken: string }) => {
    asked.push(refreshToken);
    return answer();
  };
  return createFakeCore({ clock, ...stores, refresh, policy }).accessTokens;
}

const unused = () => Promise.reject(new Error('not asked for here'));
const rejected = async (): Promise<RefreshOutcome> => ({ kind: 'rejected' });

describe('an access token', () => {
  test.each([
    [61, undefined, 0],
    [60, undefined, 1],
    [300, 299, 0],
    [300, 300, 1],
    [-5, 0, 1],
  ])('with %i seconds left, asked for %s, takes %i refreshes', async (left, minTtlSeconds, refreshes) => {
    await connect({ ...grantNumbered(1, left), obtainedAt: inSeconds(-600) });
    const process = createProcess(async () => refreshed(grantNumbered(2)));
    const { grant } = await process.get('u1', { minTtlSeconds });
    expect(grant.accessToken).toBe(refreshes === 0 ? 'access-1' : 'access-2');
    expect(asked).toHaveLength(refreshes);
  });

  test('is stored before anybody gets it', async () => {
    await connect(grantNumbered(1, 0));
    const { saveRefreshed } = stores.connections;
    stores.connections.saveRefreshed = unused;
    const process = createProcess(async () => refreshed(grantNumbered(2)));
    await expect(process.get('u1')).rejects.toThrow('not asked for here');
    stores.connections.saveRefreshed = saveRefreshed;
    while ((await read()).generation === 1) await clock.sleep(10);
  });

  test('of nobody is not_connected, of an ended connection too', async () => {
    const process = createProcess(unused);
    await expect(process.get('u1')).rejects.toMatchObject({ code: 'not_connected' });
    await connect(grantNumbered(1));
    await stores.connections.disconnect('u1', clock.now());
    await expect(process.get('u1')).rejects.toMatchObject({ code: 'not_connected' });
  });
});

describe('a refresh', () => {
  test('happens once for all who wait, and again the next time', async () => {
    await connect(grantNumbered(1, 0));
    let number = 1;
    const process = createProcess(async () => {
      await clock.sleep(1);
      number += 1;
      return refreshed(grantNumbered(number, 30));
    });
    const all = await Promise.all(Array.from({ length: 20 }, () => process.get('u1')));
    expect(new Set(all.map(({ grant }) => grant.accessToken))).toEqual(new Set(['access-2']));
    await process.get('u1');
    expect(asked).toEqual(['refresh-1', 'refresh-2']);
  });

  test('that ended while somebody still held the grant before it is not made again', async () => {
    const before = await connect(grantNumbered(1, 0));
    const process = createProcess(async () => refreshed(grantNumbered(2)));
    await process.get('u1');
    const { connections } = stores;
    let reads = 0;
    stores.connections = {
      ...connections,
      findByUser: async (userId) => {
        reads += 1;
        return reads === 1 ? before : connections.findByUser(userId);
      },
    };
    const late = createProcess(async () => refreshed(grantNumbered(3)));
    expect((await late.get('u1')).grant.accessToken).toBe('access-2');
    expect(asked).toHaveLength(1);
  });

  test('that was refused because another process was faster uses what that one stored', async () => {
    const connection = await connect(grantNumbered(1, 0));
    const process = createProcess(async () => {
      await stores.connections.saveRefreshed(connection, grantNumbered(2), refreshedTerms(clock.now()));
      return rejected();
    });
    expect((await process.get('u1')).grant.accessToken).toBe('access-2');
    expect((await stores.connections.findByUser('u1'))?.status).toBe('pending');
  });

  test('that another process overtook is not written over the newer grant', async () => {
    const connection = await connect(grantNumbered(1, 0));
    const process = createProcess(async () => {
      await stores.connections.saveRefreshed(connection, grantNumbered(3), refreshedTerms(clock.now()));
      return refreshed(grantNumbered(2));
    });
    expect((await process.get('u1')).grant.accessToken).toBe('access-3');
  });

  test('that ends after the connection does not bring it back', async () => {
    await connect(grantNumbered(1, 0));
    const process = createProcess(async () => {
      await stores.connections.disconnect('u1', clock.now());
      return refreshed(grantNumbered(2));
    });
    await expect(process.get('u1')).rejects.toMatchObject({ code: 'not_connected' });
    expect(await stores.connections.findByUser('u1')).toMatchObject({ status: 'disconnected', grant: null });
    const due = await stores.revocations.listDue(clock.now(), 10);
    expect(due.map(({ refreshToken }) => refreshToken).sort()).toEqual(['refresh-1', 'refresh-2']);
  });

  test('that was refused needs a reconnect, is in the timeline once, and is not tried again', async () => {
    const { id } = await connect(grantNumbered(1, 0));
    const process = createProcess(rejected);
    for (let count = 0; count < 3; count += 1) {
      await expect(process.get('u1')).rejects.toMatchObject({ code: 'needs_reconnect' });
    }
    expect(asked).toHaveLength(1);
    expect((await stores.events.listLatest(id, 10)).map(({ type }) => type)).toEqual(['needs_reconnect']);
  });

  test('without a refresh token asks nobody, and what there is serves to its end', async () => {
    const process = createProcess(unused);
    await connect({ ...grantNumbered(1, 50), refreshToken: null }, null);
    expect(await process.get('u1', { minTtlSeconds: 3000 })).toMatchObject({ refreshDelayed: true, generation: 1 });
    clock.advance(50);
    await expect(process.get('u1')).rejects.toMatchObject({ code: 'needs_reconnect' });
    expect((await read()).reason).toBe('no_refresh_token');
    expect(asked).toEqual([]);
  });

  test('past the end that was configured asks the provider once, who knows better', async () => {
    await connect(grantNumbered(1, 0), inSeconds(0));
    expect((await createProcess(async () => refreshed(grantNumbered(2))).get('u1')).grant.accessToken).toBe('access-2');
    await connect(grantNumbered(3, 0), inSeconds(0));
    const process = createProcess(rejected);
    for (const _ of [1, 2]) await expect(process.get('u1')).rejects.toMatchObject({ code: 'needs_reconnect' });
    expect((await read()).reason).toBe('refresh_expired');
    expect(asked).toEqual(['refresh-1', 'refresh-3']);
  });

  test.each([
    ['re-use', (first: Connection) => first.refreshExpiresAt],
    ['one-time', () => inSeconds(30 * 86_400)],
  ] as const)('of a %s token sets the end accordingly', async (use, end) => {
    const first = await connect(grantNumbered(1, 0));
    clock.advance(600);
    await createProcess(async () => refreshed(grantNumbered(2)), { ...reuse, use }).get('u1');
    expect((await stores.connections.findByUser('u1'))?.refreshExpiresAt).toEqual(end(first));
  });
});

describe('using a token', () => {
  const refuse = () => Promise.reject(new ConnectError('dinero_unauthorized', '401'));

  test('that Dinero refuses refreshes once and calls once more', async () => {
    await connect(grantNumbered(1));
    const process = createProcess(async () => refreshed(grantNumbered(2)));
    const used: string[] = [];
    const answer = await process.use('u1', async ({ grant }) => {
      used.push(grant.accessToken);
      return used.length === 1 ? refuse() : 'fine';
    });
    expect(answer).toBe('fine');
    expect(used).toEqual(['access-1', 'access-2']);
    await expect(process.use('u1', refuse)).rejects.toMatchObject({ code: 'dinero_unauthorized' });
    expect(asked).toEqual(['refresh-1', 'refresh-2']);
  });

  test('that Dinero refuses however fresh it is costs one refresh a minute, not one for each call', async () => {
    await connect(grantNumbered(1));
    const process = createProcess(async () => refreshed(grantNumbered(2)));
    for (let calls = 0; calls < 20; calls += 1) {
      await expect(process.use('u1', refuse)).rejects.toMatchObject({ code: 'dinero_unauthorized' });
    }
    expect(asked).toHaveLength(1);
    clock.advance(61);
    await expect(process.use('u1', refuse)).rejects.toMatchObject({ code: 'dinero_unauthorized' });
    expect(asked).toHaveLength(2);
  });

  test('that Dinero refuses and that cannot be refreshed costs no connection', async () => {
    await connect({ ...grantNumbered(1), refreshToken: null }, null);
    await expect(createProcess(unused).use('u1', refuse)).rejects.toMatchObject({ code: 'dinero_unauthorized' });
    expect((await stores.connections.findByUser('u1'))?.status).toBe('pending');
  });

  test('any other refusal is passed on at once', async () => {
    await connect(grantNumbered(1));
    const process = createProcess(unused);
    const fail = () => Promise.reject(new ConnectError('dinero_rate_limited', '429', 7));
    await expect(process.use('u1', fail)).rejects.toMatchObject({ retryAfterSeconds: 7 });
    expect(asked).toEqual([]);
  });
});

describe('a token that is new', () => {
  test('is as long as they come: it is answered although more was asked for, for five minutes', async () => {
    await connect(grantNumbered(1, 400));
    const process = createProcess(async () => refreshed(grantNumbered(2)));
    expect((await process.get('u1', { minTtlSeconds: 3_600 })).grant.accessToken).toBe('access-1');
    clock.advance(300);
    expect((await process.get('u1', { minTtlSeconds: 3_600 })).grant.accessToken).toBe('access-2');
  });

  test('and shorter than a minute is refreshed all the same', async () => {
    await connect(grantNumbered(1, 60));
    const process = createProcess(async () => refreshed(grantNumbered(2)));
    expect((await process.get('u1', { minTtlSeconds: 3_600 })).grant.accessToken).toBe('access-2');
  });
});

describe('a hand-out', () => {
  const organization = { id: '118244', name: 'RN', vatNumber: null };
  const choose = async (one: Connection) =>
    stores.connections.chooseOrganization(one, organization, clock.now(), { type: 'organization_chosen' });
  /** What another process had read a second ago. */
  const remember = (connection: Connection) => {
    stores.connections.findRecent = async () => connection;
  };

  test('of what was read a moment ago asks nobody', async () => {
    await choose(await connect(grantNumbered(1)));
    remember(await read());
    stores.connections.findByUser = () => Promise.reject(new Error('not asked for here'));
    expect(await createProcess(unused).handOut('u1', {})).toMatchObject({ generation: 1, organization });
  });

  test('does not refuse by what was read a moment ago: the company has been chosen since', async () => {
    const pending = await connect(grantNumbered(1));
    remember(pending);
    await choose(pending);
    expect(await createProcess(unused).handOut('u1', {})).toMatchObject({ organization });
  });

  test('needs the company under this consent: one from before is none', async () => {
    await choose(await connect(grantNumbered(1)));
    await connect(grantNumbered(2));
    expect((await read()).organization).toEqual(organization);
    for (const recent of [await read(), null]) {
      stores.connections.findRecent = async () => recent;
      await expect(createProcess(unused).handOut('u1', {})).rejects.toMatchObject({ code: 'organization_not_chosen' });
    }
  });

  test('of a connection that needs a reconnect is refused, though its token is good', async () => {
    await choose(await connect(grantNumbered(1)));
    await stores.connections.markNeedsReconnect(await read(), 'grant_rejected', clock.now());
    remember(await read());
    await expect(createProcess(unused).handOut('u1', {})).rejects.toMatchObject({ code: 'needs_reconnect' });
  });

  test('other uses read afresh', async () => {
    await choose(await connect(grantNumbered(1)));
    remember(await read());
    await stores.connections.disconnect('u1', clock.now());
    await expect(createProcess(unused).use('u1', unused)).rejects.toMatchObject({ code: 'not_connected' });
  });

  test('does not outlive a disconnect that came while a refresh was waited for', async () => {
    await choose(await connect({ ...grantNumbered(1, 50), obtainedAt: inSeconds(-3_550) }));
    const process = createProcess(async () => {
      await stores.connections.disconnect('u1', clock.now());
      return { kind: 'try_later', message: 'down', retryAfterSeconds: null };
    });
    await expect(process.handOut('u1', {})).rejects.toMatchObject({ code: 'not_connected' });
  });
});
