// What the doctor's tests share: findings as pairs that read well, and a configuration against a sandbox.

import { expect } from '@jest/globals';
import { type Config, parseConfig } from '../../src/config.ts';
import type { Finding } from '../../src/core/findings.ts';
import da from '../../src/locales/da.json' with { type: 'json' };
import en from '../../src/locales/en.json' with { type: 'json' };
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';

export const client = { clientId: 'isv_fakturaflow', clientSecret: 'the-secret-of-fakturaflow' };
export const redirectUri = 'http://localhost:3000/oauth/callback';

const madeSecrets = {
  sessionSecrets: 'Nk3vU8qLzR5wXy1bTf7cHs2dGm9jPa4e',
  tokenKeys: `dev:${Buffer.from('5f0a91c27be83d46a8f1d20c94b7635e1c8e4fd0a2793b56e7f80413bd9c6a25', 'hex').toString('base64')}`,
};

/** As an integrator has it whose application is registered at the sandbox's portal. */
export function configure(sandbox: Pick<Sandbox, 'origin'>, env: Record<string, string> = {}): Config {
  const ours = { VISMA_CLIENT_ID: client.clientId, VISMA_CLIENT_SECRET: client.clientSecret };
  return parseConfig(
    { VISMA_ISSUER: sandbox.origin, DINERO_API_URL: sandbox.origin, ...ours, ...env },
    () => madeSecrets,
  );
}

export function startRegisteredSandbox(redirectUris = [redirectUri]): Promise<Sandbox> {
  return startSandbox({ port: 0, client: { ...client, redirectUris } });
}

/** `mark code` of each, once it is sure that its sentences find all that they name. */
export function tell(findings: Finding[]): string[] {
  return findings.map(({ mark, code, values }) => {
    for (const { text, remedy } of [da.doctor[code], en.doctor[code]]) {
      const named = [...`${text} ${remedy}`.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name);
      expect({ code, named: named.filter((name) => !(String(name) in values)) }).toEqual({ code, named: [] });
    }
    return `${mark} ${code}`;
  });
}

export const find = (findings: Finding[], code: string) => findings.find((one) => one.code === code);
