// Dinero's API (facts, section 2): the companies of whoever the access token names, and what is in them.

import express, { type NextFunction, type Request, type Response, Router } from 'express';
import type { JWTPayload } from 'jose';
import type { Companies } from './companies.ts';
import { createContact, listContacts } from './contact-calls.ts';
import type { Contacts } from './contacts.ts';
import { dineroErrors, sendDineroError, sendNotFoundPage, sendQuotaExceeded } from './dinero-errors.ts';
import { chooseFields } from './fields.ts';
import type { Keys } from './keys.ts';
import { findPersonBySub } from './people.ts';
import type { RateLimit } from './rate-limit.ts';
import type { ScenarioSwitch } from './scenario-switch.ts';
import { DINERO_AUDIENCE } from './scopes.ts';
import type { SandboxOrganization, SandboxSettings } from './types.ts';

const KNOWN_FIELDS: (keyof SandboxOrganization)[] = [
  'name',
  'id',
  'type',
  'isPro',
  'isPayingPro',
  'isVatFree',
  'email',
  'phone',
  'street',
  'city',
  'zipCode',
  'attPerson',
  'isTaxFreeUnion',
  'vatNumber',
];

export type DineroParts = {
  origin: string;
  settings: SandboxSettings;
  keys: Keys;
  companies: Companies;
  contacts: Contacts;
  rateLimit: RateLimit;
  scenarios: ScenarioSwitch;
};

export function createDinero(parts: DineroParts): Router {
  const router = Router();
  const read = createBearerCheck(parts, 'dineropublicapi:read');
  const write = createBearerCheck(parts, 'dineropublicapi:write');
  const company = openCompany(parts);
  const contacts = '/v1/:organizationId/contacts';

  router.get('/v1/organizations', read, (req, res) => listOrganizations(parts, req, res));
  router.get('/v1/:organizationId/accountingyears', read, company, (_req, res) => listAccountingYears(res));
  router.get(contacts, read, company, (req, res) => listContacts(parts.contacts, res.locals.company, req, res));
  router.post(contacts, write, company, express.json({ limit: '100kb' }), (req, res) =>
    createContact(parts.contacts, res.locals.company, req, res),
  );
  router.use('/v1', (_req: Request, res: Response) => sendNotFoundPage(res));
  return router;
}

function createBearerCheck({ keys, origin, scenarios }: DineroParts, scope: string) {
  return async function authorize(req: Request, res: Response, next: NextFunction): Promise<void> {
    const token = req.get('authorization')?.match(/^Bearer (.+)$/i)?.[1];
    try {
      const claims = await keys.verify(token ?? '', { issuer: origin, audience: DINERO_AUDIENCE });
      if (!Array.isArray(claims.scope) || !claims.scope.includes(scope)) throw new Error('scope');
      if (scenarios.refuses(token ?? '')) throw new Error('ended');
      res.locals.claims = claims;
    } catch {
      return sendDineroError(res, dineroErrors.unauthorized);
    }
    next();
  };
}

/** Sets `company`: one of the person's own, with Pro, and within its quota. */
function openCompany(parts: DineroParts) {
  return (req: Request, res: Response, next: NextFunction) => {
    const asked = String(req.params.organizationId);
    if (!/^\d{1,9}$/.test(asked)) return sendNotFoundPage(res);
    const claims = res.locals.claims as JWTPayload;
    const wait = parts.rateLimit.secondsToWait(`${claims.client_id} ${asked}`);
    if (wait > 0) return sendQuotaExceeded(res, wait, parts.settings.dineroCallsAMinute);

    const company = companiesOf(parts, res).find(({ id }) => id === Number(asked));
    if (!company) return sendDineroError(res, dineroErrors.notFound);
    if (!company.isPro) return sendDineroError(res, dineroErrors.noPro);
    res.locals.company = company;
    next();
  };
}

function companiesOf({ companies }: DineroParts, res: Response): SandboxOrganization[] {
  const person = findPersonBySub((res.locals.claims as JWTPayload).sub);
  return (person?.organizationIds ?? []).map((id) => companies.find(id)).filter((found) => found !== undefined);
}

function listOrganizations(parts: DineroParts, req: Request, res: Response) {
  const claims = res.locals.claims as JWTPayload;
  const wait = parts.rateLimit.secondsToWait(`${claims.client_id} ${claims.sub}`);
  if (wait > 0) return sendQuotaExceeded(res, wait, parts.settings.dineroCallsAMinute);

  const chosen = chooseFields(KNOWN_FIELDS, req.query.fields, ['name']);
  if ('unknown' in chosen) return sendDineroError(res, dineroErrors.unknownField(chosen.unknown));
  res.json(companiesOf(parts, res).map((company) => chosen.pick(company)));
}

function listAccountingYears(res: Response) {
  const year = new Date().getFullYear();
  res.json([year - 1, year].map((one) => ({ name: String(one), fromDate: `${one}-01-01`, toDate: `${one}-12-31` })));
}
