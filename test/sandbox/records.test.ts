import { expect, test } from '@jest/globals';
import { createRecords } from '../../src/sandbox/records.ts';
import { createRefreshTokens } from '../../src/sandbox/refresh-tokens.ts';
import { openState } from '../../src/sandbox/state.ts';

const SETTINGS = {
  refreshTokenUse: 'one-time',
  refreshTokenGraceSeconds: 0,
  refreshTokenLifetimeSeconds: 1000,
  accessTokenLifetimeSeconds: 3600,
  pkceRequired: false,
  dineroCallsAMinute: 100,
} as const;

async function createTokenRecord(graceSeconds: number) {
  const state = await openState(null);
  const refreshTokens = createRefreshTokens({ ...SETTINGS, refreshTokenGraceSeconds: graceSeconds }, state);
  const records = createRecords(state, refreshTokens);
  const [tokens, grants] = [records.adapterOf('RefreshToken'), records.adapterOf('Grant')];
  const exp = Math.floor(Date.now() / 1000) + 1000;
  await tokens.upsert('the-token', { grantId: 'the-grant', exp }, 1000);
  await grants.upsert('the-grant', { accountId: 'somebody', exp }, 1000);
  return { tokens, grants };
}

test('of two uses of a one-time token that both found it unspent, one loses, and with it the authorization', async () => {
  const { tokens, grants } = await createTokenRecord(0);
  await Promise.all([tokens.find('the-token'), tokens.find('the-token')]);
  await tokens.consume('the-token');
  await expect(tokens.consume('the-token')).rejects.toThrow('invalid_grant');
  expect(await grants.find('the-grant')).toBeUndefined();
});

test('within the grace period both win', async () => {
  const { tokens, grants } = await createTokenRecord(60);
  await tokens.consume('the-token');
  await tokens.consume('the-token');
  expect(await grants.find('the-grant')).toBeDefined();
});

test('a code is gone once it was looked at', async () => {
  const state = await openState(null);
  const codes = createRecords(state, createRefreshTokens(SETTINGS, state)).adapterOf('AuthorizationCode');
  await codes.upsert('the-code', { grantId: 'the-grant' }, 60);
  expect(await codes.find('the-code')).toMatchObject({ grantId: 'the-grant' });
  expect(await codes.find('the-code')).toBeUndefined();
});
