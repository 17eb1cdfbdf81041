// A scripted person without a browser: walks the sandbox's pages with fetch and a cookie jar, up to the form that
// would be posted to the app. Posting it is the test's business.

export type PersonsAnswer = { action: string; fields: Record<string, string> } | { errorPage: string };
export type PersonOptions = {
  /** The id of one of the sandbox's people, e.g. `rikke`. */
  person: string;
  consent: 'accept' | 'cancel';
  /** Keeps the person signed in between calls. */
  jar?: CookieJar;
};

export type CookieJar = { take(url: URL, setCookies: string[]): void; cookiesFor(url: URL): string };

type Page = { url: URL; text: string };
const MOST_PAGES = 10;

export async function answerAuthorization(authorizeUrl: string, options: PersonOptions): Promise<PersonsAnswer> {
  const jar = options.jar ?? createCookieJar();
  const { origin } = new URL(authorizeUrl);
  let page = await visit(new URL(authorizeUrl), jar);
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    if (page.url.origin !== origin) return readRedirect(page.url);
    if (page.url.pathname === '/error') return { errorPage: page.url.href };
    if (page.text.includes('data-hand-over')) return readHandOver(page);
    page = await answerPage(page, options, jar);
  }
  throw new Error(`The sandbox showed more than ${MOST_PAGES} pages, the last one at ${page.url.href}`);
}

function answerPage(page: Page, { person, consent }: PersonOptions, jar: CookieJar): Promise<Page> {
  const actions = [...page.text.matchAll(/<form[^>]* action="([^"]*)"/g)].map(([, action]) =>
    unescapeHtml(action ?? ''),
  );
  const signIn = actions.find((action) => action.endsWith('/sign-in'));
  const agree = actions.find((action) => action.endsWith('/consent'));
  if (signIn) return visit(new URL(signIn, page.url), jar, { person });
  if (agree) return visit(new URL(agree, page.url), jar, { decision: consent });
  throw new Error(`No page of the sandbox that a person can answer: ${page.url.href}\n${page.text}`);
}

/** As a browser: follows redirects, takes and sends cookies; a 303 turns the POST into a GET. */
async function visit(start: URL, jar: CookieJar, form?: Record<string, string>): Promise<Page> {
  let url = start;
  let sent = form;
  for (;;) {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: jar.cookiesFor(url), accept: 'text/html' },
      ...(sent ? { method: 'POST', body: new URLSearchParams(sent) } : {}),
    });
    jar.take(url, response.headers.getSetCookie());
    const text = await response.text();
    const location = response.headers.get('location');
    if (!location) return { url, text };
    const next = new URL(location, url);
    // The app's own page: where the answer goes in response modes other than form_post. It is not visited.
    if (next.origin !== url.origin) return { url: next, text: '' };
    url = next;
    sent = undefined;
  }
}

function readHandOver({ text }: Page): { action: string; fields: Record<string, string> } {
  const action = unescapeHtml(text.match(/<form[^>]* action="([^"]*)"/)?.[1] ?? '');
  const inputs = text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g);
  return {
    action,
    fields: Object.fromEntries(
      [...inputs].map(([, name, value]) => [unescapeHtml(name ?? ''), unescapeHtml(value ?? '')]),
    ),
  };
}

function readRedirect(url: URL): { action: string; fields: Record<string, string> } {
  const fields = new URLSearchParams(url.search || url.hash.slice(1));
  return { action: url.origin + url.pathname, fields: Object.fromEntries(fields) };
}

function unescapeHtml(text: string): string {
  const characters: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' };
  return text.replace(/&(?:lt|gt|quot|#39|amp);/g, (entity) => characters[entity] ?? entity);
}

/** Enough of RFC 6265 for one host: names, paths, deletion. */
export function createCookieJar(): CookieJar {
  const cookies = new Map<string, { path: string; pair: string }>();
  return {
    take(url, setCookies) {
      for (const line of setCookies) {
        const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
        const attribute = (name: string) =>
          attributes.find((one) => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
        const path = attribute('path') ?? '/';
        const key = `${url.host} ${path} ${pair.split('=')[0]}`;
        const expires = attribute('expires');
        if (expires && Date.parse(expires) <= Date.now()) cookies.delete(key);
        else cookies.set(key, { path, pair });
      }
    },
    cookiesFor: (url) =>
      [...cookies]
        .filter(
          ([key, { path }]) =>
            key.startsWith(`${url.host} `) && `${url.pathname}/`.startsWith(path.replace(/\/?$/, '/')),
        )
        .map(([, { pair }]) => pair)
        .join('; '),
  };
}
