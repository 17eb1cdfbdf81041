// What the server does to render the picker: 300 companies beside 1, alternating, medians of the work alone.
//   npm run bench -- picker

import { fileURLToPath } from 'node:url';
import express from 'express';
import { createTranslators } from '../src/http/locals.ts';

const rounds = 50;
const brand = { name: 'Fakturaflow', color: null, supportEmail: null, privacyUrl: null, termsUrl: null };
const t = createTranslators(brand).da;
const app = express();
app.set('views', fileURLToPath(new URL('../views', import.meta.url)));
app.set('view engine', 'ejs');
app.set('view cache', true);

function render(companies: number): Promise<number> {
  const organizations = Array.from({ length: companies }, (_, index) => ({
    id: String(300_000 + index),
    name: `Virksomhed nummer ${index} ApS`,
    isPro: index % 3 !== 0,
    vatNumber: String(10_000_000 + index),
    city: 'København',
    checked: false,
  }));
  const locals = {
    language: 'da',
    t,
    brand,
    sandbox: false,
    csrfToken: 'x'.repeat(129),
    languageHref: '?lang=en',
    reference: 'ABCDEF',
    formatDate: String,
    formatDateTime: String,
    title: 'Vælg virksomhed',
    step: 3,
    organizations,
    search: companies > 8 ? { query: '', total: companies, found: companies } : null,
    notice: null,
    changing: false,
  };
  const started = performance.now();
  return new Promise((resolve, reject) => {
    app.render('organizations', locals, (error) => (error ? reject(error) : resolve(performance.now() - started)));
  });
}

const times: Record<number, number[]> = { 1: [], 300: [] };
for (const companies of [1, 300])
  process.stdout.write(`first render of ${companies}: ${(await render(companies)).toFixed(1)} ms\n`);
for (let round = 0; round < rounds; round += 1) {
  for (const companies of [1, 300]) times[companies]?.push(await render(companies));
}
const median = (values: number[] = []) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
process.stdout.write(
  `1 company: ${median(times[1]).toFixed(2)} ms, 300 companies: ${median(times[300]).toFixed(2)} ms\n`,
);
process.stdout.write(
  `ratio ${(median(times[300]) / median(times[1])).toFixed(0)} (medians of ${rounds} alternating rounds)\n`,
);
