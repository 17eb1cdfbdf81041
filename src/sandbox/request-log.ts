// What was asked of the sandbox, for tests that count calls. Bounded: a long-running sandbox must not grow.

import type { IncomingMessage } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import type { SandboxRequest } from './types.ts';

const MOST_REQUESTS = 10_000;

export type RequestLog = {
  requests: SandboxRequest[];
  record(req: Request, res: Response, next: NextFunction): void;
  /** Notes the form of a request whose body someone else reads, without taking it from them. */
  listen(req: IncomingMessage): void;
  count(method: string, path: string): number;
  clear(): void;
};

export function createRequestLog(): RequestLog {
  const requests: SandboxRequest[] = [];
  const entries = new WeakMap<IncomingMessage, SandboxRequest>();

  return {
    requests,
    record(req, _res, next) {
      const headers = Object.fromEntries(Object.entries(req.headers).map(([name, value]) => [name, String(value)]));
      const entry: SandboxRequest = { method: req.method, path: req.path, headers, form: null };
      entries.set(req, entry);
      requests.push(entry);
      if (requests.length > MOST_REQUESTS) requests.shift();
      next();
    },
    listen(req) {
      const entry = entries.get(req);
      if (!entry || !req.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) return;
      const chunks: Buffer[] = [];
      // Paused first: a listener alone would set the stream flowing before its reader is there.
      req.pause();
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        entry.form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
      });
    },
    count: (method, path) => requests.filter((entry) => entry.method === method && entry.path === path).length,
    clear() {
      requests.length = 0;
    },
  };
}
