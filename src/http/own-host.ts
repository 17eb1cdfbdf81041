// Whether a request came by this computer's own address. The server listens on every one that the computer has, so its
// configuration cannot tell.

import type { Request } from 'express';

const ownHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** A tunnel, the local network and a name that was made to lead here are told by the host that the browser asked for. */
export function isAtHome({ headers }: Pick<Request, 'headers'>): boolean {
  return [headers.host ?? '', headers['x-forwarded-host'] ?? []].flat().every((host) => ownHost.test(host));
}
