// `npm run sandbox`: the sandbox alone, for an app that runs elsewhere.

import { parseArgs } from 'node:util';
import { startSandbox } from './sandbox.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '4000' },
    'client-id': { type: 'string', default: 'isv_sandbox' },
    'client-secret': { type: 'string', default: 'sandbox-secret' },
    'redirect-uri': { type: 'string', multiple: true, default: ['http://localhost:3000/oauth/callback'] },
    'state-file': { type: 'string' },
  },
});

const sandbox = await startSandbox({
  port: Number(values.port),
  client: {
    clientId: values['client-id'],
    clientSecret: values['client-secret'],
    redirectUris: values['redirect-uri'],
  },
  stateFile: values['state-file'] ?? null,
});
console.log(`Sandbox Visma Connect and Dinero: ${sandbox.origin}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void sandbox.close().then(() => process.exit(0));
  });
}
