// Seals secrets for storage: compact JWE, direct A256GCM (RFC 7516). The protected header, which GCM authenticates,
// names the key and the place, so that a sealed value opens nowhere but in its own row and field (requirements, B2).

import { CompactEncrypt, compactDecrypt } from 'jose';

export type VaultKey = { id: string; bytes: Uint8Array };
export type Vault = ReturnType<typeof createVault>;

/** Where a sealed value is stored, e.g. `connections/<id>/refresh_token`. */
export type SealedPlace = `${string}/${string}/${string}`;

/** A sealed value that does not open. `reason` tells an operator's mistake from a damaged or moved value. */
export class VaultError extends Error {
  readonly reason: 'unknown_key' | 'damaged';

  constructor(reason: VaultError['reason'], message: string) {
    super(message);
    this.name = 'VaultError';
    this.reason = reason;
  }
}

/** `keys`: the first one seals, all open. At least one, 32 bytes each, ids all different. */
export function createVault(keys: VaultKey[]) {
  const [sealing] = keys;
  if (!sealing) throw new Error('a vault needs a key');
  const ring = new Map(keys.map(({ id, bytes }) => [id, bytes]));

  function seal(plaintext: string, place: SealedPlace): Promise<string> {
    return new CompactEncrypt(new TextEncoder().encode(plaintext))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: sealing?.id ?? '', place })
      .encrypt(sealing?.bytes ?? new Uint8Array());
  }

  /** The plaintext. Throws VaultError. */
  async function open(sealed: string, place: SealedPlace): Promise<string> {
    const { plaintext, protectedHeader } = await compactDecrypt(
      sealed,
      ({ kid }) => {
        const bytes = kid === undefined ? undefined : ring.get(kid);
        if (!bytes) throw new VaultError('unknown_key', 'sealed with a key that is not in TOKEN_KEYS');
        return bytes;
      },
      { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] },
    ).catch((error: unknown) => {
      if (error instanceof VaultError) throw error;
      throw new VaultError('damaged', 'a sealed value does not open with its key');
    });
    if (protectedHeader.place !== place) {
      throw new VaultError('damaged', 'a sealed value lies in another place than it was sealed for');
    }
    return new TextDecoder().decode(plaintext);
  }

  return { seal, open, sealingKeyId: sealing.id };
}
