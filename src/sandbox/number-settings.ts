// The settings that are numbers, with their limits: what the front page offers is what its switches take.

import type { SandboxSettings } from './types.ts';

type NumberSettingName = {
  [Name in keyof SandboxSettings]: SandboxSettings[Name] extends number ? Name : never;
}[keyof SandboxSettings];

const TEN_YEARS = 10 * 365 * 24 * 3600;

export const NUMBER_SETTINGS: { name: NumberSettingName; label: string; least: number; most: number }[] = [
  {
    name: 'refreshTokenGraceSeconds',
    label: 'Grace for a spent one-time token, seconds',
    least: 0,
    most: TEN_YEARS,
  },
  { name: 'refreshTokenLifetimeSeconds', label: 'Refresh token lives, seconds', least: 1, most: TEN_YEARS },
  { name: 'accessTokenLifetimeSeconds', label: 'Access token lives, seconds', least: 1, most: TEN_YEARS },
  { name: 'dineroCallsAMinute', label: 'Dinero’s quota, calls a minute', least: 0, most: 1_000_000 },
];

/** How often a fault may be set to strike, unless it strikes until it is cleared. */
export const MOST_TIMES = 1000;
