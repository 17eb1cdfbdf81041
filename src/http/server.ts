// The listening socket, with limits for slow and idle clients (requirements, F44), and how to stop it kindly.

import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { hasBody } from './errors.ts';

/** A backend may send Dinero a large file through the proxy; what is sent elsewhere is small. */
const limits = { requestTimeout: 15 * 60_000, maxHeaderSize: 16_384 };
const proxyPath = /^\/api\/v1\/users\/[^/?]+\/connections\/dinero\/proxy\//i;
const maxConnections = 10_000;

function isForProxy(url: string): boolean {
  return proxyPath.test(url);
}

/**
 * `bodyLimitMilliseconds`: whoever has not sent a whole body by then, other than to the proxy, is disconnected.
 * `headLimitMilliseconds`: likewise for whoever has not sent a whole head, or nothing at all.
 */
export function createLimitedServer(
  app: RequestListener,
  { bodyLimitMilliseconds = 30_000, headLimitMilliseconds = 15_000 } = {},
) {
  const times = { headersTimeout: headLimitMilliseconds, connectionsCheckingInterval: headLimitMilliseconds / 3 };
  const server = createServer({ ...limits, ...times }, (request, response) => {
    const { url = '' } = request;
    // Express would answer by itself what it cannot read, without a header or a log line of ours.
    if (url.startsWith('/') || URL.canParse(url)) return app(request, response);
    response.writeHead(400).end();
  });
  server.maxConnections = maxConnections;
  const openAnswers = new Map<Socket, number>();
  let leaving = false;
  let draining = false;
  server.on('connection', (socket: Socket) => {
    openAnswers.set(socket, 0);
    socket.once('close', () => openAnswers.delete(socket));
  });
  // Before the app, which may answer at once.
  server.prependListener('request', ({ socket }, response) => {
    openAnswers.set(socket, (openAnswers.get(socket) ?? 0) + 1);
    if (leaving) response.shouldKeepAlive = false;
    response.once('close', () => {
      const left = (openAnswers.get(socket) ?? 1) - 1;
      if (!socket.destroyed) openAnswers.set(socket, left);
      if (draining && left === 0) socket.destroySoon();
    });
  });
  server.on('request', (request) => {
    if (!hasBody(request) || isForProxy(request.url ?? '')) return;
    const timer = setTimeout(() => request.complete || request.socket.destroy(), bodyLimitMilliseconds);
    request.once('close', () => clearTimeout(timer));
  });

  /** Resolves to the port once requests are taken; rejects when it is not free. */
  function listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, () => resolve((server.address() as AddressInfo).port));
    });
  }

  /** Goes on, and asks with every answer to come by another connection next time, which may be another process's. */
  function leave(): void {
    leaving = true;
  }

  /** Takes no more connections; resolves when the requests under way have been answered and every connection is closed. */
  async function drain(): Promise<void> {
    leave();
    draining = true;
    // HTTP's own close() cuts an answer off that is written but not yet sent, and waits for connections without a request.
    const closed = new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
    for (const [socket, answers] of openAnswers) if (answers === 0) socket.destroySoon();
    await closed;
  }

  return { listen, leave, drain };
}
