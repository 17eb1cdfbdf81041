// What is wrong with an environment beyond the form of each variable.

import { type Environment, expectations, type VariableName } from './environment.ts';

/** Whether the built-in Visma Connect and Dinero run: on an explicit word, and in development without credentials. */
export function runsSandbox(
  given: { SANDBOX?: unknown; VISMA_CLIENT_ID?: unknown; VISMA_CLIENT_SECRET?: unknown },
  production: boolean,
) {
  if (given.SANDBOX === 'true') return true;
  const hasClient = given.VISMA_CLIENT_ID !== undefined || given.VISMA_CLIENT_SECRET !== undefined;
  return !production && given.SANDBOX !== 'false' && !hasClient;
}

/** Variables that this environment cannot do without, each with a sentence. */
export function findMissing(given: Record<string, string | undefined>, production: boolean) {
  const required: VariableName[] = production ? ['BASE_URL', 'SESSION_SECRETS', 'TOKEN_KEYS'] : [];
  const credentials = ['VISMA_CLIENT_ID', 'VISMA_CLIENT_SECRET'] as const;
  // The sandbox has a client of its own; half of another one is a mistake there too.
  if (!runsSandbox(given, production) || credentials.some((name) => given[name] !== undefined)) {
    required.push(...credentials);
  }
  return required
    .filter((name) => given[name] === undefined)
    .map((name) => ({ name, text: `${name} is missing: it ${expectations[name]}` }));
}

/** Values that are right alone and wrong beside each other, a sentence each. */
export function findContradictions(env: Environment, production: boolean): string[] {
  const problems: string[] = [];
  if (production && env.SANDBOX !== 'true' && env.VISMA_ISSUER.startsWith('http:')) {
    problems.push('VISMA_ISSUER must be https in production, for example https://connect.visma.com');
  }
  if (areExchanged(env)) {
    problems.push(
      `VISMA_CLIENT_ID ${expectations.VISMA_CLIENT_ID}`,
      `VISMA_CLIENT_SECRET ${expectations.VISMA_CLIENT_SECRET}`,
    );
  }
  if (env.REFRESH_TOKEN_GRACE > 0 && env.REFRESH_TOKEN_USE === 're-use') {
    problems.push(`REFRESH_TOKEN_GRACE ${expectations.REFRESH_TOKEN_GRACE}`);
  }
  if (runsSandbox(env, production) && env.PORT === env.SANDBOX_PORT) {
    problems.push(`SANDBOX_PORT ${expectations.SANDBOX_PORT}`);
  }
  if (!env.WEBHOOK_URL !== !env.WEBHOOK_SECRETS) {
    const [missing, given] = env.WEBHOOK_URL ? ['WEBHOOK_SECRETS', 'WEBHOOK_URL'] : ['WEBHOOK_URL', 'WEBHOOK_SECRETS'];
    problems.push(`${missing} is missing beside ${given}: it ${expectations[missing as VariableName]}`);
  }
  if (production && env.WEBHOOK_URL && !isTargetAllowed(new URL(env.WEBHOOK_URL), env.WEBHOOK_PRIVATE_HOSTS)) {
    problems.push('WEBHOOK_URL must be https in production, or its host be named in WEBHOOK_PRIVATE_HOSTS');
  }
  return problems;
}

/** Then the secret would be shown, and sent in addresses, wherever the client id is. */
function areExchanged({ VISMA_CLIENT_ID: id = '', VISMA_CLIENT_SECRET: secret = '' }: Environment): boolean {
  return id !== '' && (id === secret || (/^isv_/i.test(secret) && !/^isv_/i.test(id)));
}

/** What the name of the host leads to is looked at when something is sent there. */
function isTargetAllowed({ protocol, hostname }: URL, privateHosts: string[]): boolean {
  return protocol === 'https:' || privateHosts.includes(hostname);
}
