// An attempt belongs to the browser that started it and to the browser that came back with it: they must be the same.

import { expect, test } from '@jest/globals';
import { useStage } from './support/stage.ts';
import type { Tab } from './support/tab.ts';

const stage = useStage();

/** Starts, and answers the address at Visma Connect that this browser was sent to. */
async function startAndTakeAddress(tab: Tab): Promise<string> {
  const asked = tab.page.waitForRequest((request) => request.url().includes('/connect/authorize?'));
  await tab.start();
  return (await asked).url();
}

async function consentAt(address: string, tab: Tab): Promise<void> {
  await tab.page.goto(address);
  await tab.signInAs('rikke');
  await tab.accept();
}

const tokenCalls = () => stage.sandbox.count('POST', '/connect/token');

test('a browser that started nothing presses once, and learns that this began in another browser', async () => {
  stage.complaints.expectedStatuses.add(403);
  const address = await startAndTakeAddress(await stage.open());
  const other = await stage.open();

  await consentAt(address, other);
  expect(await other.heading()).toBe('Tryk for at gå videre');
  expect(await other.page.locator('main .button').count()).toBe(1);
  await other.follow(other.t('finish.button'));

  expect(await other.text()).toContain('startet i en anden browser. Gå tilbage til den, eller begynd her.');
  expect(await other.page.locator('main .button').count()).toBe(1);
  await other.follow(other.t('actions.start_again'));
  expect(other.path()).toBe('/');
  expect(tokenCalls()).toBe(0);
});

test('a browser with an attempt of its own learns at once that this one began in another browser', async () => {
  stage.complaints.expectedStatuses.add(403);
  const address = await startAndTakeAddress(await stage.open({ language: 'en' }));
  const other = await stage.open({ language: 'en' });
  await other.start();

  await consentAt(address, other);

  expect(await other.text()).toContain('This was started in another browser. Go back to it, or start here.');
  expect(tokenCalls()).toBe(0);
});

test('who starts an attempt and has somebody else give the consent gets nothing', async () => {
  stage.complaints.expectedStatuses.add(400).add(403).add(409);
  const attacker = await stage.open();
  const address = await startAndTakeAddress(attacker);
  const state = new URL(address).searchParams.get('state') ?? '';
  await consentAt(address, await stage.open());

  // The state is in the attacker's own address bar; the code is not.
  const forms: Record<string, string>[] = [
    { state },
    { state, error: 'access_denied' },
    { state, code: 'guessed', iss: stage.sandbox.origin },
  ];
  for (const form of forms) {
    const answer = await fetch(`${stage.app.origin}/oauth/callback`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams(form),
    });
    await attacker.page.goto(new URL(answer.headers.get('location') ?? '/', stage.app.origin).href);
    await attacker.page.goto(`${stage.app.origin}/connection`);
    expect(await attacker.heading()).toBe(attacker.t('home.heading'));
  }
  expect(tokenCalls()).toBe(0);
});
