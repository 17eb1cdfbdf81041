// A Dinero that does as it is told and keeps what it was asked, byte for byte; and a caller over plain sockets, who
// sends what a well-behaved client would not.

import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
  request as startRequest,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export type Seen = { method: string; url: string; rawHeaders: string[]; headers: IncomingHttpHeaders };

export type FakeDinero = Awaited<ReturnType<typeof startFakeDinero>>;

/** Listens on a port of its own; `close` ends every connection. */
export async function listen(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    origin: `http://127.0.0.1:${port}`,
    async close(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export async function startFakeDinero() {
  const seen: Seen[] = [];
  let answer: (request: IncomingMessage, response: ServerResponse) => void = answerWithNothing;
  const server = await listen((request, response) => {
    const { method = '', url = '', rawHeaders, headers } = request;
    seen.push({ method, url, rawHeaders, headers });
    answer(request, response);
  });
  return {
    ...server,
    seen,
    /** For all calls from now on. */
    answer(next: typeof answer) {
      answer = next;
    },
  };
}

function answerWithNothing(request: IncomingMessage, response: ServerResponse): void {
  request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('[]'));
}

export async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

export type RawCall = { method?: string; headers?: string[]; body?: Buffer | string };

/** Sends `path` as it is written, and reads the whole answer. Throws when the connection ends before the answer does. */
export async function callRaw(port: number, path: string, { method = 'GET', headers = [], body }: RawCall = {}) {
  const request = startRequest({
    port,
    host: '127.0.0.1',
    path,
    method,
    headers: ['host', 'app.example', ...headers],
    agent: false,
  });
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  request.end(body);
  const [response] = await answered;
  return {
    status: response.statusCode,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body: await readAll(response),
  };
}
