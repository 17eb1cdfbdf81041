// What was asked for, right or wrong: as far as it can be judged without a configuration that holds together.

import type { Config } from '../config.ts';
import { environment } from '../environment.ts';

/** Null: it cannot be read, or was not given and has no default. */
export type Settings = {
  production: boolean;
  sandbox: boolean;
  /** The port that the app listens on. */
  port: number | null;
  clientId: string | null;
  /** As they were given: in their order, and as often. */
  scopes: string[] | null;
  baseUrl: string | null;
};

/** `env` is where `config` came from; without it scopes that were named twice cannot be told. */
export function settingsOf(config: Config, env: Record<string, string | undefined> = {}): Settings {
  return {
    production: config.production,
    sandbox: config.sandbox !== null,
    port: config.port,
    clientId: config.provider.clientId,
    scopes: env.VISMA_SCOPES ? readScopes(env) : config.provider.scopes,
    baseUrl: config.baseUrl,
  };
}

/** For an environment that makes no configuration. */
export function settingsOfBroken(env: Record<string, string | undefined>): Settings {
  const production = env.NODE_ENV === 'production';
  const port = environment.shape.PORT.safeParse(env.PORT || undefined).data ?? null;
  return {
    production,
    sandbox: env.SANDBOX === 'true',
    port,
    clientId: env.VISMA_CLIENT_ID || null,
    scopes: readScopes(env),
    baseUrl: env.BASE_URL || (production ? null : `http://localhost:${port ?? 3000}`),
  };
}

function readScopes(env: Record<string, string | undefined>): string[] | null {
  return environment.shape.VISMA_SCOPES.safeParse(env.VISMA_SCOPES || undefined).data ?? null;
}
