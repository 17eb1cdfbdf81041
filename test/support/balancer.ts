// A balancer as operators put one in front: each request to the next instance in turn, but for those that are not ready.

import { once } from 'node:events';
import { type ClientRequest, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const checkMilliseconds = 100;

/** `host`: what instances hear that people asked for. */
export async function startBalancer(port: number, instances: number[]) {
  let ready = new Set(instances);
  let turn = 0;
  const taken: { instance: number; path: string }[] = [];

  function next(): number {
    const list = instances.filter((instance) => ready.has(instance));
    turn += 1;
    return list[turn % list.length] ?? instances[0] ?? 0;
  }

  function pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const instance = next();
    taken.push({ instance, path: incoming.url ?? '' });
    const { method, url: path, headers } = incoming;
    const onward: ClientRequest = request({ host: '127.0.0.1', port: instance, method, path, headers, agent: false });
    onward.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => {
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(502).end();
    });
    incoming.pipe(onward);
  }

  async function look(): Promise<void> {
    const found = await Promise.all(
      instances.map(async (instance) => {
        const answer = await fetch(`http://127.0.0.1:${instance}/readyz`).catch(() => null);
        await answer?.body?.cancel();
        return answer?.status === 200 ? instance : null;
      }),
    );
    ready = new Set(found.filter((instance) => instance !== null));
  }

  let closed = false;
  const looking = (async () => {
    while (!closed) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, checkMilliseconds));
    }
  })();
  const server = createServer(pass).listen(port);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    taken,
    isReady: (instance: number) => ready.has(instance),
    async close(): Promise<void> {
      closed = true;
      await looking;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
