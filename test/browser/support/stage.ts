// Where a test plays: the app in a process of its own on http://localhost, the sandbox on http://127.0.0.1 (another
// site, as in real life), and one Chromium. Every page is watched; a test ends only when there is nothing to complain.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import type { Browser, BrowserContext } from 'playwright-core';
import { type Sandbox, type SandboxSettings, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { runCommand } from '../../support/command.ts';
import { takeFreePort } from '../../support/ports.ts';
import { type AppProcess, client, describeApp, startApp } from './app-process.ts';
import { launchChromium } from './chromium.ts';
import { type AttemptRows, type ConnectionRows, openAttemptRows, openConnectionRows } from './rows.ts';
import { createTab, type Language, type Tab } from './tab.ts';
import { type Complaints, watch } from './watch.ts';

export type VisitorOptions = {
  language?: Language;
  javaScript?: boolean;
};

export type Stage = {
  app: AppProcess;
  sandbox: Sandbox;
  browser: Browser;
  /** The attempts in the app's database, to move their time. */
  attempts: AttemptRows;
  /** The connections, likewise. */
  connections: ConnectionRows;
  complaints: Complaints;
  /** Runs a command beside the app, and answers what it wrote to standard output. */
  run(...args: string[]): Promise<string>;
  /** A browser that has never been here; its first tab. */
  open(options?: VisitorOptions): Promise<Tab>;
  /** A tab in a browser that the test has started. */
  openTabIn(context: BrowserContext, options?: VisitorOptions): Promise<Tab>;
};

export type StageOptions = {
  settings?: Partial<SandboxSettings>;
  env?: Record<string, string>;
  backForwardCache?: boolean;
};

/** Builds the stage before the tests of a file and takes it down after them, also when it could not be built. */
export function useStage(options: StageOptions = {}): Stage {
  const stage = {} as Stage;
  const closers: (() => unknown)[] = [];
  beforeAll(async () => {
    Object.assign(stage, await buildStage(options, (closer) => closers.unshift(closer)));
  }, 60_000);
  afterEach(async () => {
    await Promise.all((stage.browser?.contexts() ?? []).map((context) => context.close()));
    stage.sandbox?.reset();
    stage.complaints?.expectedStatuses.clear();
    expect(stage.complaints?.list.splice(0) ?? []).toEqual([]);
  });
  afterAll(async () => {
    // While the browser is still there: its open connections must not keep the app from ending.
    const exitCode = await stage.app?.stop();
    for (const close of closers) await close();
    // What kept the stage from being built has been said already.
    if (!stage.app) return;
    const bugs = stage.app.output().match(/.*"a bug: .*/g);
    expect({ exitCode, bugs }).toEqual({ exitCode: 0, bugs: null });
  });
  return stage;
}

async function buildStage(options: StageOptions, onClose: (closer: () => unknown) => void): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'dinero-connect-browser-'));
  onClose(() => rmSync(folder, { recursive: true, force: true }));
  const browser = await launchChromium(options);
  onClose(() => browser.close());
  const port = await takeFreePort();
  const redirectUris = [`http://localhost:${port}/oauth/callback`];
  const sandbox = await startSandbox({
    port: 0,
    client: { ...client, redirectUris },
    settings: options.settings ?? {},
  });
  onClose(sandbox.close);
  const env = { ...describeApp(folder, sandbox.origin), ...options.env };
  const app = await startApp({ port, folder, env });
  const run = async (...args: string[]) => (await runCommand(folder, args, env)).stdout;
  onClose(app.stop);
  const attempts = openAttemptRows(join(folder, 'test.db'));
  onClose(attempts.close);
  const connections = openConnectionRows(join(folder, 'test.db'));
  onClose(connections.close);
  const complaints: Complaints = { list: [], expectedStatuses: new Set() };

  async function openTabIn(context: BrowserContext, visitor: VisitorOptions = {}): Promise<Tab> {
    const page = await context.newPage();
    await watch(context, page, { complaints, appOrigin: app.origin, sandboxOrigin: sandbox.origin });
    const { language = 'da', javaScript = true } = visitor;
    return createTab({ page, origin: app.origin, language, javaScript, another: () => openTabIn(context, visitor) });
  }

  async function open(visitor: VisitorOptions = {}): Promise<Tab> {
    const context = await browser.newContext({
      locale: visitor.language === 'en' ? 'en-GB' : 'da-DK',
      javaScriptEnabled: visitor.javaScript ?? true,
      // A phone: scroll bars lie over the page and take no room.
      viewport: { width: 390, height: 844 },
      isMobile: true,
      hasTouch: true,
      reducedMotion: 'reduce',
    });
    context.setDefaultTimeout(10_000);
    return openTabIn(context, visitor);
  }

  return { app, sandbox, browser, attempts, connections, complaints, run, open, openTabIn };
}
