// Whatever colour an integrator picks, people can read what is written on it and in it.
import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { contrast, createBrandStylesheet, createPalette, darkSurfaces, lightSurfaces } from '../src/http/brand.ts';

const colors = [
  ...['#ffffff', '#000000', '#ffff00', '#ffd400', '#808080', '#777777', '#ff0000', '#00ff00', '#0000ff', '#001f5b'],
  ...['#ff69b4', '#0b6b73', '#00ffff', '#8b4513', '#fefefe', '#010101', '#c0ffee', '#BADA55', '#7f7f80', '#e4002b'],
];
const schemes = [
  { scheme: 'light', surfaces: lightSurfaces },
  { scheme: 'dark', surfaces: darkSurfaces },
] as const;

test.each(colors)('text on %s, and links in it, have a contrast of at least 4.5 in both schemes', (color) => {
  for (const { scheme, surfaces } of schemes) {
    const palette = createPalette(color, surfaces, scheme);
    expect(contrast(palette.accent, palette.accentText)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(palette.accentHover, palette.accentText)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(palette.accentLink, surfaces.page)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(palette.accentLink, surfaces.card)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(palette.accentLink, surfaces.tint)).toBeGreaterThanOrEqual(4.5);
  }
});

test.each(colors)('a button in %s is seen as filled', (color) => {
  for (const { scheme, surfaces } of schemes) {
    expect(contrast(createPalette(color, surfaces, scheme).accent, surfaces.card)).toBeGreaterThanOrEqual(1.3);
  }
});

test('contrast is what WCAG says it is', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
  expect(contrast('#ff0000', '#ff0000')).toBe(1);
});

test('a colour that can be read as it is stays as it is', () => {
  expect(createPalette('#0b6b73', lightSurfaces, 'light')).toMatchObject({ accent: '#0b6b73', accentLink: '#0b6b73' });
  expect(createPalette('#ffd400', lightSurfaces, 'light')).toMatchObject({ accent: '#ffd400', accentText: '#000000' });
});

test('a colour that must be darker keeps its hue', () => {
  const { accentLink } = createPalette('#ff0000', lightSurfaces, 'light');
  expect(accentLink).toMatch(/^#[0-9a-f]{2}0000$/);
  expect(accentLink).not.toBe('#ff0000');
});

test('the stylesheet sets the same properties for light and for dark', () => {
  const stylesheet = createBrandStylesheet('#0000ff');
  const [light = '', dark = ''] = stylesheet.split('@media (prefers-color-scheme:dark)');
  for (const property of ['--accent:', '--accent-text:', '--accent-hover:', '--accent-link:']) {
    expect(light).toContain(property);
    expect(dark).toContain(property);
  }
});

test('without a colour there is a default', () => {
  expect(createBrandStylesheet(null)).toBe(createBrandStylesheet('#0b6b73'));
});

test.each(['red', '#fff', '#12345g', '#123456;}', ''])('"%s" never gets into the stylesheet', (color) => {
  expect(() => createBrandStylesheet(color)).toThrow(RangeError);
});

test('the surfaces are those of app.css', async () => {
  const stylesheet = await readFile('public/app.css', 'utf8');
  const [light = '', dark = ''] = stylesheet.split('@media (prefers-color-scheme: dark)');
  for (const [css, surfaces] of [
    [light, lightSurfaces],
    [dark, darkSurfaces],
  ] as const) {
    expect(css).toContain(`--page: ${surfaces.page};`);
    expect(css).toContain(`--card: ${surfaces.card};`);
    expect(css).toContain(`--tint: ${surfaces.tint};`);
  }
});
