import { describe, expect, test } from '@jest/globals';
import { CompactEncrypt } from 'jose';
import { createVault, type VaultKey } from '../../src/adapters/vault.ts';

const k1: VaultKey = { id: 'k1', bytes: new Uint8Array(32).fill(1) };
const k2: VaultKey = { id: 'k2', bytes: new Uint8Array(32).fill(2) };
const place = 'connections/c1/refresh_token' as const;

describe('a sealed value', () => {
  test('opens in its place', async () => {
    const vault = createVault([k1]);
    expect(await vault.open(await vault.seal('æøå 😀', place), place)).toBe('æøå 😀');
  });

  test('is different every time', async () => {
    const vault = createVault([k1]);
    const all = await Promise.all(Array.from({ length: 100 }, () => vault.seal('same', place)));
    expect(new Set(all).size).toBe(100);
  });

  test.each(['connections/c2/refresh_token', 'connections/c1/access_token', 'attempts/c1/refresh_token'] as const)(
    'does not open in %s',
    async (other) => {
      const vault = createVault([k1]);
      await expect(vault.open(await vault.seal('x', place), other)).rejects.toMatchObject({ reason: 'damaged' });
    },
  );

  test('does not open with any one character changed', async () => {
    const vault = createVault([k1]);
    const sealed = await vault.seal('a refresh token', place);
    for (let index = 0; index < sealed.length; index += 1) {
      if (sealed[index] === '.') continue;
      const swapped = sealed[index] === 'A' ? 'Q' : 'A';
      const changed = sealed.slice(0, index) + swapped + sealed.slice(index + 1);
      await expect(vault.open(changed, place)).rejects.toThrow();
    }
  });

  test('does not open when it was sealed in another way, even with the right key', async () => {
    const header = { alg: 'dir', enc: 'A128CBC-HS256', kid: 'k1', place };
    const sealed = await new CompactEncrypt(Buffer.from('x')).setProtectedHeader(header).encrypt(k1.bytes);
    await expect(createVault([k1]).open(sealed, place)).rejects.toMatchObject({ reason: 'damaged' });
  });

  test('does not open with a cut tag, a cut text or another header', async () => {
    const vault = createVault([k1]);
    const [header, key, iv, text, tag] = (await vault.seal('a refresh token', place)).split('.') as [
      string,
      string,
      string,
      string,
      string,
    ];
    const shortTag = Buffer.from(tag, 'base64url').subarray(0, 4).toString('base64url');
    const otherHeader = Buffer.from(
      JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid: 'k1', place: 'connections/c2/refresh_token' }),
    ).toString('base64url');
    for (const parts of [
      [header, key, iv, text, shortTag],
      [header, key, iv, text, ''],
      [header, key, iv, text.slice(0, -2), tag],
      [otherHeader, key, iv, text, tag],
      [header, key, iv, text],
      ['x'],
    ]) {
      await expect(vault.open(parts.join('.'), place)).rejects.toMatchObject({ reason: 'damaged' });
    }
  });
});

describe('a key ring', () => {
  test('opens with every key and seals with the first', async () => {
    const old = await createVault([k1]).seal('x', place);
    const rotated = createVault([k2, k1]);
    expect(await rotated.open(old, place)).toBe('x');
    const fresh = await rotated.seal('y', place);
    expect(await createVault([k2]).open(fresh, place)).toBe('y');
    await expect(createVault([k1]).open(fresh, place)).rejects.toMatchObject({ reason: 'unknown_key' });
  });

  test('with another key of the same name does not open', async () => {
    const sealed = await createVault([k1]).seal('x', place);
    await expect(createVault([{ ...k2, id: 'k1' }]).open(sealed, place)).rejects.toMatchObject({ reason: 'damaged' });
  });

  test('says nothing of the value in its errors', async () => {
    const sealed = await createVault([k1]).seal('very secret', place);
    const error = await createVault([k2])
      .open(sealed, place)
      .catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(/very secret|eyJ/);
    expect((error as Error).cause).toBeUndefined();
  });
});
