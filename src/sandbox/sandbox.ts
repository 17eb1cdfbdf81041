// A built-in Visma Connect and Dinero on one loopback origin, for development, demonstration and tests.
// Imports nothing of the app, and the app imports nothing of it but this file.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express, { type Express } from 'express';
import { createCompanies } from './companies.ts';
import { createDinero } from './dinero.ts';
import { createFaults } from './faults.ts';
import { createFrontPage } from './front-page.ts';
import { createIssued } from './issued.ts';
import { openKeys } from './keys.ts';
import { PAGE_HEADERS } from './pages.ts';
import { findPerson } from './people.ts';
import { createRateLimit } from './rate-limit.ts';
import { createRecords } from './records.ts';
import { createRefreshTokens } from './refresh-tokens.ts';
import { createRequestLog } from './request-log.ts';
import { openState } from './state.ts';
import type { Sandbox, SandboxOptions, SandboxSettings } from './types.ts';
import { createVismaConnect } from './visma-connect.ts';

export type * from './types.ts';

const DAY_SECONDS = 24 * 3600;
const DEFAULT_SETTINGS: SandboxSettings = {
  refreshTokenUse: 're-use',
  refreshTokenGraceSeconds: 0,
  refreshTokenLifetimeSeconds: 180 * DAY_SECONDS,
  accessTokenLifetimeSeconds: 3600,
  pkceRequired: false,
};

export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const state = await openState(options.stateFile ?? null);
  const keys = await openKeys(state, options.client.clientSecret);
  const server = createServer();
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const initialSettings: SandboxSettings = { ...DEFAULT_SETTINGS, ...options.settings };
  const settings = { ...initialSettings };
  const refreshTokens = createRefreshTokens(settings, state);
  const records = createRecords(state, refreshTokens);
  const parts = {
    origin,
    client: options.client,
    settings,
    keys,
    refreshTokens,
    records,
    issued: createIssued(),
    requestLog: createRequestLog(),
    companies: createCompanies(),
    rateLimit: createRateLimit(),
    faults: createFaults(),
  };
  server.on('request', createSandboxApp(parts));

  return {
    origin,
    settings,
    issued: parts.issued,
    requests: parts.requestLog.requests,
    count: parts.requestLog.count,
    replaysOfSpentTokens: refreshTokens.replays,
    faults: parts.faults,
    changeOrganization: parts.companies.change,
    async revokeAuthorizations(personId) {
      const person = findPerson(personId);
      if (!person) throw new Error(`The sandbox has no person ${personId}`);
      records.revokeAccount(person.sub);
    },
    signIdToken: (claims, header = {}) => keys.sign(claims, header),
    reset() {
      Object.assign(settings, initialSettings);
      for (const one of [parts.companies, parts.rateLimit]) one.reset();
      for (const one of [parts.faults, parts.requestLog]) one.clear();
      refreshTokens.forgetReplays();
    },
    async close() {
      await closeServer(server);
      await state.flush();
    },
  };
}

export type SandboxParts = Parameters<typeof createVismaConnect>[0] &
  Parameters<typeof createDinero>[0] & { faults: ReturnType<typeof createFaults> };

function createSandboxApp(parts: SandboxParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use('/assets', express.static(join(import.meta.dirname, 'assets'), { index: false }));
  app.use(parts.requestLog.record);
  app.use(parts.faults.apply);
  app.use(createDinero(parts));
  app.use((_req, res, next) => {
    res.set(PAGE_HEADERS);
    next();
  });
  app.use(createVismaConnect(parts));
  app.use(createFrontPage(parts));
  return app;
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
