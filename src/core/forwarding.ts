// Passes a request of the integrator's backend on to Dinero, with the user's token, at the pace that Dinero allows
// each organization. Knows neither HTTP's headers nor who the backend is.

import type { AccessTokens } from './access-tokens.ts';
import { ConnectError, isConnectError } from './errors.ts';
import type { Clock, DineroForwarding, ForwardedAnswer, ForwardedRequest } from './ports.ts';
import { createQuota } from './quota.ts';
import type { AuthorizedConnection } from './refreshing.ts';

/** Dinero's limit for an organization and a client (facts, section 2); the wait is what a backend can be made to bear. */
const dineroLimits = { calls: 100, windowMilliseconds: 60_000, longestWaitMilliseconds: 15_000 };
/** When Dinero asks for a pause without saying how long. */
const usualRestSeconds = 10;
/** A slip in a header must not shut an organization out for a day. */
const longestRestSeconds = 3_600;

/**
 * As it came. `read` gives the body from its first byte, and whoever read before gets no more; null when too much has
 * gone to begin again.
 */
export type CallersRequest = Omit<ForwardedRequest, 'body'> & { body: { read(): ForwardedRequest['body'] } | null };

type Trip = { queuedMilliseconds: number; body: ForwardedRequest['body']; refusal: ForwardedAnswer | null };

const placeholder = /(?:\{|%7[Bb])organizationId(?:\}|%7[Dd])/g;

export function createForwarding(ports: { clock: Clock; forwarding: DineroForwarding }, accessTokens: AccessTokens) {
  const quota = createQuota(ports.clock, dineroLimits);

  /**
   * Dinero's answer, whatever its status, with the milliseconds that the request waited for its place. When Dinero
   * refuses the token itself, one forced refresh and one more request follow (requirements, F37), unless too much of the
   * body has gone; nothing else is sent twice. `{organizationId}` in the path becomes the chosen organization's id.
   * Throws organization_not_chosen, dinero_quota_exhausted, dinero_unavailable, what `accessTokens.get` throws, and the
   * signal's reason when the caller gives up.
   */
  async function forward(
    userId: string,
    request: CallersRequest,
    signal: AbortSignal,
  ): Promise<ForwardedAnswer & { queuedMilliseconds: number }> {
    const trip: Trip = { queuedMilliseconds: 0, body: request.body?.read() ?? null, refusal: null };

    async function send(connection: AuthorizedConnection): Promise<ForwardedAnswer> {
      // The grant has been renewed all the same: the backend's own second try works.
      if (trip.refusal && request.body && !trip.body) return trip.refusal;
      const target = fillIn(request.target, connection);
      const line = lineOf(target, userId);
      trip.queuedMilliseconds += await quota.take(line, signal);
      const outgoing = { ...request, target, body: trip.body };
      const answer = await ports.forwarding.send(outgoing, connection.grant.accessToken, signal);
      trip.refusal?.discard();
      trip.refusal = null;
      if (answer.status === 429) quota.rest(line, restSeconds(answer));
      if (answer.status !== 401) return answer;
      trip.refusal = answer;
      trip.body = request.body?.read() ?? null;
      throw new ConnectError('dinero_unauthorized', 'Dinero refused the access token');
    }

    try {
      const answer = await accessTokens.use(userId, send);
      return { ...answer, queuedMilliseconds: trip.queuedMilliseconds };
    } catch (error) {
      if (trip.refusal && isConnectError(error, 'dinero_unauthorized')) {
        return { ...trip.refusal, queuedMilliseconds: trip.queuedMilliseconds };
      }
      trip.refusal?.discard();
      throw error;
    }
  }

  return { forward };
}

function restSeconds({ retryAfterSeconds }: ForwardedAnswer): number {
  return Math.min(Math.max(retryAfterSeconds ?? usualRestSeconds, 1), longestRestSeconds);
}

function fillIn(target: string, { organization, status }: AuthorizedConnection): string {
  const [path = '', ...query] = target.split('?');
  const filled = path.replace(placeholder, () => {
    if (status === 'pending' || organization === null) {
      throw new ConnectError('organization_not_chosen', 'the user has not chosen an organization yet');
    }
    return encodeURIComponent(organization.id);
  });
  return [filled, ...query].join('?');
}

/** Who shares a limit: all users of an organization; calls that name none count for their user. */
function lineOf(target: string, userId: string): string {
  const path = target
    .replace(/[?].*/s, '')
    .replace(/%([0-9a-f]{2})/gi, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  const organizationId = /^[/\\]+v[\d.]+[/\\]+0*(\d+)(?:[/\\]|$)/i.exec(path)?.[1];
  return organizationId === undefined ? `user ${userId}` : `organization ${organizationId}`;
}
