// Stopping the app while browsers look at it.

import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import { useStage } from './support/stage.ts';

const stage = useStage();

test('the app stops by itself, also when browsers have opened connections ahead and asked nothing on them', async () => {
  const tab = await stage.open();
  await tab.goHome();
  await tab.page.waitForLoadState('networkidle');
  const ahead = connect(Number(new URL(stage.app.origin).port), 'localhost');
  await once(ahead, 'connect');
  const closed = once(ahead, 'close');

  expect(await stage.app.stop()).toBe(0);
  await closed;
});
