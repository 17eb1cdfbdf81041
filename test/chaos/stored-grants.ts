// What is in the database at this very moment, read without a pause: also from a callback of the sandbox, while the
// processes go on. Opened for each reading and closed again, for a database that somebody holds open does not recover.

import { createDecipheriv } from 'node:crypto';
import { checkIntegrity, querySql } from '../support/journey-database.ts';
import { fingerprint } from './steps.ts';

export type StoredConnection = {
  id: string;
  status: string;
  reason: string | null;
  generation: number;
  /** Fingerprint of the refresh token; null when there is none. */
  token: string | null;
};
type Row = Omit<StoredConnection, 'token'> & { sealed: string | null };

const query = `select id, status, reason, generation, sealed_refresh_token as sealed from connections
  order by (select min(events.id) from events where connection_id = connections.id)`;

export type StoredGrants = ReturnType<typeof createStoredGrants>;

export function createStoredGrants({ folder, file }: { folder: string; file: string }, key: Uint8Array) {
  return {
    /** In the order in which they were made. */
    readAll: (): StoredConnection[] =>
      querySql<Row>(folder, file, query).map(({ sealed, ...row }) => ({
        ...row,
        token: sealed === null ? null : fingerprint(open(sealed, key)),
      })),
    checkIntegrity: (): string => checkIntegrity(folder, file),
  };
}

/** A compact JWE, `dir` with A256GCM (RFC 7516), as the vault seals it. */
function open(sealed: string, key: Uint8Array): string {
  const [header = '', , iv = '', ciphertext = '', tag = ''] = sealed.split('.');
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(header, 'ascii'));
  decipher.setAuthTag(Buffer.from(tag, 'base64url'));
  return decipher.update(ciphertext, 'base64url', 'utf8') + decipher.final('utf8');
}
