// The settings that are numbers, with their limits: what the front page offers is what its switches take.

import type { SandboxSettings } from './types.ts';

type NumberSettingName = {
  [Name in keyof SandboxSettings]: SandboxSettings[Name] extends number ? Name : never;
}[keyof SandboxSettings];

const TEN_YEARS = 10 * 365 * 24 * 3600;

export const NUMBER_SETTINGS: { name: NumberSettingName; least: number; most: number }[] = [
  {
    name: 'refreshTokenGraceSeconds',
    least: 0,
    most: TEN_YEARS,
  },
  { name: 'refreshTokenLifetimeSeconds', least: 1, most: TEN_YEARS },
  { name: 'accessTokenLifetimeSeconds', least: 1, most: TEN_YEARS },
  { name: 'dineroCallsAMinute', least: 0, most: 1_000_000 },
];

/** How often a fault may be set to strike, unless it strikes until it is cleared. */
export const MOST_TIMES = 1000;
