// The real identity provider, with the steps of a token call told before and after.

import { createVismaConnect as createReal } from '../../src/adapters/visma-connect.ts';
import { fingerprint, note, reach } from './steps.ts';

export * from '../../src/adapters/visma-connect.ts';

export function createVismaConnect(...needs: Parameters<typeof createReal>): ReturnType<typeof createReal> {
  const provider = createReal(...needs);
  return {
    ...provider,

    async refresh(before, maySend) {
      const token = fingerprint(before.refreshToken);
      reach('before_token_call', { token });
      const outcome = await provider.refresh(before, () => {
        const may = maySend();
        if (!may) note('held_back', { token });
        else {
          reach('sending', { token });
          reach('during_token_call', { token });
        }
        return may;
      });
      reach('after_answer', {
        token,
        outcome: outcome.kind,
        ...('grant' in outcome ? { successor: fingerprint(outcome.grant.refreshToken) } : {}),
        ...('message' in outcome ? { message: outcome.message } : {}),
      });
      return outcome;
    },
  };
}
