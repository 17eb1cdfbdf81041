// Re-use and one-time refresh tokens as the Developer Portal offers them: an authorization keeps the terms it was
// given under, a spent token is remembered, and sending it again is counted.

import type { State } from './state.ts';
import type { SandboxSettings } from './types.ts';

export type RefreshTerms = { use: 're-use' | 'one-time'; graceSeconds: number; lifetimeSeconds: number };

export type RefreshTokens = {
  /** Fixes the terms of an authorization; without any, from the settings of this moment. */
  agree(grantId: string, agreed: RefreshTerms | null): void;
  terms(grantId: string): RefreshTerms;
  spend(token: string, grantId: string): void;
  isSpent(token: string): boolean;
  isInGrace(token: string): boolean;
  noteReplay(token: string): void;
  replays(): number;
  forgetReplays(): void;
};

export function createRefreshTokens(
  settings: SandboxSettings,
  state: State,
  onReplay: (spentToken: string) => void = () => undefined,
): RefreshTokens {
  const terms = state.shelf<RefreshTerms>('terms');
  // When the grace of each ends: still known when the authorization is gone.
  const graceEnds = state.shelf<number>('spent');
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
    agree(grantId, agreed) {
      terms.set(grantId, agreed ?? currentTerms());
      state.changed();
    },
    terms: termsOf,
    spend(token, grantId) {
      // A second use within the grace period must not prolong it.
      if (graceEnds.has(token)) return;
      graceEnds.set(token, Date.now() + termsOf(grantId).graceSeconds * 1000);
      state.changed();
    },
    isSpent: (token) => graceEnds.has(token),
    isInGrace: (token) => Date.now() < (graceEnds.get(token) ?? 0),
    noteReplay(token) {
      replays += 1;
      onReplay(token);
    },
    replays: () => replays,
    forgetReplays() {
      replays = 0;
    },
  };
}
