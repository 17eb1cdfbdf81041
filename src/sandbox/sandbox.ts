// A built-in Visma Connect and Dinero on one loopback origin, for development, demonstration and tests.
// Imports nothing of the app, and the app imports nothing of it but this file.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { createApplications } from './applications.ts';
import { createCompanies } from './companies.ts';
import { createContacts } from './contacts.ts';
import { createDinero } from './dinero.ts';
import { createFaults } from './faults.ts';
import { createFrontPage } from './front-page.ts';
import { createIssued } from './issued.ts';
import { type Keys, openKeys } from './keys.ts';
import { PAGE_HEADERS } from './pages.ts';
import { findPerson } from './people.ts';
import { createPortal } from './portal.ts';
import { createRateLimit } from './rate-limit.ts';
import { createRecords } from './records.ts';
import { createRefreshTokens } from './refresh-tokens.ts';
import { createRequestLog } from './request-log.ts';
import { createScenarioSwitch } from './scenario-switch.ts';
import { openState, type State } from './state.ts';
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
  dineroCallsAMinute: 100,
};

export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const state = await openState(options.stateFile ?? null);
  const keys = await openKeys(state, options.client.clientSecret);
  const server = createServer();
  const origin = await listen(server, options.port);
  const parts = createParts(options, origin, state, keys);
  const initialSettings = { ...parts.settings };
  server.on('request', createSandboxApp(parts));

  return {
    origin,
    settings: parts.settings,
    issued: parts.issued,
    requests: parts.requestLog.requests,
    count: parts.requestLog.count,
    replaysOfSpentTokens: parts.refreshTokens.replays,
    faults: parts.faults,
    changeOrganization: parts.companies.change,
    async revokeAuthorizations(personId) {
      const person = findPerson(personId);
      if (!person) throw new Error(`The sandbox has no person ${personId}`);
      parts.records.revokeAccount(person.sub);
    },
    signIdToken: (claims, header = {}) => keys.sign(claims, header),
    reset() {
      parts.scenarios.end();
      Object.assign(parts.settings, initialSettings);
      parts.companies.reset();
      parts.contacts.reset();
      parts.rateLimit.reset();
      parts.requestLog.clear();
      parts.refreshTokens.forgetReplays();
    },
    async close() {
      await closeServer(server);
      await state.flush();
    },
  };
}

type Parts = ReturnType<typeof createParts>;

function createParts(options: SandboxOptions, origin: string, state: State, keys: Keys) {
  const settings: SandboxSettings = { ...DEFAULT_SETTINGS, ...options.settings };
  const refreshTokens = createRefreshTokens(settings, state, options.onReplay);
  const [records, issued, faults] = [createRecords(state, refreshTokens), createIssued(), createFaults()];
  return {
    origin,
    client: options.client,
    applications: createApplications(options.client, settings, state),
    scenarios: createScenarioSwitch({ settings, faults, records, issued }),
    settings,
    keys,
    refreshTokens,
    records,
    issued,
    faults,
    requestLog: createRequestLog(),
    companies: createCompanies(),
    contacts: createContacts(),
    rateLimit: createRateLimit(settings),
  };
}

async function listen(server: Server, port: number): Promise<string> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function createSandboxApp(parts: Parts): Express {
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
  app.use(createPortal(parts.applications));
  app.use(createFrontPage(parts));
  app.use(answerFailure);
  return app;
}

function answerFailure(error: Error & { status?: number }, _req: Request, res: Response, next: NextFunction): void {
  const status = error.status ?? 500;
  if (status >= 500) console.error('sandbox: a request failed:', error);
  if (res.headersSent) next(error);
  else res.status(status).type('text/plain').send(`The sandbox answers ${status}: ${error.name}`);
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
