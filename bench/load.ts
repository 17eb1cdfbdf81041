// One round of the same load on one of several servers.

import autocannon from 'autocannon';

export type Load = { perSecond: number; p50: number; p99: number };

/** POSTs `{}` to the paths in turn, with `connections` at once. Throws when an answer is not a success. */
export async function load(
  port: number,
  paths: string[],
  { key, connections, seconds }: { key: string; connections: number; seconds: number },
): Promise<Load> {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: '{}',
    connections,
    duration: seconds,
    requests: paths.map((path) => ({ path })),
  });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} refused, ${result.errors} failed`);
  return { perSecond: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 };
}
