// Every page that says something went wrong, in both languages: in plain words, one next step that works, and a
// reference that is in the log.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { createGallery, type Gallery } from './support/gallery.ts';
import { useStage } from './support/stage.ts';
import type { Language, Tab } from './support/tab.ts';

const stage = useStage();

const languages: { language: Language }[] = [{ language: 'da' }, { language: 'en' }];
const path = (address: string) => `${stage.app.origin}${address}`;

let gallery: Gallery;

async function open(language: Language): Promise<Tab> {
  const tab = await stage.open({ language });
  gallery = createGallery(tab);
  return tab;
}

afterEach(() => expect(gallery.problems).toEqual([]));

/** The page that is shown now is the one for `code`. */
async function look(tab: Tab, code: string): Promise<void> {
  expect(await tab.heading()).toBe(tab.t(`errors.${code}.heading`));
  await gallery.look(`error-${code.replaceAll('_', '-')}`, {
    pictures: code === 'access_denied' ? ['light', 'dark'] : ['light'],
  });
  expect(await tab.page.locator('main .button').count()).toBe(1);
  const reference = /[0-9A-F]{10}/.exec(await tab.text())?.[0];
  expect(stage.app.output()).toContain(`"reference":"${reference}"`);
}

/** Starts, and comes back with what the provider would send; `state` is added. */
async function comeBackWith(tab: Tab, fields: Record<string, string>): Promise<void> {
  const asked = tab.page.waitForRequest((request) => request.url().includes('/connect/authorize?'));
  await tab.start();
  const state = new URL((await asked).url()).searchParams.get('state') ?? '';
  const body = new URLSearchParams({ state, ...fields });
  const answer = await fetch(path('/oauth/callback'), { method: 'POST', redirect: 'manual', body });
  await tab.page.goto(path(answer.headers.get('location') ?? ''));
}

/** Opens an address with a request that no link or form of ours makes. */
async function send(tab: Tab, address: string, request: { body: string; type?: string }): Promise<void> {
  const headers = { 'content-type': request.type ?? 'application/x-www-form-urlencoded' };
  await tab.page.route(
    path(address),
    (route) =>
      route.continue({ method: 'POST', postData: request.body, headers: { ...route.request().headers(), ...headers } }),
    { times: 1 },
  );
  await tab.page.goto(path(address));
}

async function pressNextStep(tab: Tab): Promise<void> {
  await tab.page.locator('main .button').click();
  await tab.page.locator('h1').waitFor();
}

test.each(languages)(
  'who says no at Visma Connect reads that nothing was changed ($language)',
  async ({ language }) => {
    const tab = await open(language);
    await tab.start();
    await tab.signInAs('rikke');

    await tab.cancel();

    expect(await tab.text()).toContain(
      language === 'da' ? 'Du sagde nej tak, og der er ikke ændret noget.' : 'You said no, and nothing was changed.',
    );
    await look(tab, 'access_denied');
    await pressNextStep(tab);
    expect(tab.path()).toBe('/');
    expect(stage.sandbox.count('POST', '/connect/token')).toBe(0);
  },
);

test('who says no to a reconnect stays connected, and reads nothing else', async () => {
  const tab = await open('da');
  await tab.connectAs('rikke', 118244);
  await tab.press(tab.t('connection.reconnect'));

  await tab.cancel();

  expect(await tab.text()).toContain('Du sagde nej tak, og der er ikke ændret noget.');
  expect(await tab.text()).not.toContain('Du er ikke forbundet');
  await pressNextStep(tab);
  expect(await tab.text()).toContain(tab.t('home.connected'));
});

test('who says no before signing in reads the same', async () => {
  const tab = await open('da');
  await tab.start();

  await tab.press(tab.visma.signInCancel);
  await tab.atOurs();

  expect(await tab.heading()).toBe(tab.t('errors.access_denied.heading'));
});

test.each(languages)('the pages for a way back that did not work ($language)', async ({ language }) => {
  for (const status of [400, 403, 409, 410, 500, 502, 503]) stage.complaints.expectedStatuses.add(status);
  const tab = await open(language);
  const iss = stage.sandbox.origin;
  const refuse = (error: string) => ({ kind: 'status' as const, status: 400, body: JSON.stringify({ error }) });

  await tab.page.goto(path('/oauth/finish/unknown'));
  await look(tab, 'attempt_unknown');
  await pressNextStep(tab);
  expect(tab.path()).toBe('/');
  await comeBackWith(tab, { error: 'consent_required' });
  await look(tab, 'authorization_failed');
  await comeBackWith(tab, { code: 'a-code', iss: 'https://connect.visma.example' });
  await look(tab, 'authorization_response_invalid');
  await comeBackWith(tab, { code: 'not-a-code', iss });
  await look(tab, 'grant_rejected');
  stage.sandbox.faults.set('token', refuse('invalid_client'), 1);
  await comeBackWith(tab, { code: 'a-code', iss });
  await look(tab, 'client_rejected');
  stage.sandbox.faults.set('token', { kind: 'status', status: 503 }, 3);
  await comeBackWith(tab, { code: 'a-code', iss });
  await look(tab, 'provider_unavailable');

  await tab.start();
  await tab.page.goto(path(`/oauth/finish/${stage.attempts.latestId()}`));
  await look(tab, 'attempt_unfinished');
  await tab.start();
  stage.attempts.letPass(61);
  await tab.signInAs('rikke');
  await tab.accept();
  await look(tab, 'attempt_expired');
});

test.each(languages)('the pages of a browser that did not start ($language)', async ({ language }) => {
  stage.complaints.expectedStatuses.add(403);
  const starter = await stage.open({ language });
  const asked = starter.page.waitForRequest((request) => request.url().includes('/connect/authorize?'));
  await starter.start();
  const tab = await open(language);
  await tab.page.goto((await asked).url());
  await tab.signInAs('rikke');
  await tab.accept();
  await gallery.look('finish-continue', { pictures: ['light', 'dark'] });
  await tab.follow(tab.t('finish.button'));
  await look(tab, 'attempt_other_browser');
});

test.each(languages)('the pages for a Dinero that does not answer as it should ($language)', async ({ language }) => {
  for (const status of [502, 503]) stage.complaints.expectedStatuses.add(status);
  const tab = await open(language);
  await tab.authorizeAs('rikke');
  const say = (status: number, body: string, headers = {}) =>
    stage.sandbox.faults.set('organizations', { kind: 'status', status, body, headers });

  say(500, '');
  await tab.page.reload();
  await look(tab, 'dinero_unavailable');
  say(429, 'API calls quota exceeded!', { 'retry-after': '30' });
  await pressNextStep(tab);
  expect(await tab.text()).toContain(language === 'da' ? 'Prøv igen om 30 sekunder.' : 'Try again in 30 seconds.');
  await look(tab, 'dinero_rate_limited');
  say(403, '{"code":41}');
  await pressNextStep(tab);
  await look(tab, 'dinero_rejected');
  say(401, '{"code":41}');
  await tab.page.reload();
  await look(tab, 'dinero_unauthorized');
  stage.sandbox.faults.clear();
  await pressNextStep(tab);
  await tab.accept();
  expect(tab.path()).toBe('/organizations');
  expect(await tab.page.getByRole('radio').count()).toBe(1);
});

test.each(languages)(
  'the pages for what our own side cannot do, and for wrong addresses ($language)',
  async ({ language }) => {
    for (const status of [400, 403, 404, 405, 413, 415, 503]) stage.complaints.expectedStatuses.add(status);
    const tab = await open(language);
    await tab.goHome();
    await stage.attempts.whileLocked(async () => {
      await tab.press(tab.t('home.button'));
      await look(tab, 'database_unavailable');
    });
    await pressNextStep(tab);
    expect(tab.path()).toBe('/');
    await tab.page.goto(path('/findes/ikke'));
    await look(tab, 'not_found');
    await pressNextStep(tab);
    expect(tab.path()).toBe('/');
    await tab.page.goto(path('/oauth/callback'));
    await look(tab, 'method_not_allowed');
    await send(tab, '/oauth/callback', { body: 'state[]=a' });
    await look(tab, 'bad_request');
    await send(tab, '/oauth/callback', { body: `state=${'a'.repeat(20_000)}` });
    await look(tab, 'payload_too_large');
    await send(tab, '/oauth/callback', { body: '{}', type: 'application/json' });
    await look(tab, 'unsupported_media_type');
    await send(tab, '/findes-ikke', { body: '_csrf=no' });
    await look(tab, 'form_expired');
  },
);

/** Until none is taken for the next half of a minute: the minute that is counted began with an earlier test. */
async function useUpForms(address: string): Promise<void> {
  for (let sent = 0; sent < 1_000; sent += 1) {
    const answer = await fetch(address, { method: 'POST', redirect: 'manual' });
    const seconds = Number(answer.headers.get('retry-after'));
    if (answer.status === 429 && seconds > 30) return;
    if (answer.status === 429) await sleep(seconds * 1_000);
  }
  throw new Error('every form was taken');
}

// Last: from here on, this app takes no more forms for a minute.
test('the page for too many forms in a minute, in both languages', async () => {
  stage.complaints.expectedStatuses.add(429);
  const { port } = new URL(stage.app.origin);
  for (const host of ['127.0.0.1', '[::1]']) await useUpForms(`http://${host}:${port}/oauth/callback`);
  for (const { language } of languages) {
    const tab = await open(language);
    await tab.goHome();
    await tab.press(tab.t('home.button'));
    await look(tab, 'too_many_requests');
  }
}, 120_000);
