import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';

// What is written for people leads to what is there.

const documents = ['README.md', 'CHANGELOG.md'].concat(
  (readdirSync('docs', { recursive: true }) as string[])
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
);
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

test.each(documents)('%s links to files that exist', (document) => {
  const links = [...readFileSync(document, 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(
    ([, link = '']) => link,
  );
  const missing = links.filter((link) => !/^[a-z]+:/i.test(link) && !existsSync(join(dirname(document), link)));
  expect(missing).toEqual([]);
});

test.each(documents)('%s names scripts that package.json has', (document) => {
  const named = [...readFileSync(document, 'utf8').matchAll(/npm run (?:--silent )?([a-z][\w:-]*)/g)].map(
    ([, name = '']) => name,
  );
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
