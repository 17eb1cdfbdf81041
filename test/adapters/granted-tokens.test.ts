import { expect, test } from '@jest/globals';
import { UnsecuredJWT } from 'jose';
import { subjectHint, toGrant } from '../../src/adapters/granted-tokens.ts';

const now = new Date('2026-11-21T10:00:00.000Z');
const before = { scope: ['former'], refreshToken: 'r1' };
const tokens = { access_token: 'a1', token_type: 'bearer', refresh_token: 'r2', expires_in: 3600 } as const;

test.each([
  ['dineropublicapi:read offline_access', ['dineropublicapi:read', 'offline_access']],
  ['  a   b ', ['a', 'b']],
  ['a\0b c \ud800 "d" e', ['c', 'e']],
])('of the scope %j only what the standard allows is kept, and could be stored', (scope, kept) => {
  expect(toGrant({ ...tokens, scope }, before, now).scope).toEqual(kept);
});

test.each([
  ['a person', 'a person'],
  ['with\0NUL', null],
  ['x'.repeat(256), null],
])('a subject like %j is a hint or none', (sub, hint) => {
  expect(subjectHint(new UnsecuredJWT({ sub }).encode())).toBe(hint);
});
