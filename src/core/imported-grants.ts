// Grants that were taken over from elsewhere, and the store that they wait in.

import type { GrantTerms } from './stores.ts';

/** A grant that was taken over from elsewhere, and the organization that it served. */
export type ImportedGrant = { userId: string; refreshToken: string; scope: string[]; organizationId: string };

/** `refreshToken` is null when it does not open any more. `activatedAt`: when it made a connection; null before. */
export type WaitingGrant = Omit<ImportedGrant, 'refreshToken'> & {
  refreshToken: string | null;
  importedAt: Date;
  activatedAt: Date | null;
};

/** Nothing uses these grants until they are activated (decision 16). */
export type ImportedGrantStore = {
  /**
   * Stores all of them or none. `sealed` is told of each, before that. Throws database_unavailable also when one of these
   * users waits already.
   */
  insertAll(grants: ImportedGrant[], now: Date, sealed: () => void): Promise<void>;
  find(userId: string): Promise<WaitingGrant | null>;
  /** By user id, from behind the user `after`, in the order of their bytes. */
  list(after: string | null, limit: number): Promise<WaitingGrant[]>;
  /** `activated`: those whose activation was begun and not ended. */
  count(): Promise<{ waiting: number; activated: number }>;
  /**
   * Makes the user's pending connection of this grant, whose access token has ended, and notes the activation: both or
   * neither. False when the user has a connection by now, ended one after the import, or somebody else was first.
   */
  activate(
    grant: ImportedGrant & { importedAt: Date },
    terms: Pick<GrantTerms, 'dueAt' | 'now' | 'events'>,
  ): Promise<boolean>;
  delete(userId: string): Promise<void>;
  /** Deletes those that were not activated; answers how many. */
  discard(): Promise<number>;
};
