// A thread beside the app's: waits for its cue, then for a fraction of a millisecond or a few, and strikes the process.

import { workerData } from 'node:worker_threads';

type Cue = { shared: Int32Array; signal: NodeJS.Signals; delayMilliseconds: number };

const { shared, signal, delayMilliseconds } = workerData as Cue;
Atomics.wait(shared, 0, 0);
const until = performance.now() + delayMilliseconds;
while (performance.now() < until);
process.kill(process.pid, signal);
