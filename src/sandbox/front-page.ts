// The sandbox's own front page, for people: what this is, who is in it, and switches for what tests switch in code.

import { type NextFunction, type Request, type Response, Router, urlencoded } from 'express';
import { type FrontPageParts, renderFrontPage } from './front-page-view.ts';
import { findPerson } from './people.ts';
import { FAULT_TARGETS, READY_FAULTS } from './ready-faults.ts';
import type { FaultTarget } from './types.ts';

export function createFrontPage(parts: FrontPageParts): Router {
  const router = Router();
  router.get('/', (_req: Request, res: Response) => {
    res.send(renderFrontPage(parts));
  });
  router.use('/switches', refuseOtherSites, urlencoded({ extended: false }));
  router.post('/switches/settings', (req: Request, res: Response) => {
    changeSettings(parts, req.body);
    res.redirect(303, '/');
  });
  router.post('/switches/faults', (req: Request, res: Response) => {
    switchFault(parts, req.body);
    res.redirect(303, '/');
  });
  router.post('/switches/authorizations', (req: Request, res: Response) => {
    const person = findPerson(req.body?.person);
    if (person) parts.records.revokeAccount(person.sub);
    res.redirect(303, '/');
  });
  return router;
}

/** Fetch Metadata, because pages elsewhere in the same browser could post here. */
function refuseOtherSites(req: Request, res: Response, next: NextFunction): void {
  const site = req.get('sec-fetch-site') ?? 'same-origin';
  if (site === 'same-origin' || site === 'none') next();
  else res.status(403).end();
}

function changeSettings({ settings }: FrontPageParts, form: Record<string, string> = {}): void {
  settings.refreshTokenUse = form.refreshTokenUse === 'one-time' ? 'one-time' : 're-use';
  settings.pkceRequired = form.pkceRequired === 'yes';
  settings.refreshTokenGraceSeconds = asSeconds(form.refreshTokenGraceSeconds, 0) ?? settings.refreshTokenGraceSeconds;
  settings.refreshTokenLifetimeSeconds =
    asSeconds(form.refreshTokenLifetimeSeconds, 1) ?? settings.refreshTokenLifetimeSeconds;
  settings.accessTokenLifetimeSeconds =
    asSeconds(form.accessTokenLifetimeSeconds, 1) ?? settings.accessTokenLifetimeSeconds;
}

function asSeconds(text: string | undefined, least: number): number | null {
  const seconds = Number(text);
  return text && Number.isSafeInteger(seconds) && seconds >= least ? seconds : null;
}

function switchFault({ faults }: FrontPageParts, form: Record<string, string> = {}): void {
  if (form.act === 'clear') faults.clear();
  const ready = READY_FAULTS.find(({ id }) => id === form.fault);
  const times = asSeconds(form.times, 1) ?? undefined;
  if (form.act === 'set' && ready && isTarget(form.target)) faults.set(form.target, ready.fault, times);
}

function isTarget(text: string | undefined): text is FaultTarget {
  return FAULT_TARGETS.some((target) => target === text);
}
