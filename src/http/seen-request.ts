// How the last page request came, as far as TRUST_PROXY lets this app believe: for the doctor, who cannot know it from
// the configuration. Nothing of the person is kept.

import type { RequestHandler } from 'express';
import type { SeenRequest } from '../core/probes.ts';

export type RequestWatch = ReturnType<typeof watchRequests>;

export function watchRequests() {
  let last: SeenRequest | null = null;
  const record: RequestHandler = ({ protocol, host }, _response, next) => {
    last = { protocol, host: host ?? '' };
    next();
  };
  /** `last` is null until somebody opened a page. */
  return { record, last: () => last };
}
