// Loaded before the app (`node --import`): puts wrappers around the factories of two ports, and shortens the times. The
// app's own files have no hook for it.

import { registerHooks } from 'node:module';
import { orders } from './steps.ts';
import { isScaled, scaleSource } from './time-scale.ts';

const wrappers: Record<string, string> = {
  '/src/adapters/connection-store.ts': new URL('./wrapped-connection-store.ts', import.meta.url).href,
  '/src/adapters/visma-connect.ts': new URL('./wrapped-visma-connect.ts', import.meta.url).href,
};

registerHooks({
  resolve(specifier, context, nextResolve) {
    const found = nextResolve(specifier, context);
    const wrapped = Object.keys(wrappers).find((file) => found.url.endsWith(file));
    const wrapper = wrapped === undefined ? undefined : wrappers[wrapped];
    if (wrapper === undefined || context.parentURL === wrapper) return found;
    return { ...found, url: wrapper };
  },
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    return isScaled(url) ? { ...loaded, source: scaleSource(url, String(loaded.source), orders?.scale ?? 1) } : loaded;
  },
});
