import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { runCommand } from '../support/command.ts';
import { querySql } from '../support/journey-database.ts';
import { takeFreePort } from '../support/ports.ts';
import { type AppProcess, makeFolder, startApp } from '../support/process.ts';
import { openRemoteBrowser } from '../support/remote-browser.ts';

// The operator's page of the running app, and what is left when it stops.

let place: ReturnType<typeof makeFolder>;
let app: AppProcess;
let env: Record<string, string>;

beforeEach(async () => {
  place = makeFolder();
  env = { PORT: String(await takeFreePort()), SANDBOX_PORT: String(await takeFreePort()), OPERATOR: 'true' };
  app = await startApp(place.folder, env);
});
afterEach(async () => {
  await app.stop();
  place.remove();
});

const open = () => openRemoteBrowser(`http://localhost:${env.PORT}`);

test('an operator signs in with a key of the command line, sees people on their way, and is in the log', async () => {
  const person = open();
  await person.signIn('rikke');
  const chosen = await person.submit(await person.get('/organizations'), '/organizations', {
    organizationId: '118244',
  });
  expect(chosen.location).toBe('/connection');
  const made = await runCommand(place.folder, ['api-key', 'create', '--name', 'ops', '--scopes', 'operator'], env);
  const key = made.stdout.trim();

  const operator = open();
  const question = await operator.get('/operator?lang=en');
  expect((await operator.submit(question, '/operator/sign-in', { key })).status).toBe(303);
  const overview = await operator.get('/operator');
  expect(overview.text).toContain('Bars: 1 started, 1 came back, 1 gave access, 1 connected.');
  const found = await operator.get('/operator/search?q=118244');
  const user = /href="(\/operator\/users\/[^"]+)"/.exec(found.text)?.[1] ?? '';
  const link = await operator.submit(await operator.get(user), `${user}/link`);
  expect(link.text).toContain(`value="http://localhost:${env.PORT}/link/`);

  await app.stop();
  const lines = app
    .output()
    .split('\n')
    .filter((line) => line.includes('operator act'));
  const acts = lines.map((line) => JSON.parse(line) as { act: string; apiKeyId: string; reference: string });
  expect(acts.map(({ act }) => act)).toEqual(['sign_in', 'search', 'look_at_user', 'make_link']);
  for (const { apiKeyId, reference } of acts) expect([apiKeyId, reference.length]).toEqual([key.slice(4, 16), 10]);
  expect(app.output()).not.toContain(key.slice(-43));
}, 30_000);

test('a step that was taken just before the stop is counted', async () => {
  const person = open();
  await person.submit(await person.get('/'), '/connect');
  expect(await app.stop()).toBe(0);
  const select = 'select step, outcome, code, total from onboarding_counts';
  expect(querySql(place.folder, 'data/dinero-connect.db', select)).toEqual([
    { step: 'started', outcome: '', code: '', total: 1 },
  ]);
}, 30_000);
