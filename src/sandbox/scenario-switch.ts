// Which scenario is on, what it changed, and the way back to normal. One at a time.

import type { Faults } from './faults.ts';
import { findPerson } from './people.ts';
import type { Records } from './records.ts';
import { SCENARIOS, type Scenario, type ScenarioId } from './scenarios.ts';
import type { Issued, SandboxPerson, SandboxSettings } from './types.ts';

export type ScenarioSwitch = {
  active(): Scenario | null;
  is(id: ScenarioId): boolean;
  /** Back to normal first. An unknown id changes nothing. */
  start(id: unknown): void;
  /** Back to normal: no faults either. What was revoked stays so. */
  end(): void;
  /** Who signs in; undefined when that is for the person to say. */
  person(): SandboxPerson | undefined;
  /** Whether Dinero refuses this access token although it is good. */
  refuses(accessToken: string): boolean;
};

type Parts = { settings: SandboxSettings; faults: Faults; records: Records; issued: Issued };

export function createScenarioSwitch({ settings, faults, records, issued }: Parts): ScenarioSwitch {
  let active: Scenario | null = null;
  let restore: () => void = () => undefined;
  let ended = new Set<string>();
  const is = (id: ScenarioId) => active?.id === id;

  function end(): void {
    restore();
    restore = () => undefined;
    ended = new Set();
    active = null;
    faults.clear();
  }

  return {
    active: () => active,
    is,
    end,
    start(id) {
      const scenario: Scenario | undefined = SCENARIOS.find((one) => one.id === id);
      if (!scenario) return;
      end();
      active = scenario;
      for (const { target, fault } of scenario.faults ?? []) faults.set(target, fault);
      if (is('expired-authorization')) ended = new Set(issued.accessTokens);
      if (is('expired-authorization') || is('refresh-token-revoked')) records.revokeAll();
      if (is('rate-limit')) {
        const before = settings.dineroCallsAMinute;
        settings.dineroCallsAMinute = 0;
        restore = () => {
          settings.dineroCallsAMinute = before;
        };
      }
    },
    person: () => findPerson(active?.person),
    refuses: (accessToken) => ended.has(accessToken),
  };
}
