// The listening socket, with limits for slow and idle clients (requirements, F44), and how to stop it kindly.

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { hasBody } from './errors.ts';

/** A backend may send Dinero a large file through the proxy; what is sent elsewhere is small. */
const limits = { requestTimeout: 15 * 60_000, headersTimeout: 15_000, maxHeaderSize: 16_384 };
const proxyPath = /^\/api\/v1\/users\/[^/?]+\/connections\/dinero\/proxy\//i;
const maxConnections = 10_000;

function isForProxy(url: string): boolean {
  return proxyPath.test(url);
}

/** `bodyLimitMilliseconds`: whoever has not sent a whole body by then, other than to the proxy, is disconnected. */
export function createLimitedServer(app: RequestListener, { bodyLimitMilliseconds = 30_000 } = {}) {
  const server = createServer(limits, (request, response) => {
    const { url = '' } = request;
    // Express would answer by itself what it cannot read, without a header or a log line of ours.
    if (url.startsWith('/') || URL.canParse(url)) return app(request, response);
    response.writeHead(400).end();
  });
  server.maxConnections = maxConnections;
  // Browsers open sockets ahead on which nothing is asked yet; close() alone would wait for them.
  const silent = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', (request) => {
    silent.delete(request.socket);
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

  /** Takes no more requests; resolves when the ones under way have ended. */
  async function drain(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of silent) socket.destroy();
    await closed;
  }

  return { listen, drain };
}
