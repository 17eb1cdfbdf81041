// The applications that developers registered on the portal's page, beside the built-in one: what each may do, and its
// secrets. They lie in the state file in plain text, because nothing here is real and nothing they open is.

import { randomBytes } from 'node:crypto';
import type { RefreshTerms } from './refresh-tokens.ts';
import { KNOWN_SCOPES } from './scopes.ts';
import type { State } from './state.ts';
import type { SandboxClient, SandboxSettings } from './types.ts';

export type ApplicationSecret = { id: string; secret: string; createdAt: string };

export type Application = {
  clientId: string;
  name: string;
  redirectUris: string[];
  /** Dinero's alone. */
  scopes: string[];
  pkceRequired: boolean;
  openid: boolean;
  /** Null without offline access. */
  refreshTokens: RefreshTerms | null;
  secrets: ApplicationSecret[];
};

/** What a client may do, whoever registered it. */
export type ClientRules = {
  clientId: string;
  /** As people see it when they consent. */
  name: string;
  redirectUris: string[];
  scopes: string[];
  pkceRequired: boolean;
  /** Null where the settings of the moment hold. */
  refreshTerms: RefreshTerms | null;
};

/** A long-running sandbox must not grow. */
export const MOST_APPLICATIONS = 100;
export const MOST_SECRETS = 10;

export type Applications = {
  builtIn: SandboxClient;
  list(): Application[];
  /** Of the registered ones; undefined for the built-in one too. */
  find(clientId: unknown): Application | undefined;
  rulesOf(clientId: unknown): ClientRules | undefined;
  save(application: Application): void;
  remove(clientId: string): void;
  /** The new secret; null when there are too many already. */
  addSecret(application: Application): string | null;
  removeSecret(application: Application, secretId: unknown): void;
};

export function createApplications(builtIn: SandboxClient, settings: SandboxSettings, state: State): Applications {
  const shelf = state.shelf<Application>('applications');
  const find = (clientId: unknown) => (typeof clientId === 'string' ? shelf.get(clientId) : undefined);
  function save(application: Application): void {
    shelf.set(application.clientId, application);
    state.changed();
  }

  return {
    builtIn,
    list: () => [...shelf.values()],
    find,
    save,
    rulesOf(clientId) {
      if (clientId === builtIn.clientId) return rulesOfBuiltIn(builtIn, settings);
      const application = find(clientId);
      return application && rulesOfRegistered(application);
    },
    remove(clientId) {
      shelf.delete(clientId);
      state.changed();
    },
    addSecret(application) {
      if (application.secrets.length >= MOST_SECRETS) return null;
      const secret = randomBytes(32).toString('base64url');
      const added = { id: randomBytes(6).toString('hex'), secret, createdAt: new Date().toISOString() };
      save({ ...application, secrets: [...application.secrets, added] });
      return secret;
    },
    removeSecret(application, secretId) {
      save({ ...application, secrets: application.secrets.filter(({ id }) => id !== secretId) });
    },
  };
}

function rulesOfBuiltIn({ clientId, redirectUris }: SandboxClient, { pkceRequired }: SandboxSettings): ClientRules {
  return { clientId, name: clientId, redirectUris, scopes: KNOWN_SCOPES, pkceRequired, refreshTerms: null };
}

function rulesOfRegistered(application: Application): ClientRules {
  const { clientId, name, redirectUris, pkceRequired, refreshTokens } = application;
  const scopes = [
    ...(application.openid ? ['openid'] : []),
    ...application.scopes,
    ...(refreshTokens ? ['offline_access'] : []),
  ];
  return { clientId, name, redirectUris, scopes, pkceRequired, refreshTerms: refreshTokens };
}
