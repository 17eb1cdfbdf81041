import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { createRequestBody } from '../../../src/http/api/request-body.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('of a large body only what is on its way is kept', async () => {
  const pieces: WeakRef<Buffer>[] = [];
  async function* upload() {
    for (let sent = 0; sent < 50; sent += 1) {
      const piece = Buffer.alloc(1024 * 1024);
      pieces.push(new WeakRef(piece));
      yield piece;
    }
  }
  const body = createRequestBody(Readable.from(upload()) as IncomingMessage);
  let bytes = 0;
  for await (const piece of body.read() ?? []) bytes += piece.length;
  await nextTurn();
  collectGarbage();
  expect(bytes).toBe(50 * 1024 * 1024);
  expect(pieces.filter((piece) => piece.deref()).length).toBeLessThan(10);
  expect(body.read()).toBeNull();
});
