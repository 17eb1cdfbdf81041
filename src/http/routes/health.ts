// For machines: is the process alive, and can it do its work.

import { Router } from 'express';
import { ConnectError } from '../../core/errors.ts';
import { refuseOtherMethods } from '../errors.ts';

/** `check` throws ConnectError when this part does not work; its message is shown, so it holds nothing secret. */
export type ReadinessCheck = { name: string; check: () => Promise<void> };

/** Not ready at once while the process is stopping, whatever the checks would say: balancers turn elsewhere. */
export function createHealthRoutes(checks: ReadinessCheck[], isStopping: () => boolean): Router {
  const router = Router();

  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });

  router.get('/readyz', async (_request, response) => {
    if (isStopping()) return void response.status(503).json({ status: 'stopping', checks: {} });
    const results = Object.fromEntries(
      await Promise.all(checks.map(async (one) => [one.name, await run(one)] as const)),
    );
    const ready = Object.values(results).every((result) => result === 'ok');
    response.status(ready ? 200 : 503).json({ status: ready ? 'ok' : 'unavailable', checks: results });
  });

  router.all(['/healthz', '/readyz'], refuseOtherMethods('GET'));
  return router;
}

async function run({ check }: ReadinessCheck): Promise<string> {
  try {
    await check();
    return 'ok';
  } catch (error) {
    return error instanceof ConnectError ? error.message : 'failed';
  }
}
