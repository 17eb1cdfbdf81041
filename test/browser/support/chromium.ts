// Finds Chromium and starts it. Without one the tests fail and say what to install: they are never skipped.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

type Environment = { CHROMIUM_PATH?: string | undefined; PATH?: string | undefined };

export function findChromium(env: Environment = process.env): string {
  if (env.CHROMIUM_PATH) {
    if (isProgram(env.CHROMIUM_PATH)) return env.CHROMIUM_PATH;
    throw new Error(`CHROMIUM_PATH is ${env.CHROMIUM_PATH}, and there is no program. ${advice}`);
  }
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
  if (!found) throw new Error(`The browser tests need Chromium, and there is none on the path. ${advice}`);
  return found;
}

const advice =
  'Install it (Debian and Ubuntu: apt-get install chromium), or set CHROMIUM_PATH to the program of a Chromium or Chrome.';

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Playwright switches the back/forward cache off; `backForwardCache` leaves it as people have it. */
export function launchChromium(options: { backForwardCache?: boolean } = {}): Promise<Browser> {
  const ignoreDefaultArgs = options.backForwardCache ? ['--disable-back-forward-cache'] : [];
  return chromium.launch({ executablePath: findChromium(), args: quiet, ignoreDefaultArgs });
}

/** A browser that keeps its cookies in `folder` when it is closed. */
export function launchWithProfile(folder: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, { executablePath: findChromium(), args: quiet, locale: 'da-DK' });
}
