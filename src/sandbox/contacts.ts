// The customers and suppliers of each company in the sandbox's Dinero: a few at the start, and what was posted.

import { createHash, randomUUID } from 'node:crypto';

export type SandboxContact = {
  contactGuid: string;
  name: string;
  isPerson: boolean;
  vatNumber: string | null;
  email: string | null;
  phone: string | null;
  street: string | null;
  zipCode: string | null;
  city: string | null;
  countryKey: string;
  externalReference: string | null;
};

export const CONTACT_FIELDS: (keyof SandboxContact)[] = [
  'contactGuid',
  'name',
  'isPerson',
  'vatNumber',
  'email',
  'phone',
  'street',
  'zipCode',
  'city',
  'countryKey',
  'externalReference',
];

/** A long-running sandbox must not grow. */
const MOST_CONTACTS = 1000;

const FIRST: [name: string, vatNumber: string | null, street: string, zipCode: string, city: string][] = [
  ['Bageriet Kornblomst ApS', '30123456', 'Nørregade 14', '5000', 'Odense C'],
  ['Ærø Bådeværft A/S', '30234567', 'Havnen 3', '5970', 'Ærøskøbing'],
  ['Søndergaard & Sønner VVS', '30345678', 'Industrivej 22', '4600', 'Køge'],
  ['Ida Kjærsgaard', null, 'Vestergade 5, 2. th.', '8000', 'Aarhus C'],
];

export type Contacts = {
  /** In the order in which they came. */
  list(organizationId: number): SandboxContact[];
  add(organizationId: number, contact: Omit<SandboxContact, 'contactGuid'>): SandboxContact;
  reset(): void;
};

export function createContacts(): Contacts {
  const added = new Map<number, SandboxContact[]>();
  return {
    list: (organizationId) => [...firstContacts(organizationId), ...(added.get(organizationId) ?? [])],
    add(organizationId, contact) {
      const stored = { contactGuid: randomUUID(), ...contact };
      added.set(organizationId, [...(added.get(organizationId) ?? []), stored].slice(-MOST_CONTACTS));
      return stored;
    },
    reset: () => added.clear(),
  };
}

function firstContacts(organizationId: number): SandboxContact[] {
  return FIRST.map(([name, vatNumber, street, zipCode, city]) => ({
    contactGuid: stableGuid(`${organizationId} ${name}`),
    name,
    isPerson: vatNumber === null,
    vatNumber,
    email: null,
    phone: null,
    street,
    zipCode,
    city,
    countryKey: 'DK',
    externalReference: null,
  }));
}

/** The same one after a restart. */
function stableGuid(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
