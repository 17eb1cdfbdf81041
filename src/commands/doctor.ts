// `npm run doctor`: what is in order, what is not, and what to do about it. The app need not run.

import { parseArgs } from 'node:util';
import { createAddressProbe } from '../adapters/reach-probe.ts';
import { type Config, ConfigError } from '../config.ts';
import type { Doctor, Finding, Mark } from '../core/findings.ts';
import { createDoctor } from '../doctor/doctor.ts';
import { settingsOf, settingsOfBroken } from '../doctor/settings.ts';
import { createTranslators, languages } from '../http/locals.ts';
import { createDeployedDoctor } from './examining.ts';
import { parse, UsageError } from './usage.ts';

type Env = Record<string, string | undefined>;
type Told = Finding & { text: string; remedy: string };

const signs: Record<Mark, string> = { done: '✓', wrong: '✗', unknown: '?' };
const nobody = { name: 'Dinero Connect', color: null, supportEmail: null, privacyUrl: null, termsUrl: null };

/** The exit code: 0 when nothing is wrong. `env` is where `readConfig` reads. Throws UsageError. */
export async function doctor(args: string[], readConfig: () => Config, env: Env): Promise<number> {
  const { json, lang } = parse(() =>
    parseArgs({
      args,
      options: { json: { type: 'boolean', default: false }, lang: { type: 'string', default: 'en' } },
    }),
  );
  const language = languages.find((one) => one === lang);
  if (!language) throw new UsageError(`doctor: --lang is ${languages.join(' or ')}.`);
  const translate = createTranslators(nobody)[json ? 'en' : language];
  const found = (await callDoctor(readConfig, env).examine()).map((finding) => ({
    ...finding,
    text: translate(`doctor.${finding.code}.text`, finding.values),
    remedy: translate(`doctor.${finding.code}.remedy`, finding.values),
  }));
  process.stdout.write(json ? `${JSON.stringify(found, null, 2)}\n` : found.map(describe).join(''));
  return found.some(({ mark }) => mark === 'wrong') ? 1 : 0;
}

/** A configuration that is refused has findings like any other. */
function callDoctor(readConfig: () => Config, env: Env): Doctor {
  try {
    const config = readConfig();
    return createDeployedDoctor(config, createAddressProbe(config), undefined, settingsOf(config, env));
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems : [describeTrouble(error)];
    return createDoctor({ settings: settingsOfBroken(env), problems, deployed: null });
  }
}

/** Development's own secrets are in a file, which may be beyond reach. */
function describeTrouble(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'a bug';
  return `the configuration cannot be read: ${code}`;
}

function describe({ mark, text, remedy }: Told): string {
  const lines = [`${signs[mark]} ${text}`, ...(mark === 'done' ? [] : [`    ${remedy}`])];
  return lines.map((line) => `${makePrintable(line)}\n`).join('');
}

/** A provider's own words may be in it, and a terminal would act on control characters, and hide or turn others. */
function makePrintable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}
