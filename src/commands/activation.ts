// `import --activate`: puts what waits to use, tells of each that fails as it fails, and says what is left.

import type { Activation, Importing } from '../core/importing.ts';
import { describeActivation } from './import-reports.ts';
import { exitCodeOf, listenForSignals } from './interruption.ts';
import { showProgress } from './progress.ts';

/** The exit code: 0 when everything that waited is connected. */
export async function activateGrants(importing: Importing): Promise<number> {
  const interruption = listenForSignals();
  const before = await countAll(importing);
  const progress = process.stderr.isTTY ? showProgress(before, 'Activated') : null;
  const counts = { connected: 0, failed: 0 };

  function tell(one: Activation): void {
    counts[one.failure === null ? 'connected' : 'failed'] += 1;
    if (one.failure !== null) {
      // The bar is in the line that this is about to be written to.
      if (progress) process.stderr.write('\r\u001b[K');
      process.stdout.write(`${describeActivation(one.userId, one.failure)}\n`);
    }
    progress?.advance();
  }

  const stopped = await importing.activate(tell, interruption.asked).finally(() => progress?.stop());
  const left = await countAll(importing);
  process.stdout.write(`Connected: ${counts.connected}. Failed: ${counts.failed}. Waiting: ${left}.\n`);
  if (stopped) {
    process.stderr.write(`Stopped: ${stopped.message}${describePause(stopped.retryAfterSeconds)}. ${goesOn}\n`);
    return 1;
  }
  if (interruption.signal && left > 0) {
    process.stderr.write(`Stopped. ${goesOn}\n`);
    return exitCodeOf(interruption.signal);
  }
  return counts.failed > 0 ? 1 : 0;
}

const goesOn = 'Started again, it goes on where it stopped.';

async function countAll(importing: Importing): Promise<number> {
  const { waiting, activated } = await importing.count();
  return waiting + activated;
}

function describePause(seconds: number | null): string {
  return seconds === null ? '' : `, try again in ${seconds} seconds`;
}
