// The sandbox's own front page, for people: what this is, who is in it, and switches for what tests switch in code.

import { type NextFunction, type Request, type Response, Router, urlencoded } from 'express';
import { type FrontPageParts, renderFrontPage } from './front-page-view.ts';
import { MOST_TIMES, NUMBER_SETTINGS } from './number-settings.ts';
import { findPerson } from './people.ts';
import { READY_FAULTS } from './ready-faults.ts';

/** Absent when the body was no form; a field sent twice is a list. */
type Form = Record<string, unknown> | undefined;

export function createFrontPage(parts: FrontPageParts): Router {
  const router = Router();
  router.get('/', (_req: Request, res: Response) => {
    res.send(renderFrontPage(parts));
  });
  router.use('/switches', refuseOtherSites, urlencoded({ extended: false }));
  router.post('/switches/settings', (req: Request, res: Response) => {
    changeSettings(parts, req.body);
    res.redirect(303, '/#settings');
  });
  router.post('/switches/faults', (req: Request, res: Response) => {
    switchFault(parts, req.body);
    res.redirect(303, '/#faults');
  });
  router.post('/switches/authorizations', (req: Request, res: Response) => {
    const person = findPerson(req.body?.person);
    if (person) parts.records.revokeAccount(person.sub);
    res.redirect(303, '/#people');
  });
  return router;
}

/** Fetch Metadata, because pages elsewhere in the same browser could post here. */
function refuseOtherSites(req: Request, res: Response, next: NextFunction): void {
  const site = req.get('sec-fetch-site') ?? 'same-origin';
  if (site === 'same-origin' || site === 'none') next();
  else res.status(403).end();
}

/** What is missing or makes no sense stays as it was. */
function changeSettings({ settings }: FrontPageParts, form: Form): void {
  const { refreshTokenUse, pkceRequired } = form ?? {};
  if (refreshTokenUse === 're-use' || refreshTokenUse === 'one-time') settings.refreshTokenUse = refreshTokenUse;
  if (pkceRequired === 'yes' || pkceRequired === 'no') settings.pkceRequired = pkceRequired === 'yes';
  for (const { name, least, most } of NUMBER_SETTINGS) {
    settings[name] = readNumber(form?.[name], least, most) ?? settings[name];
  }
}

function switchFault({ faults }: FrontPageParts, form: Form): void {
  if (form?.act === 'clear') faults.clear();
  const ready = READY_FAULTS.find(({ id }) => id === form?.fault);
  const untilCleared = form?.times === undefined || form.times === '';
  const times = untilCleared ? Number.POSITIVE_INFINITY : readNumber(form.times, 1, MOST_TIMES);
  if (form?.act === 'set' && ready && times !== null) faults.set(ready.target, ready.fault, times);
}

function readNumber(text: unknown, least: number, most: number): number | null {
  const number = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : null;
  return number !== null && number >= least && number <= most ? number : null;
}
