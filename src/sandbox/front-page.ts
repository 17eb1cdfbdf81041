// The sandbox's own front page, for people: what this is, who is in it, and switches for what tests switch in code.

import { type Request, type Response, Router, urlencoded } from 'express';
import { type FrontPageParts, renderFrontPage } from './front-page-view.ts';
import { MOST_TIMES, NUMBER_SETTINGS } from './number-settings.ts';
import { refuseOtherSites } from './other-sites.ts';
import { languageOf, rememberLanguage } from './page-languages.ts';
import { findPerson } from './people.ts';
import { READY_FAULTS } from './ready-faults.ts';

/** Absent when the body was no form; a field sent twice is a list. */
type Form = Record<string, unknown> | undefined;

export function createFrontPage(parts: FrontPageParts): Router {
  const router = Router();
  router.get('/', rememberLanguage, (req: Request, res: Response) => {
    res.send(renderFrontPage(parts, languageOf(req)));
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
  router.post('/switches/scenarios', (req: Request, res: Response) => {
    if (req.body?.act === 'end') parts.scenarios.end();
    else parts.scenarios.start(req.body?.scenario);
    // To the top: there it says which one is on.
    res.redirect(303, '/');
  });
  router.post('/switches/authorizations', (req: Request, res: Response) => {
    const person = findPerson(req.body?.person);
    if (person) parts.records.revokeAccount(person.sub);
    res.redirect(303, '/#people');
  });
  return router;
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

function switchFault({ faults, scenarios }: FrontPageParts, form: Form): void {
  // A scenario without the faults that it is made of must not look as if it were on.
  if (form?.act === 'clear' && scenarios.active()?.faults) scenarios.end();
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
