// Connections over the API: what became of them, a token to work with, the company, the timeline, the end.

import type { RequestHandler, Router } from 'express';
import { z } from 'zod';
import { ConnectError } from '../../core/errors.ts';
import type { Core } from '../../core/index.ts';
import { RequestError, refuseOtherMethods } from '../errors.ts';
import { requireScope } from './authentication.ts';
import { parseInput, readJson, userId } from './input.ts';
import { describeConnection, describeEvent, describeListed, describeOrganization } from './representations.ts';

const statuses = ['pending', 'connected', 'needs_reconnect', 'disconnected'] as const;
const usualPageSize = 50;
const pageSize = z
  .string()
  .regex(/^\d{1,3}$/)
  .transform(Number)
  .pipe(z.number().min(1).max(200))
  .default(usualPageSize);
/** An access token lives an hour at most (facts, section 1). */
const longestTtlSeconds = 3_600;

const tokenRequest = z.strictObject({ minTtlSeconds: z.number().int().min(0).max(longestTtlSeconds).optional() });
const choice = z.strictObject({ organizationId: z.string().min(1).max(100) });
const listQuery = z.strictObject({
  status: z.enum(statuses).optional(),
  cursor: z.base64url().max(2_000).optional(),
  limit: pageSize,
});
const eventsQuery = z.strictObject({
  cursor: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional(),
  limit: pageSize,
});

type ConnectionCore = Pick<Core, 'accessTokens' | 'connections' | 'organizations' | 'disconnecting'>;

/** Of one user: `path` and below. */
export function addConnectionRoutes(api: Router, path: string, core: ConnectionCore): void {
  const connections = requireScope('connections');

  // A token that works, for at least so long.
  const token = api.route(`${path}/token`);
  token.post(requireScope('tokens'), ...readJson(), async (request, response) => {
    const { minTtlSeconds } = parseInput(tokenRequest, request.body);
    const options = minTtlSeconds === undefined ? {} : { minTtlSeconds };
    const handOut = await core.accessTokens.handOut(response.locals.userId, options);
    const { grant, generation, refreshDelayed } = handOut;
    const answer = {
      accessToken: grant.accessToken,
      tokenType: 'Bearer',
      expiresAt: grant.expiresAt,
      organizationId: handOut.organization.id,
      scope: grant.scope,
      generation,
      refreshDelayed,
    };
    // Node writes head and body at once when the body is a text; `json` would make bytes of it.
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.end(JSON.stringify(answer));
  });
  token.all(refuseOtherMethods('POST'));

  const show: RequestHandler = async (_request, response) => {
    const connection = await core.connections.find(response.locals.userId);
    if (!connection) throw new ConnectError('not_connected', 'this user never connected');
    response.json(describeConnection(connection));
  };

  const root = api.route(path);
  root.get(connections, show);
  root.delete(connections, async (_request, response) => {
    const ended = await core.disconnecting.disconnect(response.locals.userId);
    if (!ended) throw new ConnectError('not_connected', 'there was no connection to end');
    response.status(204).end();
  });
  root.all(refuseOtherMethods('GET, HEAD, DELETE'));

  const organizations = api.route(`${path}/organizations`);
  organizations.get(connections, async (_request, response) => {
    const list = await core.organizations.list(response.locals.userId);
    response.json({ organizations: list.map(describeOrganization) });
  });
  organizations.all(refuseOtherMethods('GET, HEAD'));

  const organization = api.route(`${path}/organization`);
  organization.put(connections, ...readJson(), async (request, response, next) => {
    const { organizationId } = parseInput(choice, request.body);
    await core.organizations.choose(response.locals.userId, organizationId);
    await show(request, response, next);
  });
  organization.all(refuseOtherMethods('PUT'));

  const events = api.route(`${path}/events`);
  events.get(connections, async (request, response) => {
    const { cursor, limit } = parseInput(eventsQuery, request.query);
    const { page, next } = await core.connections.listEvents(response.locals.userId, { before: cursor ?? null, limit });
    response.json({ events: page.map(describeEvent), nextCursor: next });
  });
  events.all(refuseOtherMethods('GET, HEAD'));
}

/** Throws RequestError bad_request for what no page of ours has ended with. */
function readCursor(cursor: string): string {
  const after = Buffer.from(cursor, 'base64url').toString();
  if (toCursor(after) !== cursor) throw new RequestError('bad_request', null, 'cursor: must be a nextCursor');
  return parseInput(userId, after);
}

function toCursor(after: string): string {
  return Buffer.from(after).toString('base64url');
}

/** All connections, page by page. */
export function listConnections(core: ConnectionCore): RequestHandler {
  return async (request, response) => {
    const { status, cursor, limit } = parseInput(listQuery, request.query);
    const after = cursor === undefined ? null : readCursor(cursor);
    const { page, next } = await core.connections.list({ status: status ?? null, after, limit });
    response.json({ connections: page.map(describeListed), nextCursor: next === null ? null : toCursor(next) });
  };
}
