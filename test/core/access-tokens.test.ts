import { beforeEach, describe, expect, test } from '@jest/globals';
import { createAccessTokens } from '../../src/core/access-tokens.ts';
import { ConnectError } from '../../src/core/errors.ts';
import type { IdentityProvider } from '../../src/core/ports.ts';
import { createRunningWork } from '../../src/core/running-work.ts';
import type { Connection, Grant } from '../../src/core/types.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
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

function grantNumbered(number: number, lifetimeSeconds = 3600): Grant {
  return {
    accessToken: `access-${number}`,
    refreshToken: `refresh-${number}`,
    scope: ['dineropublicapi:read'],
    expiresAt: inSeconds(lifetimeSeconds),
  };
}

async function connect(grant: Grant, refreshExpiresAt: Date | null = inSeconds(86_400)): Promise<Connection> {
  const now = clock.now();
  const connection = await stores.connections.saveAuthorized('u1', grant, { refreshExpiresAt, startedAt: now, now });
  if (!connection) throw new Error('not stored');
  return connection;
}

const unused = () => Promise.reject(new Error('not asked for here'));

/** One process's view: its own promises, the same stores. */
function createProcess(refresh: IdentityProvider['refresh'], use: 're-use' | 'one-time' = 're-use') {
  const identityProvider: IdentityProvider = {
    createAuthorizationRequest: unused,
    exchangeCode: unused,
    revoke: unused,
    refresh(refreshToken, scope) {
      asked.push(refreshToken);
      return refresh(refreshToken, scope);
    },
  };
  const policy = { use, lifetimeSeconds: 30 * 86_400 };
  return createAccessTokens({ clock, identityProvider, ...stores }, policy, createRunningWork());
}

const rejected = () => Promise.reject(new ConnectError('grant_rejected', 'invalid_grant'));

describe('an access token', () => {
  test.each([
    [61, undefined, 0],
    [60, undefined, 1],
    [300, 299, 0],
    [300, 300, 1],
    [-5, 0, 1],
  ])('with %i seconds left, asked for %s, takes %i refreshes', async (left, minTtlSeconds, refreshes) => {
    await connect(grantNumbered(1, left));
    const process = createProcess(async () => grantNumbered(2));
    const { grant } = await process.get('u1', { minTtlSeconds });
    expect(grant.accessToken).toBe(refreshes === 0 ? 'access-1' : 'access-2');
    expect(asked).toHaveLength(refreshes);
  });

  test('is stored before anybody gets it', async () => {
    await connect(grantNumbered(1, 0));
    const { connections } = stores;
    stores.connections = { ...connections, saveRefreshed: unused };
    await expect(createProcess(async () => grantNumbered(2)).get('u1')).rejects.toThrow('not asked for here');
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
      return grantNumbered(number, 0);
    });
    const all = await Promise.all(Array.from({ length: 20 }, () => process.get('u1')));
    expect(new Set(all.map(({ grant }) => grant.accessToken))).toEqual(new Set(['access-2']));
    await process.get('u1');
    expect(asked).toEqual(['refresh-1', 'refresh-2']);
  });

  test('that ended while somebody still held the grant before it is not made again', async () => {
    const before = await connect(grantNumbered(1, 0));
    const process = createProcess(async () => grantNumbered(2));
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
    const late = createProcess(async () => grantNumbered(3));
    expect((await late.get('u1')).grant.accessToken).toBe('access-2');
    expect(asked).toHaveLength(1);
  });

  test('that was refused because another process was faster uses what that one stored', async () => {
    const connection = await connect(grantNumbered(1, 0));
    const process = createProcess(async () => {
      await stores.connections.saveRefreshed(connection, grantNumbered(2), null);
      return rejected();
    });
    expect((await process.get('u1')).grant.accessToken).toBe('access-2');
    expect((await stores.connections.findByUser('u1'))?.status).toBe('pending');
  });

  test('that another process overtook is not written over the newer grant', async () => {
    const connection = await connect(grantNumbered(1, 0));
    const process = createProcess(async () => {
      await stores.connections.saveRefreshed(connection, grantNumbered(3), null);
      return grantNumbered(2);
    });
    expect((await process.get('u1')).grant.accessToken).toBe('access-3');
  });

  test('that ends after the connection does not bring it back', async () => {
    await connect(grantNumbered(1, 0));
    const process = createProcess(async () => {
      await stores.connections.disconnect('u1', clock.now());
      return grantNumbered(2);
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

  test('without a refresh token, or past its end, asks nobody', async () => {
    const process = createProcess(unused);
    await connect({ ...grantNumbered(1, 0), refreshToken: null }, null);
    await expect(process.get('u1')).rejects.toMatchObject({ code: 'needs_reconnect' });
    await connect(grantNumbered(2, 0), inSeconds(0));
    await expect(process.get('u1')).rejects.toMatchObject({ code: 'needs_reconnect' });
    expect(asked).toEqual([]);
  });

  test.each(['client_rejected', 'provider_unavailable'] as const)(
    'that fails with %s leaves the grant as it is',
    async (code) => {
      await connect(grantNumbered(1, 0));
      const process = createProcess(() => Promise.reject(new ConnectError(code, 'x')));
      await expect(process.get('u1')).rejects.toMatchObject({ code });
      expect(await stores.connections.findByUser('u1')).toMatchObject({
        grant: grantNumbered(1, 0),
        generation: 1,
        reason: null,
      });
    },
  );

  test.each([
    ['re-use', (first: Connection) => first.refreshExpiresAt],
    ['one-time', () => inSeconds(30 * 86_400)],
  ] as const)('of a %s token sets the end accordingly', async (use, end) => {
    const first = await connect(grantNumbered(1, 0));
    clock.advance(600);
    await createProcess(async () => grantNumbered(2), use).get('u1');
    expect((await stores.connections.findByUser('u1'))?.refreshExpiresAt).toEqual(end(first));
  });
});

describe('using a token', () => {
  const refuse = () => Promise.reject(new ConnectError('dinero_unauthorized', '401'));

  test('that Dinero refuses refreshes once and calls once more', async () => {
    await connect(grantNumbered(1));
    const process = createProcess(async () => grantNumbered(2));
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
