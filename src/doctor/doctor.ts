// The doctor: runs every check at once and lists what they found, in the order in which somebody sets the app up. A
// check that breaks is a finding, too.

import type { Config } from '../config.ts';
import { type Check, checks, type Doctor, type Finding } from '../core/findings.ts';
import type { AccountingProbe, AddressProbe, DatabaseProbe, ProviderProbe } from '../core/probes.ts';
import { checkClientId } from './client-id.ts';
import { checkEnvironment } from './environment.ts';
import { findingsOf } from './finding.ts';
import { checkOpening, checkStrength } from './keys.ts';
import { checkProvider, providerChecks } from './provider.ts';
import { checkCookies, checkRedirectUri } from './redirect-uri.ts';
import { checkScopes } from './scopes.ts';
import type { Settings } from './settings.ts';
import { checkDatabase, checkDinero, checkProxy } from './surroundings.ts';

/** A deployment whose configuration holds together, and what to ask of its surroundings. */
export type Deployed = {
  config: Config;
  provider: ProviderProbe;
  accounting: AccountingProbe;
  database: DatabaseProbe;
  address: AddressProbe;
};

/** `problems` as ConfigError lists them; with any, there is no `deployed`, and what it takes stays unknown. */
export function createDoctor(subject: { settings: Settings; problems: string[]; deployed: Deployed | null }): Doctor {
  const { settings, problems, deployed } = subject;
  return {
    async examine() {
      const found = await Promise.all([
        run(['environment'], () => checkEnvironment(problems)),
        run(['client_id'], () => checkClientId(settings)),
        run(['scopes'], () => checkScopes(settings.scopes)),
        run(['redirect_uri'], () => checkRedirectUri(settings)),
        ...(deployed
          ? examineDeployed(deployed)
          : [run(['cookies'], () => checkCookies(settings.baseUrl, true, null))]),
      ]);
      return inOrder(found.flat());
    },
  };
}

function examineDeployed({ config, provider, accounting, database, address }: Deployed): Promise<Finding[]>[] {
  const {
    baseUrl,
    redirectUri,
    dineroApiUrl: url,
    database: { name: file },
  } = config;
  const sandbox = config.sandbox !== null;
  const trustsProxies = config.trustProxy !== false;
  return [
    run(providerChecks, () => checkProvider(provider, { ...config.provider, redirectUri, sandbox })),
    run(['dinero'], () => checkDinero(accounting, { url, sandbox })),
    run(['keys'], () => checkStrength(config)),
    run(['database', 'keys'], async () => {
      const facts = await database.look();
      return [...checkDatabase(facts, file), ...checkOpening(facts.keys)];
    }),
    run(['proxy', 'cookies'], async () => {
      const facts = await address.look();
      return [...checkProxy(baseUrl, trustsProxies, facts), ...checkCookies(baseUrl, trustsProxies, facts)];
    }),
  ];
}

/** A bug of ours or a library's error must not keep the other checks from being told; its text may hold a secret. */
async function run(names: Check[], check: () => Finding[] | Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check();
  } catch {
    return names.map((name) => findingsOf(name).unexamined('check_failed'));
  }
}

/** Every check says something: those that nobody ran need a configuration. */
function inOrder(found: Finding[]): Finding[] {
  return checks.flatMap((check) => {
    const own = found.filter((finding) => finding.check === check);
    return own.length > 0 ? own : [findingsOf(check).unexamined('needs_configuration')];
  });
}
