// The people one can sign in as. Each is there for one situation that a connection can end up in.

import { companyIds } from './companies.ts';
import type { SandboxPerson } from './types.ts';

export const people: SandboxPerson[] = [
  {
    id: 'rikke',
    name: 'Rikke Nørgaard',
    sub: '5f0c3b8e-6a5e-4c1f-9d27-2f6f8f1c0a01',
    purpose: { da: 'Har én virksomhed, og den har Dinero Pro.', en: 'Has one company, with Dinero Pro.' },
    organizationIds: companyIds.single,
  },
  {
    id: 'mads',
    name: 'Mads Østergaard',
    sub: '5f0c3b8e-6a5e-4c1f-9d27-2f6f8f1c0a02',
    purpose: {
      da: 'Har fem virksomheder: nogle uden Pro, to med samme navn, én med et mærkeligt navn.',
      en: 'Has five companies: some without Pro, two of the same name, one with an odd name.',
    },
    organizationIds: companyIds.mixed,
  },
  {
    id: 'kirsten',
    name: 'Kirsten Skovgaard',
    sub: '5f0c3b8e-6a5e-4c1f-9d27-2f6f8f1c0a03',
    purpose: { da: 'Har to virksomheder, ingen af dem med Pro.', en: 'Has two companies, neither of them with Pro.' },
    organizationIds: companyIds.withoutPro,
  },
  {
    id: 'anders',
    name: 'Anders Bæk',
    sub: '5f0c3b8e-6a5e-4c1f-9d27-2f6f8f1c0a04',
    purpose: { da: 'Har ingen virksomheder i Dinero.', en: 'Has no company in Dinero.' },
    organizationIds: [],
  },
  {
    id: 'bodil',
    name: 'Bodil Thorsen',
    sub: '5f0c3b8e-6a5e-4c1f-9d27-2f6f8f1c0a05',
    purpose: { da: 'Revisor med 300 virksomheder.', en: 'An accountant with 300 companies.' },
    organizationIds: companyIds.many,
  },
];

export function findPerson(id: unknown): SandboxPerson | undefined {
  return people.find((person) => person.id === id);
}

export function findPersonBySub(sub: unknown): SandboxPerson | undefined {
  return people.find((person) => person.sub === sub);
}
