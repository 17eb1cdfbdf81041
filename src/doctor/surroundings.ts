// What else the app needs around it: Dinero, its database, and a proxy that passes on how people came.

import type { Finding } from '../core/findings.ts';
import type { AccountingProbe, AddressFacts, DatabaseFacts } from '../core/probes.ts';
import { findingsOf } from './finding.ts';

const dinero = findingsOf('dinero');
const database = findingsOf('database');
const proxy = findingsOf('proxy');

/** Without a token Dinero's own answer is 401; any other comes from elsewhere, or from a Dinero that has a bad day. */
export async function checkDinero(
  probe: AccountingProbe,
  { url, sandbox }: { url: string; sandbox: boolean },
): Promise<Finding[]> {
  const answer = await probe.ask();
  if (answer.kind === 'none') {
    return [sandbox ? dinero.unexamined('sandbox_not_running', { url }) : dinero.wrong('dinero_unreachable', { url })];
  }
  const status = String(answer.status);
  if (answer.status === 401) return [dinero.done('dinero_done', { url })];
  const isPassing = answer.status === 429 || answer.status >= 500;
  return [
    isPassing ? dinero.unknown('dinero_busy', { url, status }) : dinero.wrong('dinero_unexpected', { url, status }),
  ];
}

export function checkDatabase({ fileSystem, state }: DatabaseFacts, file: string): Finding[] {
  const place = {
    local: [],
    unknown: [],
    none: [],
    shared: [database.unknown('database_shared', { file })],
    network: [database.wrong('database_network', { file })],
  }[fileSystem];
  return [...judgeState(state, file), ...place];
}

function judgeState(state: DatabaseFacts['state'], file: string): Finding[] {
  switch (state.kind) {
    case 'absent':
      return [
        state.folderWritable
          ? database.unknown('database_absent', { file })
          : database.wrong('database_folder', { file }),
      ];
    case 'empty':
      return [database.unknown('database_empty', { file })];
    case 'not_migrated':
      return [database.wrong('database_not_migrated', { file })];
    case 'full':
      return [database.wrong('database_full', { file })];
    case 'unusable':
      return [database.wrong('database_unusable', { file, reason: state.reason })];
    case 'usable':
      return state.foreignOwner === null
        ? [database.done('database_done', { file })]
        : [database.wrong('database_foreign', { file, owner: state.foreignOwner })];
  }
}

/** The app speaks plain http itself: with an https address, somebody in front must say so, and be believed. */
export function checkProxy(baseUrl: string, trustsProxies: boolean, facts: AddressFacts): Finding[] {
  const { host, protocol } = new URL(baseUrl);
  const found =
    protocol === 'https:' && !trustsProxies ? [proxy.wrong('proxy_trust_off', { baseUrl })] : ([] as Finding[]);
  if (facts.kind !== 'seen') return [...found, judgeAddress(facts, baseUrl)];
  if (found.length === 0 && `${facts.protocol}:` !== protocol) {
    found.push(proxy.wrong('proxy_protocol', { baseUrl, seen: facts.protocol }));
  }
  // Some proxies name the usual port, too.
  const seenHost = URL.parse(`${facts.protocol}://${facts.host}`)?.host ?? facts.host;
  if (seenHost !== host) found.push(proxy.wrong('proxy_host', { host, seen: facts.host }));
  return found.length > 0 ? found : [proxy.done('proxy_done', { baseUrl })];
}

function judgeAddress(facts: Exclude<AddressFacts, { kind: 'seen' }>, baseUrl: string): Finding {
  if (facts.kind === 'ours') return proxy.done('proxy_address', { baseUrl });
  if (facts.kind === 'unseen') return proxy.unknown('proxy_unseen', { baseUrl });
  if (facts.kind === 'none') return proxy.unknown('proxy_unreachable', { baseUrl });
  return facts.status >= 500
    ? proxy.unknown('proxy_unreachable', { baseUrl })
    : proxy.wrong('proxy_elsewhere', { baseUrl, status: String(facts.status) });
}
