// One-time links that bind a browser to one of the integrator's users. The URL's secret is a signature over the link's
// id, so that the same link can be named again without keeping its secret (decision 14).

import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { ConnectError } from './errors.ts';
import type { Link } from './integrator-types.ts';
import type { Clock } from './ports.ts';
import { isSameSecret } from './secrets.ts';
import type { LinkStore } from './stores.ts';
import type { Language } from './types.ts';

export type Links = ReturnType<typeof createLinks>;

/** `token` is what follows `/link/` in the URL. */
export type MadeLink = { token: string; expiresAt: Date };

export const usualLinkSeconds = 15 * 60;
export const longestLinkSeconds = 7 * 86_400;

/** A reconnect link that is told again lives at least this much longer. */
const leastReconnectMilliseconds = 86_400_000;
const idBytes = 16;
const idForm = /^[\w-]{22}$/;
const form = /^([\w-]{22})\.([\w-]{43})$/;

/** `secrets`: the first signs, all verify. `returnUrlOrigins` are the ones that a link may lead back to. */
export function createLinks(
  ports: { clock: Clock; links: LinkStore },
  options: { secrets: string[]; returnUrlOrigins: string[] },
) {
  const { clock, links } = ports;
  const keys = options.secrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', 'dinero-connect links', 32)));

  /** Reconnect links that are being made: whoever asks meanwhile gets the same. */
  const making = new Map<string, Promise<MadeLink>>();

  /** Throws return_url_refused for an address whose origin is not allowed. */
  async function create(asked: {
    userId: string;
    returnUrl: string | null;
    language: Language | null;
    expiresInSeconds: number;
  }): Promise<MadeLink> {
    const { userId, returnUrl, language, expiresInSeconds } = asked;
    if (returnUrl !== null && !isAllowed(returnUrl)) {
      throw new ConnectError('return_url_refused', 'the origin of the return URL is not among RETURN_URL_ORIGINS');
    }
    return insert(
      { userId, returnUrl: returnUrl && new URL(returnUrl).href, language, kind: 'asked' },
      expiresInSeconds,
    );
  }

  /** A link for a user who has to reconnect: the one that was told before while it is unopened and lives a day longer. */
  function createForReconnect(userId: string): Promise<MadeLink> {
    const already = making.get(userId);
    if (already) return already;
    const task = makeReconnectLink(userId).finally(() => making.delete(userId));
    making.set(userId, task);
    return task;
  }

  async function makeReconnectLink(userId: string): Promise<MadeLink> {
    const after = new Date(clock.now().getTime() + leastReconnectMilliseconds);
    const before = await links.findReconnectLink(userId, after);
    if (before) return { token: tokenOf(before.id), expiresAt: before.expiresAt };
    return insert({ userId, returnUrl: null, language: null, kind: 'reconnect' }, longestLinkSeconds);
  }

  async function insert(
    link: Pick<Link, 'userId' | 'returnUrl' | 'language' | 'kind'>,
    seconds: number,
  ): Promise<MadeLink> {
    const id = randomBytes(idBytes).toString('base64url');
    const createdAt = clock.now();
    const expiresAt = new Date(createdAt.getTime() + seconds * 1000);
    await links.insert({ ...link, id, createdAt, expiresAt, openedAt: null, browserId: null });
    return { token: tokenOf(id), expiresAt };
  }

  /**
   * The link of this token, as long as it may be opened in this browser.
   * Throws link_unknown, link_expired, link_used when another browser has opened it.
   */
  async function find(token: string, browserId: string): Promise<Link> {
    const [, id = '', signature = ''] = form.exec(token) ?? [];
    const link = keys.some((key) => isSameSecret(sign(key, id), Buffer.from(signature, 'base64url')))
      ? await links.find(id)
      : null;
    if (!link) throw new ConnectError('link_unknown', 'no link has this token');
    if (link.browserId !== null && link.browserId !== browserId) throw createUsedError();
    if (link.expiresAt <= clock.now()) throw new ConnectError('link_expired', 'the link came too late');
    return link;
  }

  /** Binds the link to this browser; the same one may open it again. Throws what `find` throws. */
  async function open(token: string, browserId: string): Promise<Link> {
    const link = await find(token, browserId);
    if (!(await links.open(link.id, browserId, clock.now()))) throw createUsedError();
    return link;
  }

  /**
   * Where the person of this link goes afterwards, and whose link it is. Null when nowhere, when that origin is not
   * allowed any more, or when another browser (`null`: none) has opened the link.
   */
  async function findWayBack(
    linkId: string,
    browserId: string | null,
  ): Promise<{ userId: string; returnUrl: string } | null> {
    const link = browserId !== null && idForm.test(linkId) ? await links.find(linkId) : null;
    if (!link?.returnUrl || link.browserId !== browserId || !isAllowed(link.returnUrl)) return null;
    return { userId: link.userId, returnUrl: link.returnUrl };
  }

  /** True once for each link that leads somewhere afterwards: then its person is to be sent there. */
  function markReturned(linkId: string): Promise<boolean> {
    return links.markReturned(linkId, clock.now());
  }

  /** Browsers read addresses more leniently than this, so what a URL parser makes of it is what is kept (A13). */
  function isAllowed(address: string): boolean {
    const url = URL.parse(address);
    const plain = url !== null && url.username === '' && url.password === '';
    return plain && ['https:', 'http:'].includes(url.protocol) && options.returnUrlOrigins.includes(url.origin);
  }

  function tokenOf(id: string): string {
    const [key] = keys;
    if (!key) throw new ConnectError('misconfigured', 'no secret to sign links with');
    return `${id}.${sign(key, id).toString('base64url')}`;
  }

  return { create, createForReconnect, find, open, findWayBack, markReturned };
}

function sign(key: Buffer, id: string): Buffer {
  return createHmac('sha256', key).update(id).digest();
}

function createUsedError(): ConnectError {
  return new ConnectError('link_used', 'another browser has opened this link');
}
