// Ports for processes that must be told theirs before they start.

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below those that the system itself gives out, on Linux from 32,768: otherwise some connection that goes out may get
// the port in the moment between this look and the start of the process.
const lowest = 20_000;
const highest = 32_000;
const looks = 100;

export async function takeFreePort(): Promise<number> {
  for (let look = 0; look < looks; look += 1) {
    const port = randomInt(lowest, highest);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port found in ${looks} looks`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const server = createServer();
    server.once('error', () => answer(false));
    server.listen(port, () => server.close(() => answer(true)));
  });
}
