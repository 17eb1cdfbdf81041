// Re-use and one-time refresh tokens as the Developer Portal offers them: an authorization keeps the terms it was
// given under, a spent token is remembered, and sending it again is counted.

import type { State } from './state.ts';
import type { SandboxSettings } from './types.ts';

export type RefreshTerms = { use: 're-use' | 'one-time'; graceSeconds: number; lifetimeSeconds: number };

export type RefreshTokens = {
  /** Fixes the terms of an authorization from the settings of this moment. */
  agree(grantId: string): void;
  terms(grantId: string): RefreshTerms;
  spend(token: string): void;
  isSpent(token: string): boolean;
  isInGrace(token: string, grantId: string): boolean;
  noteReplay(): void;
  replays(): number;
  forgetReplays(): void;
};

export function createRefreshTokens(settings: SandboxSettings, state: State): RefreshTokens {
  const terms = state.shelf<RefreshTerms>('terms');
  const spentAt = state.shelf<number>('spent');
  let replays = 0;

  function currentTerms(): RefreshTerms {
    return {
      use: settings.refreshTokenUse,
      graceSeconds: settings.refreshTokenGraceSeconds,
      lifetimeSeconds: settings.refreshTokenLifetimeSeconds,
    };
  }
  function termsOf(grantId: string): RefreshTerms {
    return terms.get(grantId) ?? currentTerms();
  }

  return {
    agree(grantId) {
      terms.set(grantId, currentTerms());
      state.changed();
    },
    terms: termsOf,
    spend(token) {
      // A second use within the grace period must not prolong it.
      if (spentAt.has(token)) return;
      spentAt.set(token, Date.now());
      state.changed();
    },
    isSpent: (token) => spentAt.has(token),
    isInGrace(token, grantId) {
      const spent = spentAt.get(token);
      return spent !== undefined && Date.now() - spent < termsOf(grantId).graceSeconds * 1000;
    },
    noteReplay() {
      replays += 1;
    },
    replays: () => replays,
    forgetReplays() {
      replays = 0;
    },
  };
}
