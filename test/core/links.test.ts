import { beforeEach, describe, expect, test } from '@jest/globals';
import { createLinks } from '../../src/core/links.ts';
import type { LinkStore } from '../../src/core/stores.ts';
import { createFixedClock, type FixedClock } from '../support/clock.ts';
import { createMemoryLinks } from '../support/memory-integrator-stores.ts';

const former = 'a secret that has signed links before';
const secret = 'a secret that signs links from now on';
const origin = 'https://app.example.com';
const asked = { userId: 'u1', returnUrl: `${origin}/x`, language: null, expiresInSeconds: 900 };

let clock: FixedClock;
let store: LinkStore;
beforeEach(() => {
  clock = createFixedClock();
  store = createMemoryLinks();
});

const create = (secrets = [secret], returnUrlOrigins = [origin]) =>
  createLinks({ clock, links: store }, { secrets, returnUrlOrigins });

describe('a link', () => {
  test('works while the secret that signed it is there, whichever place it has, and no longer', async () => {
    const { token } = await create([former]).create(asked);
    expect((await create([secret, former]).find(token, 'b0')).userId).toBe('u1');
    await expect(create([secret]).find(token, 'b0')).rejects.toMatchObject({ code: 'link_unknown' });
  });

  test('is signed with the first secret', async () => {
    const { token } = await create([secret, former]).create(asked);
    expect((await create([secret]).find(token, 'b0')).userId).toBe('u1');
  });

  test('keeps its address as every browser reads it', async () => {
    const links = create();
    const { token } = await links.create({ ...asked, returnUrl: 'https:\\\\APP.example.com/a b' });
    expect((await links.find(token, 'b0')).returnUrl).toBe(`${origin}/a%20b`);
  });

  test('leads back while its origin is allowed, for the browser that opened it', async () => {
    const links = create();
    const { token } = await links.create(asked);
    const { id } = await links.open(token, 'b1');
    expect(await links.findWayBack(id, 'b1')).toEqual({ userId: 'u1', returnUrl: `${origin}/x` });
    expect(await links.findWayBack(id, 'b2')).toBeNull();
    expect(await links.findWayBack(id, null)).toBeNull();
    expect(await links.findWayBack(`${id}\0`, 'b1')).toBeNull();
    expect(await create([secret], []).findWayBack(id, 'b1')).toBeNull();
  });

  test('that nobody opened leads nobody back', async () => {
    const links = create();
    const { token } = await links.create(asked);
    const { id } = await links.find(token, 'b0');
    for (const browser of [null, 'b1']) expect(await links.findWayBack(id, browser)).toBeNull();
  });

  test('that another browser opens in the same moment is used', async () => {
    store = { ...store, open: async () => false };
    const links = create();
    const { token } = await links.create(asked);
    await expect(links.open(token, 'b1')).rejects.toMatchObject({ code: 'link_used' });
  });
});

describe('a reconnect link', () => {
  test('is told again while it lives a day longer, and then there is a new one', async () => {
    const links = create();
    const first = await links.createForReconnect('u1');
    clock.advance(6 * 86_400 - 1);
    expect(await links.createForReconnect('u1')).toEqual(first);
    clock.advance(1);
    const next = await links.createForReconnect('u1');
    expect(next.token).not.toBe(first.token);
    expect(next.expiresAt.getTime()).toBe(clock.now().getTime() + 7 * 86_400_000);
  });

  test('is one for all who ask at once, and one for each user', async () => {
    const links = create();
    const tokens = await Promise.all(['u1', 'u1', 'u1', 'u2'].map((userId) => links.createForReconnect(userId)));
    expect(new Set(tokens.map(({ token }) => token)).size).toBe(2);
  });
});
