// The listening socket, with limits for slow and idle clients (requirements, F44), and how to stop it kindly.

import { createServer, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';

const limits = { requestTimeout: 30_000, headersTimeout: 15_000, maxHeaderSize: 16_384 };
const maxConnections = 10_000;

export function createLimitedServer(app: RequestListener) {
  const server = createServer(limits, app);
  server.maxConnections = maxConnections;
  // Browsers open sockets ahead on which nothing is asked yet; close() alone would wait for them.
  const silent = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }) => silent.delete(socket));

  /** Resolves when requests are taken; rejects when the port is not free. */
  function listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, resolve);
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
