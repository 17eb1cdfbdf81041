// How requests to this app end and how long they take, by the kind of thing that was asked for. Nothing of a path, an
// id or a person is told.

import type { Request, RequestHandler, Response } from 'express';

export type RouteGroup = 'page' | 'callback' | 'api' | 'proxy' | 'asset' | 'other';

/** `status`: a class, or that nobody waited for the end of the answer. */
export type MeasuredRequest = {
  method: string;
  route: RouteGroup;
  status: '2xx' | '3xx' | '4xx' | '429' | '5xx' | 'aborted';
};

/** Must not throw. */
export type RequestMeasure = (request: MeasuredRequest, milliseconds: number) => void;

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const asset = /\.(css|svg|png|ico|webmanifest|txt|woff2)$/i;
const page =
  /^\/((connect|connection|disconnect|organizations|reconnect|link|leaving|setup|operator|api\/docs|oauth\/finish)(\/|$)|$)/i;
const proxy = /^\/api\/v1\/users\/[^/]+\/connections\/dinero\/proxy(\/|$)/i;

export function measureRequests(tell: RequestMeasure): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    const route = groupOf(request.path);
    response.on('close', () => {
      const status = statusOf(response);
      tell({ method: methodOf(request), route, status }, performance.now() - started);
    });
    next();
  };
}

/** `other`: probes, metrics, and what nobody has. */
export function groupOf(path: string): RouteGroup {
  if (/^\/api\/v1(\/|$)/i.test(path)) return proxy.test(path) ? 'proxy' : 'api';
  if (/^\/oauth\/callback\/?$/i.test(path)) return 'callback';
  if (page.test(path)) return 'page';
  return asset.test(path) ? 'asset' : 'other';
}

function methodOf({ method }: Request): string {
  return methods.includes(method) ? method : 'other';
}

function statusOf(response: Response): MeasuredRequest['status'] {
  const { statusCode } = response;
  if (!response.writableFinished) return 'aborted';
  if (statusCode === 429) return '429';
  if (statusCode >= 500) return '5xx';
  if (statusCode >= 400) return '4xx';
  return statusCode >= 300 ? '3xx' : '2xx';
}
