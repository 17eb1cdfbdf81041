import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestApp, startTestSandbox, type TestApp } from '../support/app.ts';
import { openBrowser, textOf } from '../support/browser.ts';

let sandbox: Sandbox;
let testApp: TestApp;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => {
  sandbox.reset();
  testApp = createTestApp(sandbox);
});

async function atThePicker(person: string) {
  const browser = openBrowser(testApp.app);
  await browser.signIn(person);
  return { browser, picker: await browser.get('/organizations') };
}

const optionsOf = (html: string) =>
  [...html.matchAll(/<input[^>]*name="organizationId"[^>]*>/g)].map(([input]) => input);

describe('the picker', () => {
  test('chooses nothing for the person, not even a single company', async () => {
    const { picker } = await atThePicker('rikke');
    expect(optionsOf(picker.text)).toHaveLength(1);
    expect(picker.text).not.toMatch(/ checked/);
  });

  test('shows companies without Pro, not to be chosen, with the reason', async () => {
    const { picker } = await atThePicker('mads');
    const options = optionsOf(picker.text);
    expect(options).toHaveLength(5);
    expect(options.filter((option) => option.includes('disabled')).length).toBeGreaterThan(0);
    expect(textOf(picker)).toContain('Kræver Dinero Pro.');
    expect(textOf(picker)).toContain('Tjek igen');
  });

  test('shows a name with markup as its letters', async () => {
    const { picker } = await atThePicker('mads');
    expect(picker.text).not.toMatch(/<b>(?!<)/);
    expect(textOf(picker)).toContain('<b>');
  });

  test('shows CVR number and city where Dinero gives them, and does without where it refuses to', async () => {
    const { browser, picker } = await atThePicker('rikke');
    expect(textOf(picker)).toContain('CVR 12345678');
    expect(textOf(picker)).toContain('København');
    sandbox.faults.set(
      'organizations',
      { kind: 'status', status: 400, body: '{"code":42,"message":"field"}', contentType: 'application/json' },
      1,
    );
    const plain = textOf(await browser.get('/organizations'));
    expect(plain).toContain('RN');
    expect(plain).not.toContain('CVR');
    sandbox.requests.length = 0;
    await browser.get('/organizations');
    expect(sandbox.count('GET', '/v1/organizations')).toBe(1);
  });

  test('no company at all is a page of its own, with a way to sign in as somebody else', async () => {
    const { browser, picker } = await atThePicker('anders');
    expect(textOf(picker)).toContain('Vi fandt ingen virksomhed');
    const url = new URL((await browser.submit(picker, '/connect', { prompt: 'login' })).headers.location ?? '');
    expect(url.searchParams.get('prompt')).toBe('login');
  });

  test('none with Pro is a page of its own that lists what was found', async () => {
    const { picker } = await atThePicker('kirsten');
    expect(textOf(picker)).toContain('Ingen af dine virksomheder har Dinero Pro');
    expect(optionsOf(picker.text)).toHaveLength(0);
  });

  test('up to eight companies have no search, more have one that finds name, CVR number and id', async () => {
    expect((await atThePicker('mads')).picker.text).not.toContain('name="q"');
    const { browser, picker } = await atThePicker('bodil');
    expect(optionsOf(picker.text)).toHaveLength(300);
    const id = /value="(\d+)"/.exec(optionsOf(picker.text)[42] ?? '')?.[1] ?? '';
    const byId = await browser.get(`/organizations?q=${id}`);
    expect(optionsOf(byId.text)).toHaveLength(1);
    const name = />([^<>]{6,})<\/bdi>/.exec(byId.text.slice(byId.text.indexOf(`value="${id}"`)))?.[1] ?? '';
    for (const query of [name, name.toUpperCase()]) {
      const found = await browser.get(`/organizations?q=${encodeURIComponent(query)}`);
      expect(found.text).toContain(`value="${id}"`);
      expect(optionsOf(found.text).length).toBeLessThan(300);
    }
    const none = await browser.get('/organizations?q=zzzzzz');
    expect(textOf(none)).toContain('Ingen virksomhed passer til »zzzzzz«.');
  });

  test.each([`q=${'x'.repeat(10_000)}`, 'q=a&q=b', 'q=%00', 'q[]=x', '__proto__=x'])(
    'a search for %s is answered with the whole list',
    async (query) => {
      const { browser } = await atThePicker('rikke');
      expect((await browser.get(`/organizations?${query}`)).status).toBe(200);
    },
  );

  test('of 5,000 companies 500 are shown, and the search finds the others', async () => {
    const { browser } = await atThePicker('rikke');
    const body = JSON.stringify(
      Array.from({ length: 5000 }, (_, index) => ({ id: index + 1, name: `Firma ${index + 1}`, isPro: true })),
    );
    sandbox.faults.set('organizations', { kind: 'status', status: 200, body, contentType: 'application/json' });
    const picker = await browser.get('/organizations');
    expect(optionsOf(picker.text)).toHaveLength(500);
    expect(textOf(picker)).toContain('De første 500 er vist.');
    const found = await browser.get('/organizations?q=firma+4321');
    expect(optionsOf(found.text)).toHaveLength(1);
    expect(textOf(found)).not.toContain('er vist');
  });

  test('without a connection the picker leads to the first page', async () => {
    expect((await openBrowser(testApp.app).get('/organizations')).headers.location).toBe('/');
  });
});

describe('the choice', () => {
  test('reads the company once at Dinero before it counts', async () => {
    const { browser, picker } = await atThePicker('rikke');
    const chosen = await browser.submit(picker, '/organizations', { organizationId: '118244' });
    expect(chosen.status).toBe(303);
    expect(chosen.headers.location).toBe('/connection');
    expect(sandbox.count('GET', '/v1/118244/accountingyears')).toBe(1);
  });

  test('without a company ticked the picker says what is missing', async () => {
    const { browser, picker } = await atThePicker('rikke');
    const again = await browser.submit(picker, '/organizations');
    expect(again.status).toBe(422);
    expect(textOf(again)).toContain('Vælg en virksomhed, før du går videre.');
  });

  test.each(['999999999', 'abc', '118244 ', '-1', '1e5', '118244/../1', '', 'x'.repeat(100)])(
    'of %j, which is none of this person’s, nothing is stored',
    async (organizationId) => {
      const { browser, picker } = await atThePicker('rikke');
      const again = await browser.submit(picker, '/organizations', { organizationId });
      expect(again.status).toBe(409);
      expect(textOf(again)).toContain('ikke længere på din liste');
      expect((await browser.get('/connection')).headers.location).toBe('/organizations');
    },
  );

  test.each([`organizationId=${'9'.repeat(10_000)}`, 'organizationId=1&organizationId=2', 'organizationId=%00'])(
    'a form with %s is refused with 400',
    async (body) => {
      const { browser, picker } = await atThePicker('rikke');
      const token = /name="_csrf" value="([^"]+)"/.exec(picker.text)?.[1];
      const response = await browser.agent.post('/organizations').type('form').send(`${body}&_csrf=${token}`);
      expect(response.status).toBe(400);
    },
  );

  test('of somebody else’s company nothing is stored', async () => {
    const { browser, picker } = await atThePicker('mads');
    const again = await browser.submit(picker, '/organizations', { organizationId: '118244' });
    expect(again.status).toBe(409);
    expect((await browser.get('/connection')).headers.location).toBe('/organizations');
  });

  test('a company that lost Pro between list and choice is not chosen, and says why', async () => {
    const { browser, picker } = await atThePicker('rikke');
    sandbox.changeOrganization(118244, { isPro: false });
    const again = await browser.submit(picker, '/organizations', { organizationId: '118244' });
    expect(again.status).toBe(409);
    expect((await browser.get('/connection')).headers.location).toBe('/organizations');
    expect(sandbox.count('GET', '/v1/118244/accountingyears')).toBe(0);
  });

  test('a company that Dinero refuses with code 90 although the list said Pro is not chosen', async () => {
    const { browser, picker } = await atThePicker('rikke');
    sandbox.faults.set('accountingyears', {
      kind: 'status',
      status: 403,
      body: '{"code":90}',
      contentType: 'application/json',
    });
    const again = await browser.submit(picker, '/organizations', { organizationId: '118244' });
    expect(again.status).toBe(409);
    expect(textOf(again)).toContain('ikke længere Dinero Pro');
  });

  test('a company that vanished between list and choice is not chosen', async () => {
    const { browser, picker } = await atThePicker('mads');
    const id =
      /value="(\d+)"(?![^>]*disabled)/.exec(
        optionsOf(picker.text).find((option) => !option.includes('disabled')) ?? '',
      )?.[1] ?? '';
    sandbox.changeOrganization(Number(id), null);
    expect((await browser.submit(picker, '/organizations', { organizationId: id })).status).toBe(409);
  });

  test('a stale form comes back with the same company ticked, and then works', async () => {
    const { browser, picker } = await atThePicker('rikke');
    expect(picker.status).toBe(200);
    const stale = await browser.post('/organizations', { _csrf: 'old', organizationId: '118244' });
    expect(stale.status).toBe(403);
    expect(textOf(stale)).toContain('Tryk en gang til');
    expect(optionsOf(stale.text)[0]).toContain('checked');
    expect((await browser.get('/connection')).headers.location).toBe('/organizations');
    expect((await browser.submit(stale, '/organizations', { organizationId: '118244' })).headers.location).toBe(
      '/connection',
    );
  });

  test('pressed twice at once it is one choice', async () => {
    const { browser, picker } = await atThePicker('rikke');
    const both = await Promise.all(
      [1, 2].map(() => browser.submit(picker, '/organizations', { organizationId: '118244' })),
    );
    expect(both.map(({ headers }) => headers.location)).toEqual(['/connection', '/connection']);
  });

  test('another company is chosen from the same picker, the present one ticked', async () => {
    const browser = openBrowser(testApp.app);
    await browser.signIn('mads');
    const picker = await browser.get('/organizations');
    const ids = optionsOf(picker.text)
      .filter((option) => !option.includes('disabled'))
      .map((option) => /value="(\d+)"/.exec(option)?.[1] ?? '');
    await browser.submit(picker, '/organizations', { organizationId: ids[0] ?? '' });
    const again = await browser.get('/organizations');
    expect(optionsOf(again.text).find((option) => option.includes('checked'))).toContain(`value="${ids[0]}"`);
    await browser.submit(again, '/organizations', { organizationId: ids[1] ?? '' });
    expect(textOf(await browser.get('/connection'))).toContain('Du har skiftet virksomhed.');
    expect(textOf(await browser.get('/connection'))).not.toContain('Du har skiftet virksomhed.');
  });
});
