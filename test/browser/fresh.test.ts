// A new user on a fresh machine: `npm start` with no configuration at all, and the built-in sandbox.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { takeFreePort } from '../support/ports.ts';
import { startApp } from './support/app-process.ts';
import { launchChromium } from './support/chromium.ts';
import { createGallery } from './support/gallery.ts';
import { createTab, type Tab } from './support/tab.ts';
import { type Complaints, watch } from './support/watch.ts';

const folder = mkdtempSync(join(tmpdir(), 'dinero-connect-fresh-'));
const complaints: Complaints = { list: [], expectedStatuses: new Set() };
const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];

afterAll(async () => {
  for (const close of closers) await close();
});

test('an app that was told nothing leads to a connected company, and says that nothing is real', async () => {
  const sandboxPort = await takeFreePort();
  const app = await startApp({ port: await takeFreePort(), folder, env: { SANDBOX_PORT: String(sandboxPort) } });
  closers.unshift(app.stop);
  const tab = await open(app.origin, `http://127.0.0.1:${sandboxPort}`);
  const gallery = createGallery(tab);

  await tab.goHome();
  await gallery.look('fresh-home');
  await tab.connectAs('rikke', 118244);

  expect(await tab.heading()).toBe('Du er forbundet');
  expect(await tab.text()).toContain('Testmiljø: ingen rigtige data');
  await gallery.look('fresh-connection');
  await tab.disconnect();
  expect([...gallery.problems, ...complaints.list]).toEqual([]);
  expect(await app.stop()).toBe(0);
});

async function open(appOrigin: string, sandboxOrigin: string): Promise<Tab> {
  const browser = await launchChromium();
  closers.unshift(() => browser.close());
  const page = await browser.newPage({ locale: 'da-DK', isMobile: true, viewport: { width: 390, height: 844 } });
  await watch(page.context(), page, { complaints, appOrigin, sandboxOrigin });
  const another = () => Promise.reject(new Error('one tab is enough here'));
  return createTab({ page, origin: appOrigin, language: 'da', javaScript: true, another });
}
