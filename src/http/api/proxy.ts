// Dinero as the integrator's backend sees it: the same paths, methods, bodies and answers, without a token to look after.

import { pipeline } from 'node:stream/promises';
import { type Response, Router } from 'express';
import { isConnectError } from '../../core/errors.ts';
import type { Core } from '../../core/index.ts';
import type { ForwardedAnswer } from '../../core/ports.ts';
import { hasBody, RequestError, refuseOtherMethods } from '../errors.ts';
import { requireScope } from './authentication.ts';
import { setAnswerHeaders, takeRequestHeaders } from './proxied-headers.ts';
import { createRequestBody } from './request-body.ts';

const forwardedMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
/** So often a path may be encoded over and over before nobody would take it for another one. */
const mostDecodings = 3;
const noBytes = Buffer.alloc(0);

/** Below `/users/:userId/connections/dinero/proxy`: what follows is Dinero's. */
export function createProxy(core: Pick<Core, 'forwarding'>): Router {
  const router = Router();
  router.use(requireScope('tokens'));
  // It would be answered with the request as Dinero got it: with the token.
  const refuseTrace = refuseOtherMethods(forwardedMethods);
  router.use((request, response, next) => (request.method === 'TRACE' ? refuseTrace(request, response, next) : next()));
  router.use(async (request, response) => {
    const target = readTarget(request.url);
    const body = hasBody(request) ? createRequestBody(request) : null;
    const left = watchForLeaving(response);
    try {
      const headers = takeRequestHeaders(request);
      const asked = { method: request.method, target, headers, body };
      const answer = await core.forwarding.forward(response.locals.userId, asked, left);
      await pass(answer, response);
    } catch (error) {
      // Nobody is there to be told, unless it was Dinero who broke off: then the log is.
      if (!left.aborted || isConnectError(error)) throw error;
    } finally {
      void body?.drain();
    }
  });
  return router;
}

/**
 * Path and query byte for byte. Refused is what some server on the way could take for another path than this app does,
 * or that is no path at all: an absolute URL, dot segments however they are written, a fragment.
 */
function readTarget(url: string): string {
  const [path = ''] = url.split('?');
  if (!url.startsWith('/') || url.includes('#') || hasDotSegment(path)) {
    throw new RequestError('bad_request', null, 'path: must be a path without dot segments and without a fragment');
  }
  return url;
}

function hasDotSegment(path: string): boolean {
  let decoded = path;
  for (let times = 0; times <= mostDecodings; times += 1) {
    // A parameter behind a semicolon is no part of a segment's name for every server.
    if (decoded.split(/[/\\]/).some((segment) => /^\.{1,2}(;.*)?$/s.test(segment))) return true;
    decoded = decoded.replace(/%([0-9a-f]{2})/gi, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return false;
}

/** Aborted when the caller hangs up; a caller who has gone already counts too. */
function watchForLeaving(response: Response): AbortSignal {
  const left = new AbortController();
  response.once('close', () => left.abort());
  if (response.closed) left.abort();
  return left.signal;
}

/** A body that breaks off ends the caller's connection: half an answer must not look like a whole one. */
async function pass(answer: ForwardedAnswer & { queuedMilliseconds: number }, response: Response): Promise<void> {
  response.statusCode = answer.status;
  setAnswerHeaders(response, answer.headers);
  if (answer.queuedMilliseconds > 0) {
    response.setHeader('dinero-connect-queued-milliseconds', Math.ceil(answer.queuedMilliseconds));
  }
  // Sends the headers now; `flushHeaders` would write their values as UTF-8, though each character is one byte.
  response.write(noBytes);
  await pipeline(answer.body, response);
}
