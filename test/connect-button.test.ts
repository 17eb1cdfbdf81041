// "Connect to Dinero" for other people's pages: as pictures, and as a link with a stylesheet.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import request from 'supertest';
import { contrast, darkSurfaces, lightSurfaces } from '../src/http/brand.ts';
import { buttonSnippets, buttonStylesheetPath } from '../src/http/setup/button-snippets.ts';
import { createTestApp } from './support/app.ts';

const words = { da: 'Forbind til Dinero', en: 'Connect to Dinero' };
const grounds = { light: lightSurfaces, dark: darkSurfaces };
const readPublic = (path: string) => readFileSync(`public${path}`, 'utf8');
const stylesheet = readPublic(buttonStylesheetPath);
const named = buttonSnippets.map((snippet) => ({ ...snippet, name: `${snippet.language} ${snippet.scheme}` }));

/** The colours that a rule of the stylesheet sets. */
function colorsOf(scheme: 'light' | 'dark') {
  const rule = scheme === 'dark' ? '.dinero-connect-button--dark' : '.dinero-connect-button';
  const [, body = ''] = stylesheet.split(`\n${rule} {`);
  const color = (name: string) => /^ (#[0-9a-f]{6});/.exec(body.split(`--dinero-connect-${name}:`)[1] ?? '')?.[1] ?? '';
  return { fill: color('fill'), hover: color('hover'), text: color('text'), ring: color('ring') };
}

function picture(svgPath: string) {
  const svg = readPublic(svgPath);
  const part = (pattern: RegExp) => pattern.exec(svg)?.[1] ?? '';
  return {
    svg,
    fill: part(/<rect[^>]* fill="([^"]*)"/),
    glyph: part(/<path[^>]* d="([^"]*)"/),
    stroke: part(/<path[^>]* stroke="([^"]*)"/),
    color: part(/<text[^>]* fill="([^"]*)"/),
    text: part(/<text[^>]*>([^<]*)</),
    title: part(/<title[^>]*>([^<]*)</),
    titleId: part(/<title id="([^"]*)"/),
    labelledBy: part(/aria-labelledby="([^"]*)"/),
  };
}

test('there is one for each language and each scheme', () => {
  expect(named.map(({ name }) => name)).toEqual(['da light', 'da dark', 'en light', 'en dark']);
});

test.each(named)('the picture $name is named for those who do not see it', ({ svgPath, language }) => {
  const { svg, text, title, titleId, labelledBy } = picture(svgPath);
  expect([text, title]).toEqual([words[language], words[language]]);
  expect(svg).toContain('role="img"');
  expect(svg).toContain(`xml:lang="${language}"`);
  expect(labelledBy).toBe(titleId);
  const others = named.filter((other) => other.svgPath !== svgPath).map((other) => picture(other.svgPath).titleId);
  expect([titleId, ...others].filter((id) => id === titleId)).toEqual([titleId]);
});

test.each(named)('the picture $name can be read, and stands out from its page', ({ svgPath, scheme }) => {
  const { fill, color, stroke } = picture(svgPath);
  expect(contrast(fill, color)).toBeGreaterThanOrEqual(4.5);
  expect(contrast(fill, stroke)).toBeGreaterThanOrEqual(4.5);
  for (const ground of Object.values(grounds[scheme])) expect(contrast(fill, ground)).toBeGreaterThanOrEqual(3);
});

test.each(['light', 'dark'] as const)('the link can be read on a %s page, pointed at or not', (scheme) => {
  const { fill, hover, text, ring } = colorsOf(scheme);
  expect(contrast(fill, text)).toBeGreaterThanOrEqual(4.5);
  expect(contrast(hover, text)).toBeGreaterThanOrEqual(4.5);
  for (const ground of Object.values(grounds[scheme])) {
    for (const color of [fill, hover, ring]) expect(contrast(color, ground)).toBeGreaterThanOrEqual(3);
  }
});

test.each(named)('picture and link look alike: $name', ({ svgPath, scheme, language, html }) => {
  const { fill, color, stroke, glyph } = picture(svgPath);
  const colors = colorsOf(scheme);
  expect([fill, color, stroke]).toEqual([colors.fill, colors.text, colors.text]);
  expect(html).toContain(`<path d="${glyph}"/>`);
  expect(html.replace(/<[^>]*>/g, '').trim()).toBe(words[language]);
  expect(html.includes('dinero-connect-button--dark')).toBe(scheme === 'dark');
});

test.each(named)('neither picture nor link brings a script, a style, or anything from elsewhere: $name', (snippet) => {
  for (const markup of [snippet.html, readPublic(snippet.svgPath)]) {
    expect(markup).not.toMatch(/<script|<style|\son\w+=|\sstyle=|javascript:|<!ENTITY|xlink|<image|<foreignObject/i);
    expect(markup.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/\/\/|url\(/);
  }
});

test('the stylesheet says something of each class of the link, and fetches nothing', () => {
  const lists = named.flatMap(({ html }) => [...html.matchAll(/class="([^"]*)"/g)].map(([, list = '']) => list));
  const classes = new Set(lists.flatMap((list) => list.split(' ')));
  expect(classes.size).toBe(3);
  for (const name of classes) expect(stylesheet).toContain(`.${name} {`);
  expect(stylesheet).not.toMatch(/url\(|@import|http/);
});

test('the stylesheet sees to fingers, keyboards, calm, and colours of the person’s own', () => {
  expect(stylesheet).toContain('min-height: 44px;');
  expect(stylesheet).toMatch(/:focus-visible \{[^}]*outline: 3px solid/);
  expect(stylesheet).toMatch(/prefers-reduced-motion: reduce\) \{\s*\.dinero-connect-button \{\s*transition: none;/);
  expect(stylesheet).toMatch(/forced-colors: active\) \{\s*\.dinero-connect-button \{\s*border-color: ButtonBorder;/);
});

test('the app has all of it', async () => {
  const { app } = createTestApp({ origin: 'http://127.0.0.1:9' });
  const types = async (path: string) => (await request(app).get(path).expect(200)).headers['content-type'];
  for (const { svgPath } of named) expect(await types(svgPath)).toBe('image/svg+xml');
  expect(await types(buttonStylesheetPath)).toBe('text/css; charset=utf-8');
});
