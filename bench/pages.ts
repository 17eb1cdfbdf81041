// The bytes of each page that people see: HTML, and what it asks for (stylesheets, pictures), as they cross the line.
//   npm run bench -- pages

import { takeFreePort } from '../test/support/ports.ts';
import { makeFolder, startApp } from '../test/support/process.ts';
import { openRemoteBrowser } from '../test/support/remote-browser.ts';

const place = makeFolder();
const port = await takeFreePort();
const origin = `http://localhost:${port}`;
const app = await startApp(place.folder, { PORT: String(port), SANDBOX_PORT: String(await takeFreePort()) });

async function weigh(name: string, html: string): Promise<void> {
  const asked = [...html.matchAll(/<(?:link|img|script)\b[^>]*?(?:href|src)="([^"]+)"[^>]*>/g)]
    .filter(([tag]) => !tag.startsWith('<link') || /rel="(stylesheet|icon)"/.test(tag))
    .map(([, path = '']) => path);
  let others = 0;
  let deeper = 0;
  for (const path of new Set(asked)) {
    const text = await (await fetch(new URL(path, origin))).text();
    others += Buffer.byteLength(text);
    deeper += [...text.matchAll(/@import|url\(["']?(?!data:)/g)].length;
  }
  const bytes = Buffer.byteLength(html);
  const total = ((bytes + others) / 1024).toFixed(1);
  process.stdout.write(
    `${name.padEnd(34)} ${String(bytes).padStart(6)} HTML + ${String(others).padStart(6)} in ${new Set(asked).size} files = ${total} KB; ` +
      `${deeper === 0 ? 'one round trip after the HTML' : `${deeper} more files asked for by these`}\n`,
  );
}

try {
  const browser = openRemoteBrowser(origin);
  await weigh('the first page', (await browser.get('/')).text);
  await browser.signIn('mads');
  const picker = await browser.get('/organizations');
  await weigh('the companies', picker.text);
  const id = /name="organizationId"[^>]*value="(\d+)"/.exec(picker.text)?.[1] ?? '';
  await browser.submit(picker, '/organizations', { organizationId: id });
  await weigh('the connection', (await browser.get('/connection')).text);
  await weigh('the question before disconnecting', (await browser.get('/disconnect')).text);
  await weigh('a page that is not there', (await browser.get('/nowhere')).text);
  const many = openRemoteBrowser(origin);
  await many.signIn('bodil');
  await weigh('300 companies', (await many.get('/organizations')).text);
} finally {
  await app.stop();
  place.remove();
}
