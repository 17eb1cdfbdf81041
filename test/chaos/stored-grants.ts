// What is in the database at this very moment, read without a pause: also from a callback of the sandbox, while the
// processes go on. Opened for each reading and closed again, for a database that somebody holds open does not recover.

import { createDecipheriv } from 'node:crypto';
import Sqlite from 'better-sqlite3';
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

const busyMilliseconds = 2_000;
const query = 'select id, status, reason, generation, sealed_refresh_token as sealed from connections order by rowid';

export type StoredGrants = ReturnType<typeof createStoredGrants>;

export function createStoredGrants(filename: string, key: Uint8Array) {
  function read<T>(work: (database: Sqlite.Database) => T): T {
    const database = new Sqlite(filename, { readonly: true, timeout: busyMilliseconds });
    try {
      return work(database);
    } finally {
      database.close();
    }
  }

  return {
    /** In the order in which they were made. */
    readAll: (): StoredConnection[] =>
      read((database) =>
        (database.prepare(query).all() as Row[]).map(({ sealed, ...row }) => ({
          ...row,
          token: sealed === null ? null : fingerprint(open(sealed, key)),
        })),
      ),
    /** `ok`, or what is wrong with the file. */
    checkIntegrity: (): string => read((database) => String(database.pragma('integrity_check', { simple: true }))),
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
