// Misbehaviour on demand: which fault waits at which endpoint, and for how many more requests.

import type { NextFunction, Request, Response } from 'express';
import { misbehave } from './misbehaving.ts';
import type { Fault, FaultTarget } from './types.ts';

const TARGETS: [FaultTarget, RegExp][] = [
  ['discovery', /^GET \/\.well-known\/openid-configuration$/],
  ['jwks', /^GET \/\.well-known\/openid-configuration\/jwks$/],
  ['token', /^POST \/connect\/token$/],
  ['revocation', /^POST \/connect\/revocation$/],
  ['organizations', /^GET \/v1\/organizations$/],
  ['accountingyears', /^GET \/v1\/[^/]+\/accountingyears$/],
];

export type WaitingFault = { target: FaultTarget; fault: Fault; times: number };

export type Faults = {
  set(target: FaultTarget, fault: Fault, times?: number): void;
  clear(): void;
  /** What waits now, for the front page; `times` is Infinity for what waits until it is cleared. */
  waiting(): WaitingFault[];
  apply(req: Request, res: Response, next: NextFunction): void;
};

export function createFaults(): Faults {
  const waiting = new Map<FaultTarget, { fault: Fault; times: number }>();

  function take(method: string, path: string): Fault | null {
    const target = TARGETS.find(([, pattern]) => pattern.test(`${method} ${path}`))?.[0];
    const entry = target && waiting.get(target);
    if (!target || !entry) return null;
    entry.times -= 1;
    if (entry.times <= 0) waiting.delete(target);
    return entry.fault;
  }

  return {
    set(target, fault, times = Number.POSITIVE_INFINITY) {
      if (times > 0) waiting.set(target, { fault, times });
    },
    clear: () => waiting.clear(),
    waiting: () => [...waiting].map(([target, entry]) => ({ target, ...entry })),
    apply(req, res, next) {
      const fault = take(req.method, req.path);
      if (!fault) return next();
      misbehave(fault, req, res, next);
    },
  };
}
