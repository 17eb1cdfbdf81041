// The client id's form: `isv_<company>[_product]`. Dinero rejects applications whose id does not tell which company is
// behind them (facts, section 3), and only after a working day.

import { sandboxClient } from '../config.ts';
import type { Finding } from '../core/findings.ts';
import { findingsOf } from './finding.ts';
import type { Settings } from './settings.ts';

const { done, wrong, unexamined } = findingsOf('client_id');

/** No company is called these, alone or together. */
const emptyWords = new Set(
  (
    'a api app application client clientid com company companyname connect connector customer demo dev development ' +
    'dinero dk example foo bar id insert integration integrator isv local localhost my name new our ourname oauth ' +
    'placeholder portal prod product production sample sandbox software staging temp test tester testing the tutorial ' +
    'visma web website x xx xxx xyz your yourcompany yourcompanyname yourname yourproduct ' +
    'virksomhed firma produkt dinvirksomhed ditfirma ditprodukt'
  ).split(' '),
);

export function checkClientId({ clientId, sandbox }: Pick<Settings, 'clientId' | 'sandbox'>): Finding[] {
  if (clientId === null) return [unexamined('needs_configuration')];
  if (sandbox && clientId === sandboxClient.clientId) return [done('client_id_sandbox', { clientId })];
  // A secret that was put in its place must not be told.
  if (!/^["'\s]*isv_/i.test(clientId)) return [wrong('client_id_other')];
  const [, name] = /^isv_([a-z0-9]+(?:[_.-][a-z0-9]+)*)$/i.exec(clientId) ?? [];
  if (name === undefined) return [wrong('client_id_form', { clientId })];
  const words = name.toLowerCase().split(/[_.-]|(?<=[a-z])(?=\d)/);
  const identifies = words.some((word) => !emptyWords.has(word) && !/^\d+$/.test(word));
  return [identifies ? done('client_id_done', { clientId }) : wrong('client_id_unidentified', { clientId })];
}
