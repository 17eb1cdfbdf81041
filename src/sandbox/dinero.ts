// Dinero's API (facts, section 2): the companies of whoever the access token names, and their accounting years.

import { type NextFunction, type Request, type Response, Router } from 'express';
import type { JWTPayload } from 'jose';
import type { Companies } from './companies.ts';
import { dineroErrors, sendDineroError, sendNotFoundPage, sendQuotaExceeded } from './dinero-errors.ts';
import type { Keys } from './keys.ts';
import { findPersonBySub } from './people.ts';
import type { RateLimit } from './rate-limit.ts';
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
  rateLimit: RateLimit;
};

export function createDinero(parts: DineroParts): Router {
  const router = Router();
  const authorize = createBearerCheck(parts);

  router.get('/v1/organizations', authorize, (req, res) => listOrganizations(parts, req, res));
  router.get('/v1/:organizationId/accountingyears', authorize, (req, res) => listAccountingYears(parts, req, res));
  router.use('/v1', (_req: Request, res: Response) => sendNotFoundPage(res));
  return router;
}

function createBearerCheck({ keys, origin }: DineroParts) {
  return async function authorize(req: Request, res: Response, next: NextFunction): Promise<void> {
    const token = req.get('authorization')?.match(/^Bearer (.+)$/i)?.[1];
    try {
      const claims = await keys.verify(token ?? '', { issuer: origin, audience: DINERO_AUDIENCE });
      if (!Array.isArray(claims.scope) || !claims.scope.includes('dineropublicapi:read')) throw new Error('scope');
      res.locals.claims = claims;
    } catch {
      return sendDineroError(res, dineroErrors.unauthorized);
    }
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

  const asked = splitFields(req.query.fields);
  const unknown = asked.find((field) => !findField(field));
  if (unknown !== undefined) return sendDineroError(res, dineroErrors.unknownField(unknown));
  res.json(companiesOf(parts, res).map((company) => pick(company, asked)));
}

function splitFields(fields: unknown): string[] {
  const asked = typeof fields === 'string' ? fields.split(',').map((field) => field.trim()) : [];
  return asked.some(Boolean) ? asked.filter(Boolean) : ['name'];
}

function findField(asked: string): keyof SandboxOrganization | undefined {
  return KNOWN_FIELDS.find((field) => field.toLowerCase() === asked.toLowerCase());
}

/** Keys come back in the case they were asked in. */
function pick(company: SandboxOrganization, asked: string[]): Record<string, unknown> {
  return Object.fromEntries(asked.map((field) => [field, company[findField(field) ?? 'name']]));
}

function listAccountingYears(parts: DineroParts, req: Request, res: Response) {
  const asked = String(req.params.organizationId);
  if (!/^\d{1,9}$/.test(asked)) return sendNotFoundPage(res);
  const claims = res.locals.claims as JWTPayload;
  const wait = parts.rateLimit.secondsToWait(`${claims.client_id} ${asked}`);
  if (wait > 0) return sendQuotaExceeded(res, wait, parts.settings.dineroCallsAMinute);

  const company = companiesOf(parts, res).find(({ id }) => id === Number(asked));
  if (!company) return sendDineroError(res, dineroErrors.notFound);
  if (!company.isPro) return sendDineroError(res, dineroErrors.noPro);
  const year = new Date().getFullYear();
  res.json([year - 1, year].map((one) => ({ name: String(one), fromDate: `${one}-01-01`, toDate: `${one}-12-31` })));
}
