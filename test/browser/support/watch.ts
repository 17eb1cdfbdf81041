// Watches what a page does behind the person's back: errors in the console, broken content security policy, requests
// that fail or go to strangers, secrets in addresses. Whatever it sees is a sentence in `complaints`.

import type { BrowserContext, Page, Request, Response } from 'playwright-core';

/** Said of every app that is started from another site: cookies held back, and a provider that only passes people on. */
const issuesToExpect = ['CookieIssue', 'BounceTrackingIssue'];
const abortedByNextNavigation = 'net::ERR_ABORTED';

/** `expectedStatuses`: a page that is answered so is what the test is about. */
export type Complaints = { list: string[]; expectedStatuses: Set<number> };

type Watched = { complaints: Complaints; appOrigin: string; sandboxOrigin: string };

/** Resolves when the page is watched: open nothing in it before. */
export async function watch(context: BrowserContext, page: Page, watched: Watched): Promise<void> {
  const { complaints } = watched;
  const complain = (what: string) => complaints.list.push(`${page.url()}: ${what}`);
  page.on('pageerror', (error) => complain(`uncaught ${error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    if (isExpectedPage(message.text(), complaints.expectedStatuses)) return;
    complain(`console ${message.type()}: ${message.text()}`);
  });
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText;
    if (reason === abortedByNextNavigation) return;
    complain(`${request.url()} failed: ${reason}`);
  });
  page.on('response', (response) => judgeResponse(response, complaints.expectedStatuses, complain));
  page.on('request', (request) => judgeRequest(request, watched, complain));
  await watchIssues(context, page, complain);
}

async function watchIssues(context: BrowserContext, page: Page, complain: (what: string) => void): Promise<void> {
  const devTools = await context.newCDPSession(page);
  devTools.on('Audits.issueAdded', ({ issue }) => {
    if (!issuesToExpect.includes(issue.code)) complain(`${issue.code}: ${JSON.stringify(issue.details)}`);
  });
  await devTools.send('Audits.enable');
}

/** Chromium reports the status of an error page in the console, too; `judgeResponse` judges it. */
function isExpectedPage(text: string, expected: Set<number>): boolean {
  const status = /^Failed to load resource: the server responded with a status of (\d{3})/.exec(text)?.[1];
  return status !== undefined && expected.has(Number(status));
}

function judgeResponse(response: Response, expected: Set<number>, complain: (what: string) => void): void {
  const status = response.status();
  if (status < 400) return;
  const isPage = response.request().isNavigationRequest();
  if (!isPage || !expected.has(status)) complain(`${response.url()} was answered ${status}`);
}

function judgeRequest(request: Request, watched: Watched, complain: (what: string) => void): void {
  const { origin, searchParams } = new URL(request.url());
  if (origin !== watched.appOrigin && origin !== watched.sandboxOrigin) complain(`asked a stranger: ${request.url()}`);
  if (origin !== watched.appOrigin) return;
  for (const name of ['code', 'state', 'iss', 'error', '_csrf']) {
    if (searchParams.has(name)) complain(`${name} in an address of ours: ${request.url()}`);
  }
}
