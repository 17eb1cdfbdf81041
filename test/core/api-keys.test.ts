import { createHash } from 'node:crypto';
import { beforeEach, expect, test } from '@jest/globals';
import { createApiKeys } from '../../src/core/api-keys.ts';
import type { ApiKeyStore } from '../../src/core/stores.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { createMemoryApiKeys } from '../support/memory-integrator-stores.ts';

let clock: FixedClock;
let store: ApiKeyStore;
let reads: number;
let notes: number;
beforeEach(() => {
  clock = createFixedClock();
  reads = 0;
  notes = 0;
  const plain = createMemoryApiKeys();
  store = {
    ...plain,
    find(id) {
      reads += 1;
      return plain.find(id);
    },
    markUsed(id, now) {
      notes += 1;
      return plain.markUsed(id, now);
    },
  };
});

const create = () => createApiKeys({ clock, apiKeys: store });
const wanted = { name: 'backend', scopes: ['tokens' as const], expiresAt: null };

test('what is kept of a key is the hash of its secret', async () => {
  const { key, text } = await create().create(wanted);
  const secret = text.slice(-43);
  expect((await store.find(key.id))?.secretHash).toBe(createHash('sha256').update(secret).digest('base64url'));
});

test('whoever does not know the secret is not told that the key was revoked, or has ended', async () => {
  const keys = create();
  const { key, text } = await keys.create({ ...wanted, expiresAt: new Date(clock.now().getTime() + 1_000) });
  const wrong = `${text.slice(0, -43)}${'x'.repeat(43)}`;
  clock.advance(2);
  expect([await keys.check(text), await keys.check(wrong)]).toEqual([{ refusal: 'expired' }, { refusal: 'unknown' }]);
  await keys.revoke(key.id);
  clock.advance(2);
  expect([await keys.check(text), await keys.check(wrong)]).toEqual([{ refusal: 'revoked' }, { refusal: 'unknown' }]);
});

test('a key is looked up once a second', async () => {
  const keys = create();
  const { text } = await keys.create(wanted);
  for (let checks = 0; checks < 10; checks += 1) expect(await keys.check(text)).toHaveProperty('key');
  expect(reads).toBe(1);
  clock.advance(1);
  await keys.check(text);
  expect(reads).toBe(2);
});

test('of many keys the memory holds no more than it has room for', async () => {
  const keys = create();
  const { text } = await keys.create(wanted);
  await keys.check(text);
  for (let made = 0; made < 1_000; made += 1) await keys.check((await keys.create(wanted)).text);
  reads = 0;
  await keys.check(text);
  expect(reads).toBe(1);
});

test('a database that cannot be written costs no request, and is not asked again for an hour', async () => {
  const keys = create();
  const { text } = await keys.create(wanted);
  store.markUsed = () => {
    notes += 1;
    return Promise.reject(new Error('read-only'));
  };
  for (let seconds = 0; seconds < 10; seconds += 1) {
    expect(await keys.check(text)).toHaveProperty('key');
    clock.advance(2);
  }
  expect(notes).toBe(1);
});
