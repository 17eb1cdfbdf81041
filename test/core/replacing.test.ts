import { beforeEach, describe, expect, test } from '@jest/globals';
import { ConnectError } from '../../src/core/errors.ts';
import type { IdentityProvider } from '../../src/core/ports.ts';
import type { Connection, Identity } from '../../src/core/types.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { createFakeCore } from '../support/fake-core.ts';
import { grantNumbered } from '../support/grants.ts';
import { createMemoryStores, type Stores } from '../support/memory-stores.ts';

// What a reconnect does with the question that it asks, when things go wrong meanwhile. What people see of it is in
// test/http/reconnecting.test.ts.

let clock: FixedClock;
let stores: Stores;
let consents: number;
let identity: Identity | null;
beforeEach(() => {
  clock = createFixedClock(new Date('2026-11-20T10:00:00.000Z'));
  stores = createMemoryStores();
  consents = 0;
  identity = null;
});

/** Every code names who consented: `anna` and `bo` have one company each. */
const identityProvider: IdentityProvider = {
  createAuthorizationRequest: async () => {
    consents += 1;
    return { url: 'https://i', state: `s${consents}`, secrets: { nonce: 'n', codeVerifier: 'v' } };
  },
  exchangeCode: async ({ code }) => ({
    grant: { ...grantNumbered(consents, clock.now()), accessToken: `${code}-${consents}` },
    subject: code,
    identity,
  }),
  refresh: () => Promise.reject(new Error('not asked for here')),
  revoke: async () => {},
};
const companies: Record<string, string> = { anna: '1', bo: '2' };
const accountingApi = {
  async listOrganizations(accessToken: string) {
    const id = companies[accessToken.split('-')[0] ?? ''] ?? '';
    return [{ id, name: `Company ${id}`, isPro: true, vatNumber: null, city: null }];
  },
  proveAccess: async () => {},
};
const createCore = () => createFakeCore({ clock, identityProvider, accountingApi, ...stores });

async function consent(person: string) {
  const { connecting } = createCore();
  await connecting.start({ browserId: 'b1', userId: 'u1', linkId: null, language: 'da', signInAgain: false });
  const id = await connecting.receive(`s${consents}`, { kind: 'code', code: person, issuer: null });
  clock.advance(1);
  return { id: id ?? '', result: await connecting.finish(id ?? '', 'b1') };
}

/** Anna is connected with her company, and Bo has just consented in her browser. */
async function ask(): Promise<string> {
  await consent('anna');
  await createCore().organizations.choose('u1', '1');
  const { id, result } = await consent('bo');
  expect(result).toMatchObject({ kind: 'undecided', objection: 'other_person' });
  clock.advance(1);
  return id;
}

const read = async () => (await stores.connections.findByUser('u1')) as Connection;
const due = async () => (await stores.revocations.listDue(clock.now(), 10)).map(({ refreshToken }) => refreshToken);

describe('an answer', () => {
  test('that could not be carried out changes nothing, and can be given again', async () => {
    const id = await ask();
    const before = await read();
    const { saveAuthorized } = stores.connections;
    stores.connections.saveAuthorized = () => Promise.reject(new ConnectError('database_unavailable', 'SQLITE_FULL'));
    await expect(createCore().connecting.decide(id, 'b1', 'replace')).rejects.toMatchObject({
      code: 'database_unavailable',
    });
    expect(await read()).toEqual(before);
    stores.connections.saveAuthorized = saveAuthorized;
    expect(await createCore().connecting.decide(id, 'b1', 'replace')).toMatchObject({ kind: 'authorized' });
    expect((await read()).grant?.accessToken).toBe('bo-2');
  });

  test('that another process is carrying out is waited for', async () => {
    const id = await ask();
    const { saveAuthorized } = stores.connections;
    stores.connections.saveAuthorized = async (...write) => {
      await clock.sleep(900);
      await clock.sleep(900);
      return saveAuthorized(...write);
    };
    const processes = [createCore(), createCore()];
    const results = await Promise.all(processes.map(({ connecting }) => connecting.decide(id, 'b1', 'replace')));
    expect(results).toEqual([
      { kind: 'authorized', userId: 'u1' },
      { kind: 'authorized', userId: 'u1' },
    ]);
    expect((await read()).generation).toBe(2);
  });

  test('to replace comes too late when the person has consented again since', async () => {
    const id = await ask();
    await consent('anna');
    const { generation } = await read();
    expect(await createCore().connecting.decide(id, 'b1', 'replace')).toEqual({ kind: 'kept', userId: 'u1' });
    expect(await read()).toMatchObject({ generation, grant: { accessToken: 'anna-3' } });
    expect(await due()).toEqual(['refresh-2']);
  });

  test('that was carried out although its end could not be written down does not end what it has stored', async () => {
    const id = await ask();
    const { finish } = stores.attempts;
    stores.attempts.finish = (attemptId, result, parked) =>
      result.kind === 'undecided' ? finish(attemptId, result, parked) : Promise.reject(new Error('lost'));
    await expect(createCore().connecting.decide(id, 'b1', 'replace')).rejects.toThrow('lost');
    stores.attempts.finish = finish;
    await createCore().connecting.decide(id, 'b1', 'replace');
    expect(await read()).toMatchObject({ generation: 2, grant: { accessToken: 'bo-2' } });
    expect(await due()).toEqual([]);
  });
});

test('a person whom Visma Connect names does not become the user of somebody else’s connection', async () => {
  await consent('anna');
  await createCore().organizations.choose('u1', '1');
  identity = { issuer: 'https://i', subject: 'bo' };
  const { result } = await consent('bo');
  expect(result).toMatchObject({ kind: 'authorized' });
  expect('userId' in result && result.userId).not.toBe('u1');
  expect((await read()).grant?.accessToken).toBe('anna-1');
  identity = { issuer: 'https://i', subject: 'anna' };
  expect((await consent('anna')).result).toMatchObject({ kind: 'connected', userId: 'u1' });
});
