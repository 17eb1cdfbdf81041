// Who may see the setup assistant where others reach it: whoever has a key for it. The key is asked for once and not
// kept; its id stays in the session for an hour, and a key that is revoked meanwhile opens nothing any more.

import { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import type { ApiKeyCheck } from '../../core/api-keys.ts';
import type { Core } from '../../core/index.ts';
import type { Clock } from '../../core/ports.ts';
import { parseBody, text } from '../bodies.ts';
import { isAtHome } from '../own-host.ts';
import { beginSession, refuseLostCookies, renewSession } from '../sessions.ts';

const openMilliseconds = 3_600_000;
const command = 'npm run --silent api-key -- create --name setup --scopes setup --expires 7d';
const keyForm = z.object({ key: text(200).default('') });

export type Gate = { guard: RequestHandler; router: Router; renderAgain: RequestHandler };
export type GateOptions = { setup: 'open' | 'key'; clock: Clock; https: boolean };

/** `open` needs no key at this computer's own addresses. */
export function createGate(core: Pick<Core, 'apiKeys'>, { setup: kind, clock, https }: GateOptions): Gate {
  const router = Router();

  /** Shows the question for the key in place of every page, until it is answered. */
  const guard: RequestHandler = async (request, response, next) => {
    if (kind === 'open' && isAtHome(request)) return next();
    const { setup } = request.session;
    const open = setup !== undefined && Date.parse(setup.until) > clock.now().getTime();
    if (!open || !opens(await core.apiKeys.checkAgain(setup.keyId))) return renderQuestion(response, null);
    response.locals.apiKeyId = setup.keyId;
    next();
  };

  router.post('/setup/key', async (request, response) => {
    refuseLostCookies(request, https);
    const { key } = parseBody(keyForm, request.body);
    const check = await core.apiKeys.check(key.trim());
    if (!opens(check)) return renderQuestion(response, 'setup.key.refused');
    response.locals.apiKeyId = check.key.id;
    await open(request, check.key.id);
    response.redirect(303, '/setup');
  });

  /** What a session may do grows here, so it gets a new id (requirements, C3); all else of it stays. */
  async function open(request: Request, keyId: string): Promise<void> {
    const now = clock.now();
    const { userId } = await beginSession(request, now);
    const { startedAt, renewedFor } = request.session;
    const setup = { keyId, until: new Date(now.getTime() + openMilliseconds).toISOString() };
    await renewSession(request, userId, { startedAt, renewedFor, setup }, now);
  }

  return { guard, router, renderAgain: (_request, response) => renderQuestion(response, 'notices.stale') };
}

function opens(check: ApiKeyCheck): check is Extract<ApiKeyCheck, { key: unknown }> {
  return 'key' in check && check.key.scopes.includes('setup');
}

function renderQuestion(response: Response, notice: string | null): void {
  response.status(403).render('setup-key', { title: response.locals.t('setup.key.heading'), command, notice });
}
