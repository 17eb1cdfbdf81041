// Attempts in SQL. What only the server may know of one (nonce, verifier, parked code) is sealed.

import type { ErrorCode } from '../core/errors.ts';
import type { AttemptStore } from '../core/stores.ts';
import type {
  Attempt,
  AttemptResult,
  Authorization,
  AuthorizationResponse,
  AuthorizationSecrets,
  Objection,
} from '../core/types.ts';
import type { Database } from './database.ts';
import { type SealedPlace, type Vault, VaultError } from './vault.ts';

type Row = {
  id: string;
  state_hash: string;
  link_id: string | null;
  sealed_secrets: string | null;
  browser_id: string;
  user_id: string;
  started_at: string;
  expires_at: string;
  returned_at: string | null;
  sealed_response: string | null;
  response_hash: string | null;
  claimed_at: string | null;
  result: AttemptResult['kind'] | null;
  /** Why it failed, or why nothing is replaced yet. */
  result_code: ErrorCode | Objection | null;
  result_user_id: string | null;
  /** What waits for the person's decision. */
  sealed_grant: string | null;
};
type SealedGrant = Omit<Authorization['grant'], 'expiresAt' | 'obtainedAt'> & { expiresAt: string; obtainedAt: string };

const mostUndecided = 100;

export function createAttemptStore(database: Database, vault: Vault): AttemptStore {
  const secretsOf = (id: string): SealedPlace => `attempts/${id}/secrets`;
  const grantOf = (id: string): SealedPlace => `attempts/${id}/grant`;
  // Sealed before the attempt's id is known; the state hash names the same row.
  const responseOf = (stateHash: string): SealedPlace => `attempts/${stateHash}/response`;

  async function openJson<T>(sealed: string | null, place: SealedPlace): Promise<T | null> {
    try {
      return sealed === null ? null : (JSON.parse(await vault.open(sealed, place)) as T);
    } catch (error) {
      if (error instanceof VaultError) return null;
      throw error;
    }
  }

  async function toAttempt(row: Row | undefined): Promise<Attempt | null> {
    if (!row) return null;
    return {
      id: row.id,
      stateHash: row.state_hash,
      linkId: row.link_id,
      secrets: await openJson<AuthorizationSecrets>(row.sealed_secrets, secretsOf(row.id)),
      browserId: row.browser_id,
      userId: row.user_id,
      startedAt: new Date(row.started_at),
      expiresAt: new Date(row.expires_at),
      returnedAt: row.returned_at === null ? null : new Date(row.returned_at),
      response: await openJson<AuthorizationResponse>(row.sealed_response, responseOf(row.state_hash)),
      claimedAt: row.claimed_at === null ? null : new Date(row.claimed_at),
      result: toResult(row),
    };
  }

  return {
    async insert(attempt) {
      const row: Row = {
        id: attempt.id,
        state_hash: attempt.stateHash,
        link_id: attempt.linkId,
        sealed_secrets: await vault.seal(JSON.stringify(attempt.secrets), secretsOf(attempt.id)),
        browser_id: attempt.browserId,
        user_id: attempt.userId,
        started_at: attempt.startedAt.toISOString(),
        expires_at: attempt.expiresAt.toISOString(),
        returned_at: null,
        sealed_response: null,
        response_hash: null,
        claimed_at: null,
        result: null,
        result_code: null,
        result_user_id: null,
        sealed_grant: null,
      };
      await database.runUnsynced((db) => db<Row>('attempts').insert(row));
    },

    async markReturned(stateHash, response, responseHash, now) {
      const sealedResponse = await vault.seal(JSON.stringify(response), responseOf(stateHash));
      const [parked] = await database.runUnsynced((db) =>
        db<Row>('attempts')
          .where({ state_hash: stateHash, returned_at: null })
          .update({ returned_at: now.toISOString(), sealed_response: sealedResponse, response_hash: responseHash })
          .returning('id'),
      );
      if (parked) return parked.id;
      const holder = await database.run((db) =>
        db<Row>('attempts').where({ state_hash: stateHash, response_hash: responseHash }).first('id'),
      );
      return holder?.id ?? null;
    },

    find: async (id) => toAttempt(await database.run((db) => db<Row>('attempts').where({ id }).first())),

    async claim(id, now) {
      const count = await database.runUnsynced((db) =>
        db<Row>('attempts')
          .where({ id, claimed_at: null })
          .whereNotNull('returned_at')
          .update({ claimed_at: now.toISOString() }),
      );
      return count === 1;
    },

    async finish(id, result, parked) {
      const sealedGrant = parked && (await vault.seal(JSON.stringify(parked), grantOf(id)));
      const run = sealedGrant === null ? database.runUnsynced : database.run;
      await run((db) =>
        db<Row>('attempts')
          .where({ id })
          .update({
            sealed_secrets: null,
            sealed_response: null,
            sealed_grant: sealedGrant,
            result: result.kind,
            result_code: codeOf(result),
            result_user_id: result.kind === 'failed' ? null : result.userId,
          }),
      );
    },

    async takeParked(id) {
      const row = await database.run((db) => db<Row>('attempts').where({ id }).first('sealed_grant'));
      if (!row?.sealed_grant) return null;
      const count = await database.run((db) =>
        db<Row>('attempts').where({ id, sealed_grant: row.sealed_grant }).update({ sealed_grant: null }),
      );
      return count === 1 ? toAuthorization(await openJson(row.sealed_grant, grantOf(id))) : null;
    },

    async listUndecided(before) {
      const rows = await database.run((db) =>
        db<Row>('attempts')
          .where({ result: 'undecided' })
          .where('started_at', '<', before.toISOString())
          .whereNotNull('sealed_grant')
          .limit(mostUndecided),
      );
      return (await Promise.all(rows.map(toAttempt))).filter((attempt) => attempt !== null);
    },

    async listLatest(limit) {
      const rows = await database.run((db) =>
        db<Row>('attempts')
          .select('id', 'user_id', 'started_at', 'expires_at', 'returned_at', 'result', 'result_code', 'result_user_id')
          .orderBy([
            { column: 'started_at', order: 'desc' },
            { column: 'id', order: 'desc' },
          ])
          .limit(limit),
      );
      return rows.map((row) => ({
        id: row.id,
        startedAt: new Date(row.started_at),
        expiresAt: new Date(row.expires_at),
        returnedAt: row.returned_at === null ? null : new Date(row.returned_at),
        result: toResult(row),
      }));
    },

    deleteStartedBefore: (before) =>
      database.run((db) => db<Row>('attempts').where('started_at', '<', before.toISOString()).delete()),
  };
}

function codeOf(result: AttemptResult): Row['result_code'] {
  if (result.kind === 'failed') return result.code;
  return result.kind === 'undecided' ? result.objection : null;
}

function toResult(row: Pick<Row, 'user_id' | 'result' | 'result_code' | 'result_user_id'>): AttemptResult | null {
  const userId = row.result_user_id ?? row.user_id;
  switch (row.result) {
    case null:
      return null;
    case 'failed':
      return { kind: 'failed', code: (row.result_code as ErrorCode | null) ?? 'attempt_unfinished' };
    case 'undecided':
      return { kind: 'undecided', userId, objection: (row.result_code as Objection | null) ?? 'other_person' };
    default:
      return { kind: row.result, userId };
  }
}

function toAuthorization(parked: { grant: SealedGrant; subject: string | null } | null): Authorization | null {
  if (parked === null) return null;
  const { grant, subject } = parked;
  return {
    grant: { ...grant, expiresAt: new Date(grant.expiresAt), obtainedAt: new Date(grant.obtainedAt) },
    subject,
  };
}
