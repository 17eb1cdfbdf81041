// An integrator's backend: holds an API key and calls the API through the front door.

import request, { type Test } from 'supertest';
import { apiScopes } from '../../src/core/api-keys.ts';
import type { ApiScope } from '../../src/core/integrator-types.ts';
import type { TestApp } from './app.ts';
import { checkAnswer } from './openapi.ts';

export type Backend = Awaited<ReturnType<typeof createBackend>>;
type Method = 'get' | 'post' | 'put' | 'patch' | 'delete' | 'head' | 'options';

export async function createBackend(
  { app, core }: Pick<TestApp, 'app' | 'core'>,
  scopes: readonly ApiScope[] = apiScopes,
) {
  const { key, text } = await core.apiKeys.create({ name: 'a backend', scopes: [...scopes], expiresAt: null });

  /** `path` below `/api/v1`. Every answer has to be as docs/openapi.yaml says. */
  const call = (method: Method, path: string, body?: object | string) => callWith(`Bearer ${text}`, method, path, body);

  /** With another `Authorization`, or, when it is null, with none. */
  function callWith(authorization: string | null, method: Method, path: string, body?: object | string): Test {
    const test = request(app)
      [method](`/api/v1${path}`)
      .expect((response) => checkAnswer(method, path.split('?')[0] ?? '', response));
    if (authorization !== null) test.set('authorization', authorization);
    return body === undefined ? test : test.type('json').send(body);
  }

  const connectionPath = (userId: string) => `/users/${encodeURIComponent(userId)}/connections/dinero`;
  return { key, text, call, callWith, connectionPath };
}
