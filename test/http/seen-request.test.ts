import { expect, test } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { watchRequests } from '../../src/http/seen-request.ts';

// What the doctor is told of how page requests come.

function createWatchedApp(trustProxy: number | false) {
  const watch = watchRequests();
  const app = express();
  app.set('trust proxy', trustProxy);
  app.use(watch.record, (_request, response) => void response.end());
  const open = (headers: Record<string, string>) => request(app).get('/').set(headers);
  return { open, last: watch.last };
}

const forwarded = { host: 'app:3000', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'connect.fakturaflow.dk' };

test('nothing is known before somebody opens a page', () => {
  expect(createWatchedApp(1).last()).toBeNull();
});

test('a trusted proxy is believed', async () => {
  const { open, last } = createWatchedApp(1);
  await open(forwarded);
  expect(last()).toEqual({ protocol: 'https', host: 'connect.fakturaflow.dk' });
});

test('anybody else is not; and the last request counts', async () => {
  const { open, last } = createWatchedApp(false);
  await open({ host: 'first:1' });
  await open(forwarded);
  expect(last()).toEqual({ protocol: 'http', host: 'app:3000' });
});
