// The body of a request as it comes in, a piece at a time, with its beginning at hand for a second try.

import type { IncomingMessage } from 'node:http';

const mostKeptBytes = 1024 * 1024;

export function createRequestBody(request: IncomingMessage) {
  // Never returned early: that would end the caller's connection, on which the answer goes back.
  const pieces: AsyncIterator<Buffer> = request[Symbol.asyncIterator]();
  let kept: Buffer[] = [];
  let seenBytes = 0;
  let reader = 0;
  let ended = false;

  /** For whoever reads: a reader that was given up may still wait for a piece. */
  async function pull(): Promise<void> {
    const result = await pieces.next();
    if (result.done) ended = true;
    else {
      seenBytes += result.value.length;
      kept.push(result.value);
    }
  }

  /** From the first byte; whoever read before gets no more. Null when too much has gone to begin again. */
  function read(): AsyncIterable<Buffer> | null {
    if (seenBytes > mostKeptBytes) return null;
    reader += 1;
    return send(reader);
  }

  async function* send(self: number): AsyncGenerator<Buffer> {
    let sent = 0;
    while (self === reader) {
      if (seenBytes > mostKeptBytes) {
        kept = kept.slice(sent);
        sent = 0;
      }
      const piece = kept[sent];
      if (piece) {
        sent += 1;
        yield piece;
      } else if (ended) return;
      else await pull();
    }
  }

  /** Takes what is left off the wire, so that a caller who is still sending gets to read the answer. */
  async function drain(): Promise<void> {
    reader += 1;
    try {
      while (!ended) {
        kept = [];
        await pull();
      }
    } catch {
      // The caller has gone.
    }
  }

  return { read, drain };
}
