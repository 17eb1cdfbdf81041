import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { checkKeys } from '../../src/adapters/key-check.ts';
import { createResealing, type RowOutcome } from '../../src/adapters/resealing.ts';
import { createVault, type Vault, type VaultKey } from '../../src/adapters/vault.ts';
import { openTestDatabase } from '../support/databases.ts';
import { sealTokens, seedConnection, seedImportedGrant, seedRevocation, tokensOf } from '../support/seeded-rows.ts';
import { createSqlStores, testKey } from '../support/sql-stores.ts';

const newKey: VaultKey = { id: 'k2', bytes: new Uint8Array(32).fill(9) };
const former = createVault([testKey]);
const both = createVault([newKey, testKey]);
const inAHundredYears = new Date('2126-11-21T10:00:00.000Z');

let sql: Awaited<ReturnType<typeof openTestDatabase>>;
beforeEach(async () => {
  sql = await openTestDatabase();
});
afterEach(() => sql.remove());

async function reseal(vault: Vault = both, dryRun = false): Promise<RowOutcome[]> {
  const outcomes: RowOutcome[] = [];
  for await (const outcome of createResealing(sql.database, vault).resealAll({ dryRun })) outcomes.push(outcome);
  return outcomes;
}

type Row = {
  user_id: string;
  status: string;
  generation: number;
  sealed_access_token: string | null;
  sealed_refresh_token: string | null;
  key_id: string | null;
};
const rowOf = (user: string) => sql.database.run((db) => db<Row>('connections').where({ user_id: user }).first());
const change = (user: string, fields: Partial<Row>) =>
  sql.database.run((db) => db<Row>('connections').where({ user_id: user }).update(fields));
const dump = () => sql.database.run(async (db) => [await db('connections'), await db('revocations')]);

test('what a former key sealed opens with the first key alone afterwards, and is the same', async () => {
  await seedConnection(sql.database, former, 'anna');
  await seedConnection(sql.database, former, 'bo', { accessToken: 'access-of-bo', refreshToken: null });
  await seedRevocation(sql.database, former, 'carla');
  await seedImportedGrant(sql.database, former, 'dan/å');
  expect(await reseal()).toMatchObject([
    { kind: 'sealed', table: 'connections', id: 'connection-of-anna', keyId: 'k1' },
    { kind: 'sealed', table: 'connections', id: 'connection-of-bo', keyId: 'k1' },
    { kind: 'sealed', table: 'revocations', id: 'revocation-of-carla', keyId: 'k1' },
    { kind: 'sealed', table: 'imported_grants', id: 'dan/å', keyId: 'k1' },
  ]);
  const { connections, revocations, importedGrants, unreadable } = createSqlStores(sql.database, [newKey]);
  expect((await connections.findByUser('anna'))?.grant).toMatchObject(tokensOf('anna'));
  expect((await connections.findByUser('bo'))?.grant).toMatchObject({
    accessToken: 'access-of-bo',
    refreshToken: null,
  });
  expect(await revocations.listDue(inAHundredYears, 10)).toMatchObject([{ refreshToken: 'refresh-of-carla' }]);
  expect(await importedGrants.find('dan/å')).toMatchObject({ refreshToken: 'refresh-of-dan/å' });
  expect(unreadable).toEqual([]);
});

test('it is no write of a grant: a refresh that is under way can still store what it got', async () => {
  await seedConnection(sql.database, former, 'anna');
  await reseal();
  expect((await rowOf('anna'))?.generation).toBe(7);
});

test('a second run finds nothing to do, and several batches are gone through', async () => {
  for (let number = 0; number < 250; number += 1) await seedConnection(sql.database, former, `user-${number}`);
  expect((await reseal()).filter(({ kind }) => kind === 'sealed')).toHaveLength(250);
  expect(await reseal()).toEqual([]);
});

test('every key is counted with what it has sealed, and an ended connection is nobody’s', async () => {
  await seedConnection(sql.database, former, 'anna');
  await seedConnection(sql.database, both, 'bo');
  await seedConnection(sql.database, both, 'carla');
  await seedConnection(sql.database, former, 'dan');
  await change('dan', { sealed_access_token: null, sealed_refresh_token: null, key_id: null });
  await seedRevocation(sql.database, former, 'eva');
  await seedImportedGrant(sql.database, former, 'finn');
  expect(await createResealing(sql.database, both).listKeyUse()).toEqual([
    { keyId: 'k1', connections: 1, revocations: 1, importedGrants: 1 },
    { keyId: 'k2', connections: 2, revocations: 0, importedGrants: 0 },
  ]);
});

test('a dry run names what it would seal and what does not open, and writes nothing', async () => {
  await seedConnection(sql.database, former, 'anna');
  await seedConnection(sql.database, former, 'bo');
  await change('bo', { sealed_refresh_token: 'broken' });
  const before = await dump();
  expect(await reseal(both, true)).toMatchObject([{ kind: 'sealed' }, { kind: 'unreadable' }]);
  expect(await dump()).toEqual(before);
});

test('a row of which one value does not open is left whole, and the others go on', async () => {
  await seedConnection(sql.database, former, 'anna');
  await seedConnection(sql.database, former, 'bo');
  await change('anna', { sealed_refresh_token: (await rowOf('bo'))?.sealed_refresh_token });
  const before = await rowOf('anna');
  expect(await reseal()).toMatchObject([
    { kind: 'unreadable', id: 'connection-of-anna', keyId: 'k1' },
    { kind: 'sealed', id: 'connection-of-bo' },
  ]);
  expect(await rowOf('anna')).toEqual(before);
});

describe('a row that the app writes between the reading and the writing', () => {
  /** Seals as `both`, and writes as the app would before the first value is sealed anew. */
  function interrupt(write: () => Promise<unknown>): Vault {
    let written = false;
    return {
      ...both,
      async seal(...values) {
        if (!written) {
          written = true;
          await write();
        }
        return both.seal(...values);
      },
    };
  }
  const newer = { accessToken: 'newer-access', refreshToken: 'newer-refresh' };
  const storeNewer = async (vault: Vault) => change('anna', await sealTokens(vault, 'connection-of-anna', newer));
  const findGrant = async () =>
    (await createSqlStores(sql.database, [newKey]).connections.findByUser('anna'))?.grant ?? null;
  beforeEach(() => seedConnection(sql.database, former, 'anna'));

  test('with the first key keeps what the app wrote', async () => {
    expect(await reseal(interrupt(() => storeNewer(both)))).toMatchObject([{ kind: 'left' }]);
    expect(await findGrant()).toMatchObject(newer);
  });

  test('with the former key is met again, with what the app wrote', async () => {
    expect(await reseal(interrupt(() => storeNewer(former)))).toMatchObject([{ kind: 'sealed', keyId: 'k1' }]);
    expect(await findGrant()).toMatchObject(newer);
  });

  test('to change the refresh token alone keeps it', async () => {
    const { sealed_refresh_token } = await sealTokens(former, 'connection-of-anna', newer);
    await reseal(interrupt(() => change('anna', { sealed_refresh_token })));
    expect(await findGrant()).toMatchObject({ accessToken: 'access-of-anna', refreshToken: 'newer-refresh' });
  });

  test('to end the connection stays ended', async () => {
    const ended = { status: 'disconnected', sealed_access_token: null, sealed_refresh_token: null, key_id: null };
    expect(await reseal(interrupt(() => change('anna', ended)))).toMatchObject([{ kind: 'left' }]);
    expect(await rowOf('anna')).toMatchObject(ended);
  });
});

describe('the start afterwards', () => {
  test('is not stopped by a damaged value that was left under the former key', async () => {
    await seedConnection(sql.database, former, 'anna');
    await seedConnection(sql.database, former, 'bo');
    await change('bo', { sealed_access_token: 'broken' });
    await reseal();
    await checkKeys(sql.database, both);
  });

  test('is stopped when that key is taken out of TOKEN_KEYS', async () => {
    await seedConnection(sql.database, former, 'anna');
    await seedConnection(sql.database, both, 'bo');
    await expect(checkKeys(sql.database, createVault([newKey]))).rejects.toMatchObject({ code: 'misconfigured' });
  });

  test('is stopped when nothing but an imported grant needs the key that was taken out', async () => {
    await seedConnection(sql.database, both, 'anna');
    await seedImportedGrant(sql.database, former, 'bo');
    await checkKeys(sql.database, both);
    await expect(checkKeys(sql.database, createVault([newKey]))).rejects.toMatchObject({ code: 'misconfigured' });
  });

  test('is stopped when another key has the former one’s name, though the first one opens', async () => {
    for (let number = 0; number < 5; number += 1) await seedConnection(sql.database, former, `user-${number}`);
    await seedConnection(sql.database, both, 'bo');
    const impostor = createVault([newKey, { ...newKey, id: 'k1' }]);
    await expect(checkKeys(sql.database, impostor)).rejects.toMatchObject({ code: 'misconfigured' });
  });
});
