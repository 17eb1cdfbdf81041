// The doctor of a configuration that holds together: beside the app, and in it.

import { createDatabaseProbe } from '../adapters/database-probe.ts';
import { createProviderProbe } from '../adapters/provider-probe.ts';
import { createAccountingProbe } from '../adapters/reach-probe.ts';
import type { Config } from '../config.ts';
import type { Doctor } from '../core/findings.ts';
import type { AddressProbe } from '../core/probes.ts';
import { createDoctor } from '../doctor/doctor.ts';
import { type Settings, settingsOf } from '../doctor/settings.ts';
import { openStorage, type Storage } from './storage.ts';
import { clock } from './wiring.ts';

/** What an examination gets its database by: whatever opens it closes it again, too. */
type UseStorage = <T>(work: (storage: Storage) => Promise<T>) => Promise<T>;

/** Without `use`, the database is opened for each examination. */
export function createDeployedDoctor(
  config: Config,
  address: AddressProbe,
  use: UseStorage = (work) => openFor(config, work),
  settings: Settings = settingsOf(config),
): Doctor {
  return createDoctor({
    settings,
    problems: [],
    deployed: {
      config,
      provider: createProviderProbe({ ...config.provider, redirectUri: config.redirectUri }, clock),
      accounting: createAccountingProbe({ baseUrl: config.dineroApiUrl }),
      database: createDatabaseProbe(config.database.kind === 'sqlite' ? config.database.file : null, use),
      address,
    },
  });
}

async function openFor<T>(config: Config, work: (storage: Storage) => Promise<T>): Promise<T> {
  const storage = openStorage(config);
  try {
    return await work(storage);
  } finally {
    await storage.database.close();
  }
}
