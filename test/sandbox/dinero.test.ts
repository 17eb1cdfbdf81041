import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { callDinero, connect, startTestSandbox } from './support.ts';

let sandbox: Sandbox;
const accessTokens: Record<string, string> = {};
beforeAll(async () => {
  sandbox = await startTestSandbox();
  for (const person of ['rikke', 'mads', 'kirsten', 'anders', 'bodil']) {
    accessTokens[person] = (await connect(sandbox, person)).access_token;
  }
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

function call(path: string, person = 'rikke'): Promise<Response> {
  return callDinero(sandbox, path, accessTokens[person] ?? '');
}
type Company = { id: number; name: string; isPro: boolean };
async function list(person: string): Promise<Company[]> {
  const response = await call('/v1/organizations?fields=name,id,isPro', person);
  expect(response.status).toBe(200);
  return (await response.json()) as Company[];
}
function errorBody(code: number) {
  return {
    code,
    message: expect.any(String),
    validationErrors: code === 42 ? expect.any(Object) : null,
    languageSpecificMessages: [{ property: expect.any(String), message: expect.any(String) }],
    errorMessageList: [expect.any(String)],
  };
}

describe('the list of companies', () => {
  test('is a bare array with the fields asked for, and no others', async () => {
    expect(await list('rikke')).toEqual([{ name: 'RN', id: 118244, isPro: true }]);
  });

  test('has its keys in the case they were asked in', async () => {
    const body = await (await call('/v1/organizations?fields=Name,ID,isPro,VatNumber,city')).json();
    expect(body).toEqual([{ Name: 'RN', ID: 118244, isPro: true, VatNumber: '12345678', city: 'København' }]);
  });

  test('knows every field of Dinero, and refuses others with 400 and code 42', async () => {
    const all = 'name,id,type,isPro,isPayingPro,isVatFree,email,phone,street,city,zipCode,attPerson,isTaxFreeUnion';
    const [company] = (await (await call(`/v1/organizations?fields=${all},vatNumber`)).json()) as object[];
    expect(Object.keys(company ?? {})).toEqual(`${all},vatNumber`.split(','));
    const refused = await call('/v1/organizations?fields=name,turnover');
    expect(refused.status).toBe(400);
    expect(await refused.json()).toEqual(errorBody(42));
  });

  test('has names only when no fields are asked for', async () => {
    expect(await (await call('/v1/organizations')).json()).toEqual([{ name: 'RN' }]);
  });
});

describe('the people', () => {
  test('mads has five: two of one name with their own ids and towns, an odd name, some without Pro', async () => {
    const companies = await list('mads');
    expect(companies).toHaveLength(5);
    expect(companies.filter(({ name }) => name === 'Havnens Fisk').map(({ id }) => id)).toEqual([201002, 201003]);
    expect(companies.some(({ name }) => name.includes('<b>') && name.includes('🌷'))).toBe(true);
    expect(companies.filter(({ isPro }) => !isPro)).toHaveLength(2);
  });

  test('kirsten has none with Pro, anders none at all, bodil 300', async () => {
    expect((await list('kirsten')).map(({ isPro }) => isPro)).toEqual([false, false]);
    expect(await list('anders')).toEqual([]);
    const many = await list('bodil');
    expect(new Set(many.map(({ id }) => id)).size).toBe(300);
    expect(new Set(many.map(({ name }) => name)).size).toBe(300);
  });
});

describe('the accounting years of a company', () => {
  test('are a list of years', async () => {
    const response = await call('/v1/118244/accountingyears');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual([
      {
        name: expect.any(String),
        fromDate: expect.stringMatching(/-01-01$/),
        toDate: expect.stringMatching(/-12-31$/),
      },
      expect.any(Object),
    ]);
  });

  test('are refused with 403 and code 90 without Pro', async () => {
    const response = await call('/v1/201005/accountingyears', 'mads');
    expect(response.status).toBe(403);
    expect(await response.json()).toEqual(errorBody(90));
  });

  test('are not found, with code 40, for a company of somebody else', async () => {
    const response = await call('/v1/201001/accountingyears', 'rikke');
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual(errorBody(40));
  });
});

describe('the contacts of a company', () => {
  const guid = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);

  function post(body: unknown, token = accessTokens.rikke): Promise<Response> {
    return fetch(new URL('/v1/118244/contacts', sandbox.origin), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  test('come in pages, with names and ids only when no fields are asked for', async () => {
    const response = await call('/v1/118244/contacts');
    expect(response.status).toBe(200);
    const body = (await response.json()) as { Collection: object[]; Pagination: object };
    expect(body.Collection).toHaveLength(4);
    expect(body.Collection[0]).toEqual({ Name: 'Bageriet Kornblomst ApS', ContactGuid: guid });
    expect(body.Pagination).toEqual({
      MaxPageSizeAllowed: 1000,
      PageSize: 100,
      Result: 4,
      ResultWithoutFilter: 4,
      Page: 0,
    });
  });

  test('are picked by page and field, in the case that was asked for; unknown fields are refused with code 42', async () => {
    const second = await (await call('/v1/118244/contacts?fields=name,CITY&page=1&pageSize=3')).json();
    expect(second).toEqual({
      Collection: [{ name: 'Ida Kjærsgaard', CITY: 'Aarhus C' }],
      Pagination: { MaxPageSizeAllowed: 1000, PageSize: 3, Result: 1, ResultWithoutFilter: 4, Page: 1 },
    });
    const refused = await call('/v1/118244/contacts?fields=name,turnover');
    expect(refused.status).toBe(400);
    expect(await refused.json()).toEqual(errorBody(42));
  });

  test('are of that company alone, and have their ids for good', async () => {
    const ids = async (path: string, person: string) =>
      ((await (await call(path, person)).json()) as { Collection: { ContactGuid: string }[] }).Collection.map(
        ({ ContactGuid }) => ContactGuid,
      );
    const ours = await ids('/v1/118244/contacts', 'rikke');
    expect(await ids('/v1/118244/contacts', 'rikke')).toEqual(ours);
    const theirs = await ids('/v1/201001/contacts', 'mads');
    expect(theirs.filter((id) => ours.includes(id))).toEqual([]);
    expect((await call('/v1/201001/contacts', 'rikke')).status).toBe(404);
    expect((await call('/v1/201005/contacts', 'mads')).status).toBe(403);
  });

  test('grow by what is posted, which comes back with its id, until the sandbox is reset', async () => {
    const created = await post({ name: 'Fjordens Røgeri', City: 'Nykøbing', vatNumber: 7, IsPerson: false });
    expect(created.status).toBe(201);
    expect(await created.json()).toMatchObject({
      ContactGuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      Name: 'Fjordens Røgeri',
      City: 'Nykøbing',
      VatNumber: null,
      CountryKey: 'DK',
    });
    const listed = await (await call('/v1/118244/contacts?page=4&pageSize=1&fields=name')).json();
    expect(listed).toMatchObject({ Collection: [{ name: 'Fjordens Røgeri' }] });
    sandbox.reset();
    const after = await (await call('/v1/118244/contacts')).json();
    expect(after).toMatchObject({ Pagination: { ResultWithoutFilter: 4 } });
  });

  test('need a name, else it is 400 with code 42, and a token that may write', async () => {
    for (const body of [{}, { name: ' ' }, { name: 7 }, [], null]) {
      const refused = await post(body);
      expect({ body, status: refused.status }).toEqual({ body, status: 400 });
    }
    expect(await (await post({})).json()).toEqual(errorBody(42));
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: sandbox.origin, aud: 'https://api.dinero.dk', exp: now + 60 };
    const reading = await sandbox.signIdToken({ ...claims, scope: ['dineropublicapi:read'] });
    expect((await post({ name: 'Fjordens Røgeri' }, reading)).status).toBe(401);
  });
});

test('a missing, broken, foreign or expired token, or one that may not read, is 401 with code 41', async () => {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: sandbox.origin, aud: 'https://api.dinero.dk', exp: now + 60, scope: ['dineropublicapi:read'] };
  const tokens = [
    '',
    'nonsense',
    `${accessTokens.rikke?.slice(0, -8)}AAAAAAAA`,
    await sandbox.signIdToken({ ...claims, exp: now - 1 }),
    await sandbox.signIdToken({ ...claims, aud: 'https://api.example' }),
    await sandbox.signIdToken({ ...claims, iss: 'https://connect.example' }),
    await sandbox.signIdToken({ ...claims, scope: ['dineropublicapi:write'] }),
    await sandbox.signIdToken(claims, { alg: 'none' }),
    await sandbox.signIdToken(claims, { alg: 'HS256' }),
  ];
  for (const token of tokens) {
    const response = await callDinero(sandbox, '/v1/organizations', token);
    expect(response.status).toBe(401);
    expect(await response.json()).toEqual(errorBody(41));
  }
  expect((await callDinero(sandbox, '/v1/organizations', await sandbox.signIdToken(claims))).status).toBe(200);
});

test('an unknown path is a 404 in HTML', async () => {
  for (const path of ['/v1/nothing', '/v1/118244/nothing', '/v1/abc/accountingyears']) {
    const response = await call(path);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('text/html');
  }
});

test('above 100 requests a minute to one company the answer is a plain-text 429, for that company alone', async () => {
  for (let calls = 0; calls < 100; calls += 1) {
    expect((await call('/v1/201001/accountingyears', 'mads')).status).toBe(200);
  }
  const refused = await call('/v1/201001/accountingyears', 'mads');
  expect(refused.status).toBe(429);
  expect(refused.headers.get('content-type')).toContain('text/plain');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await refused.text()).toMatch(/^API calls quota exceeded!/);
  expect((await call('/v1/201002/accountingyears', 'mads')).status).toBe(200);
});

describe('a test', () => {
  test('can take Pro from a company, and put everything back', async () => {
    sandbox.changeOrganization(118244, { isPro: false });
    expect((await call('/v1/118244/accountingyears')).status).toBe(403);
    sandbox.reset();
    expect((await call('/v1/118244/accountingyears')).status).toBe(200);
  });

  test('can make a company vanish', async () => {
    sandbox.changeOrganization(118244, null);
    expect(await list('rikke')).toEqual([]);
    expect((await call('/v1/118244/accountingyears')).status).toBe(404);
  });
});
