// Holds back what a response is about to send, so that a fault can spoil a true answer.

import type { OutgoingHttpHeaders } from 'node:http';
import type { Response } from 'express';

export type Answer = { status: number; headers: OutgoingHttpHeaders; body: Buffer };

export function captureAnswer(res: Response, use: (answer: Answer) => Promise<void>): void {
  const { write, end } = res;
  const chunks: Buffer[] = [];
  const collect = (chunk: unknown) => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk as string));
  };
  res.write = ((chunk: unknown) => {
    collect(chunk);
    return true;
  }) as typeof write;
  res.end = ((chunk?: unknown) => {
    collect(chunk);
    res.write = write;
    res.end = end;
    const answer = { status: res.statusCode, headers: res.getHeaders(), body: Buffer.concat(chunks) };
    use(answer).catch((error: unknown) => {
      console.error('sandbox: a fault failed:', error);
      res.destroy();
    });
    return res;
  }) as typeof end;
}

export function sendAnswer(res: Response, answer: Answer): void {
  if (res.destroyed) return;
  res.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
  res.end(answer.body);
}
