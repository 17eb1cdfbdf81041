// The sandbox's signing key (RS256) and the key of its cookies; kept in the state, so that tokens outlive a restart.

import { randomBytes } from 'node:crypto';
import {
  base64url,
  CompactSign,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  jwtVerify,
  UnsecuredJWT,
} from 'jose';
import type { State } from './state.ts';

export type Keys = {
  signingKey: JWK;
  cookieKey: string;
  sign(claims: Record<string, unknown>, header: Record<string, unknown>): Promise<string>;
  verify(token: string, expected: { issuer: string; audience: string }): Promise<JWTPayload>;
};

export async function openKeys(state: State, clientSecret: string): Promise<Keys> {
  const shelf = state.shelf<JWK | string>('keys');
  if (!shelf.has('signing')) {
    shelf.set('signing', await createSigningKey());
    shelf.set('cookie', randomBytes(32).toString('base64url'));
    state.changed();
  }
  const signingKey = shelf.get('signing') as JWK;
  const { kty, n, e } = signingKey as JWK & { n: string; e: string };
  const privateKey = await importJWK(signingKey, 'RS256');
  const publicKey = await importJWK({ kty: kty ?? 'RSA', n, e } as JWK, 'RS256');

  return {
    signingKey,
    cookieKey: shelf.get('cookie') as string,
    async sign(claims, header) {
      const protectedHeader = { alg: 'RS256', kid: signingKey.kid as string, typ: 'JWT', ...header };
      if (protectedHeader.alg === 'none') return signNothing(claims, protectedHeader);
      const key = protectedHeader.alg.startsWith('HS') ? new TextEncoder().encode(clientSecret) : privateKey;
      const payload = new TextEncoder().encode(JSON.stringify(claims));
      return new CompactSign(payload).setProtectedHeader(protectedHeader).sign(key);
    },
    async verify(token, expected) {
      const { payload } = await jwtVerify(token, publicKey, { ...expected, algorithms: ['RS256'], clockTolerance: 0 });
      return payload;
    },
  };
}

async function createSigningKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const kid = randomBytes(16).toString('hex').toUpperCase();
  return { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' };
}

function signNothing(claims: Record<string, unknown>, header: Record<string, unknown>): string {
  const [, payload] = new UnsecuredJWT(claims).encode().split('.');
  return `${base64url.encode(JSON.stringify(header))}.${payload}.`;
}
