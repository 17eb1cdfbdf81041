// The companies in the sandbox's Dinero, and the changes a test makes to them. Ids are stable: tests name them.

import type { SandboxOrganization } from './types.ts';

type Sketch = Partial<SandboxOrganization> & { id: number; name: string };

function company(sketch: Sketch): SandboxOrganization {
  const isPro = sketch.isPro ?? true;
  return {
    type: 'Default',
    isPro,
    isPayingPro: isPro,
    isVatFree: false,
    email: null,
    phone: null,
    street: null,
    city: null,
    zipCode: null,
    attPerson: null,
    isTaxFreeUnion: false,
    vatNumber: null,
    ...sketch,
  };
}

const TOWNS: [string, string][] = [
  ['Aarhus C', '8000'],
  ['Odense C', '5000'],
  ['Aalborg', '9000'],
  ['Ærøskøbing', '5970'],
  ['Køge', '4600'],
  ['Sønderborg', '6400'],
];
const OWNERS = ['Hansen', 'Nielsen', 'Sørensen', 'Bjørn', 'Kjær', 'Ågård', 'Østergaard', 'Lund', 'Friis', 'Holm'];
const TRADES = ['Tømrer', 'Bageri', 'VVS', 'Café', 'Blomster', 'Revision', 'Cykler', 'Frisør', 'Gartneri', 'Maler'];

function clientOfAnAccountant(at: number): SandboxOrganization {
  const [city, zipCode] = TOWNS[at % TOWNS.length] ?? ['Ribe', '6760'];
  const owner = OWNERS[at % OWNERS.length];
  const trade = TRADES[Math.floor(at / OWNERS.length) % TRADES.length];
  const branch = Math.floor(at / (OWNERS.length * TRADES.length)) + 1;
  return company({
    id: 300001 + at,
    name: `${owner}s ${trade} ${branch === 1 ? 'ApS' : `${branch} ApS`}`,
    isPro: at % 7 !== 6,
    city,
    zipCode,
    vatNumber: String(30000017 + at * 13),
  });
}

const SINGLE = [
  company({
    id: 118244,
    name: 'RN',
    email: 'rikke@rn.example',
    phone: '+45 20 30 40 50',
    street: 'Vesterbrogade 1',
    city: 'København',
    zipCode: '1620',
    attPerson: 'Rikke Nørgaard',
    vatNumber: '12345678',
  }),
];
const MIXED = [
  company({ id: 201001, name: 'Tredje & Søn', city: 'Odense C', zipCode: '5000', vatNumber: '23456781' }),
  company({ id: 201002, name: 'Havnens Fisk', city: 'Skagen', zipCode: '9990', vatNumber: '34567812' }),
  company({ id: 201003, name: 'Havnens Fisk', city: 'Esbjerg', zipCode: '6700', vatNumber: '45678123' }),
  company({ id: 201004, name: '<b>Blomster</b> 🌷 & "Bær"', city: 'Ærøskøbing', zipCode: '5970', isPro: false }),
  company({ id: 201005, name: 'Dinero Regnskab ApS', isPro: false, vatNumber: '56781234' }),
];
const WITHOUT_PRO = [
  company({ id: 202001, name: 'Skovgaards Strik', city: 'Viborg', zipCode: '8800', isPro: false, isVatFree: true }),
  company({ id: 202002, name: 'Kirstens Klinik', city: 'Viborg', zipCode: '8800', isPro: false }),
];
const MANY = Array.from({ length: 300 }, (_, at) => clientOfAnAccountant(at));
const ALL = [...SINGLE, ...MIXED, ...WITHOUT_PRO, ...MANY];

const idsOf = (companies: SandboxOrganization[]) => companies.map(({ id }) => id);
export const companyIds = {
  single: idsOf(SINGLE),
  mixed: idsOf(MIXED),
  withoutPro: idsOf(WITHOUT_PRO),
  many: idsOf(MANY),
};

export type Companies = {
  find(id: number): SandboxOrganization | undefined;
  change(id: number, change: Partial<SandboxOrganization> | null): void;
  reset(): void;
};

export function createCompanies(): Companies {
  const byId = new Map<number, SandboxOrganization>();
  function reset(): void {
    byId.clear();
    for (const one of ALL) byId.set(one.id, { ...one });
  }
  reset();
  return {
    find: (id) => byId.get(id),
    change(id, change) {
      if (change === null) {
        byId.delete(id);
        return;
      }
      const before = byId.get(id) ?? ALL.find((one) => one.id === id);
      if (!before) throw new Error(`The sandbox has no company ${id}`);
      byId.set(id, { ...before, ...change });
    },
    reset,
  };
}
