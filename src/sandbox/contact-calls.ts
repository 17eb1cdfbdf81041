// Dinero's calls for contacts (facts, section 2): a page of them, and a new one.

import type { Request, Response } from 'express';
import { z } from 'zod';
import { CONTACT_FIELDS, type Contacts } from './contacts.ts';
import { dineroErrors, sendDineroError } from './dinero-errors.ts';
import { chooseFields } from './fields.ts';
import type { SandboxOrganization } from './types.ts';

const USUAL_PAGE_SIZE = 100;
const LARGEST_PAGE_SIZE = 1000;

const text = z.string().max(500).nullable().default(null).catch(null);
const newContact = z.object({
  name: z.string().trim().min(1).max(500),
  isPerson: z.boolean().catch(false),
  vatNumber: text,
  email: text,
  phone: text,
  street: text,
  zipCode: text,
  city: text,
  countryKey: z.string().length(2).catch('DK'),
  externalReference: text,
});

export function listContacts(contacts: Contacts, company: SandboxOrganization, req: Request, res: Response) {
  const chosen = chooseFields(CONTACT_FIELDS, req.query.fields, ['Name', 'ContactGuid']);
  if ('unknown' in chosen) return sendDineroError(res, dineroErrors.unknownField(chosen.unknown));
  const all = contacts.list(company.id);
  const page = readNumber(req.query.page, 0, Number.MAX_SAFE_INTEGER);
  const pageSize = Math.max(1, readNumber(req.query.pageSize, USUAL_PAGE_SIZE, LARGEST_PAGE_SIZE));
  const shown = all.slice(page * pageSize, (page + 1) * pageSize);
  res.json({
    Collection: shown.map((contact) => chosen.pick(contact)),
    Pagination: {
      MaxPageSizeAllowed: LARGEST_PAGE_SIZE,
      PageSize: pageSize,
      Result: shown.length,
      ResultWithoutFilter: all.length,
      Page: page,
    },
  });
}

/** Answers the contact as it is kept. */
export function createContact(contacts: Contacts, company: SandboxOrganization, req: Request, res: Response) {
  const parsed = newContact.safeParse(readKeys(req.body));
  if (!parsed.success) return sendDineroError(res, dineroErrors.missingField('Name'));
  const contact = contacts.add(company.id, parsed.data);
  const named = Object.entries(contact).map(([key, value]) => [`${key.charAt(0).toUpperCase()}${key.slice(1)}`, value]);
  res.status(201).json(Object.fromEntries(named));
}

/** Keys in any case, as Dinero takes them. */
function readKeys(body: unknown): Record<string, unknown> {
  const given = z.record(z.string(), z.unknown()).safeParse(body).data ?? {};
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      CONTACT_FIELDS.find((field) => field.toLowerCase() === key.toLowerCase()) ?? key,
      value,
    ]),
  );
}

function readNumber(value: unknown, usual: number, largest: number): number {
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Math.min(Number(value), largest) : usual;
}
