// Each fault as bytes on a socket. Some take the place of the true answer; some let the request be processed and then
// spoil its answer, as a network does.

import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { NextFunction, Request, Response } from 'express';
import { captureAnswer, sendAnswer } from './answers.ts';
import type { Fault, HeaderValue } from './types.ts';

export function misbehave(fault: Fault, req: Request, res: Response, next: NextFunction): void {
  if (spoilsTrueAnswer(fault)) {
    captureAnswer(res, (answer) => spoil(fault, answer, res));
    next();
  } else replace(fault, req, res);
}

type Spoiling = Extract<Fault, { kind: 'slow' | 'cut' | 'answerThenReset' | 'drip' | 'odd' | 'transform' }>;
type Replacing = Exclude<Fault, Spoiling>;
type Answer = Parameters<Parameters<typeof captureAnswer>[1]>[0];

function spoilsTrueAnswer(fault: Fault): fault is Spoiling {
  return ['slow', 'cut', 'answerThenReset', 'drip', 'odd', 'transform'].includes(fault.kind);
}

async function spoil(fault: Spoiling, answer: Answer, res: Response): Promise<void> {
  switch (fault.kind) {
    case 'slow':
      await delay(fault.ms, undefined, { ref: false });
      return sendAnswer(res, answer);
    case 'cut':
      res.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
      res.write(answer.body.subarray(0, Math.floor(answer.body.length / 2)));
      // Long enough for the half to leave this process before the socket does.
      await delay(20);
      res.socket?.destroy();
      return;
    case 'answerThenReset':
      res.socket?.resetAndDestroy();
      return;
    case 'drip':
      res.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
      return drip(answer.body, res);
    case 'odd':
      if (answer.status !== 200) return sendAnswer(res, answer);
      return sendChanged(res, answer, (body) => ({ ...body, [fault.field]: fault.value }));
    case 'transform':
      return sendChanged(res, answer, fault.transform);
  }
}

function sendChanged(res: Response, answer: Answer, change: (body: Record<string, unknown>) => unknown): void {
  const changed = change(JSON.parse(answer.body.toString()) as Record<string, unknown>);
  sendAnswer(res, { ...answer, body: Buffer.from(JSON.stringify(changed)) });
}

async function drip(body: Buffer, res: Response): Promise<void> {
  for (const byte of body) {
    if (res.destroyed) return;
    res.write(Buffer.of(byte));
    await delay(1000, undefined, { ref: false });
  }
  res.end();
}

function replace(fault: Replacing, req: Request, res: Response): void {
  switch (fault.kind) {
    case 'reset':
      req.socket.resetAndDestroy();
      return;
    case 'hang':
      req.resume();
      return;
    default:
      // The body is read first: a client that is still sending must not mistake our answer for a reset.
      void once(req.resume(), 'end').then(() => answerFalsely(fault, res));
  }
}

function answerFalsely(fault: Exclude<Replacing, { kind: 'reset' | 'hang' }>, res: Response): void {
  switch (fault.kind) {
    case 'status':
      res.writeHead(fault.status, {
        'Content-Type': fault.contentType ?? 'application/json',
        ...makeHeaders(fault.headers ?? {}),
      });
      res.end(fault.body ?? '');
      return;
    case 'html':
      res
        .type('html')
        .end('<!doctype html><html lang="en"><title>Maintenance</title><h1>We will be back soon</h1></html>');
      return;
    case 'garbage':
      res.type('json').end(Buffer.from('7b22616363657373ff00fe3c3c3c', 'hex'));
      return;
    case 'empty':
      res.status(204).end();
      return;
    case 'redirect':
      res.redirect(302, fault.location);
      return;
    case 'huge':
      res.type('json');
      void pipeline(Readable.from(createHugeText(fault.bytes)), res).catch(() => undefined);
  }
}

function makeHeaders(headers: Record<string, HeaderValue>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'function' ? value() : value]),
  );
}

function* createHugeText(bytes: number): Generator<string> {
  const piece = `{"access_token":"${'x'.repeat(65_536 - 19)}"},`;
  let left = bytes - 1;
  yield '[';
  while (left > 0) {
    yield piece.slice(0, left);
    left -= piece.length;
  }
}
