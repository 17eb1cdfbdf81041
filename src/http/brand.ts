// Colours of the integrator's brand, as a stylesheet with custom properties. Pure: a colour goes in, CSS comes out, and
// whatever the colour, text on it and links in it stay readable (WCAG 2.2, 1.4.3: 4.5 to 1) in light and in dark.

type Rgb = readonly [red: number, green: number, blue: number];
type Surfaces = { page: string; card: string; tint: string };
export type Palette = { accent: string; accentText: string; accentHover: string; accentLink: string };

/** What accents are seen against; the same values as `--page`, `--card` and `--tint` in `public/app.css`. */
export const lightSurfaces: Surfaces = { page: '#f4f6f6', card: '#ffffff', tint: '#f4f7f7' };
export const darkSurfaces: Surfaces = { page: '#121617', card: '#1b2022', tint: '#22292b' };

const defaultColor = '#0b6b73';
/** WCAG asks for 4.5; thin coloured words on a dark page are easier to read with some more. */
const linkContrast = { light: 4.5, dark: 6.5 };
/** A filled button must at least be seen as filled; its edge (`--accent-link`) is what makes it stand out. */
const fillContrast = { light: 1.3, dark: 2 };

/** The stylesheet behind `/brand.css`. `brandColor` is `#rrggbb`, or null for the default. */
export function createBrandStylesheet(brandColor: string | null): string {
  const color = brandColor ?? defaultColor;
  const light = createPalette(color, lightSurfaces, 'light');
  const dark = createPalette(color, darkSurfaces, 'dark');
  return `:root{${declarations(light)}}\n@media (prefers-color-scheme:dark){:root{${declarations(dark)}}}\n`;
}

/** Accents for one scheme: as close to the brand's colour as reading allows. */
export function createPalette(color: string, surfaces: Surfaces, scheme: 'light' | 'dark'): Palette {
  const grounds = Object.values(surfaces).map(parseColor);
  const step = scheme === 'light' ? -0.01 : 0.01;
  const standsOut = (least: number) => (shade: Rgb) => grounds.every((ground) => contrastRatio(shade, ground) >= least);
  const brand = parseColor(color);
  const accent = shiftLightness(brand, step, standsOut(fillContrast[scheme]));
  const link = shiftLightness(brand, step, standsOut(linkContrast[scheme]));
  // Black or white: one of the two always has at least 4.58 to 1 on any colour.
  const textIsWhite = contrastRatio(accent, white) >= contrastRatio(accent, black);
  return {
    accent: formatColor(accent),
    accentText: formatColor(textIsWhite ? white : black),
    accentHover: formatColor(mix(accent, textIsWhite ? black : white, 0.15)),
    accentLink: formatColor(link),
  };
}

/** Contrast of two `#rrggbb` colours as WCAG defines it, from 1 to 21. */
export function contrast(one: string, other: string): number {
  return contrastRatio(parseColor(one), parseColor(other));
}

const white: Rgb = [255, 255, 255];
const black: Rgb = [0, 0, 0];

function declarations(palette: Palette): string {
  return [
    `--accent:${palette.accent}`,
    `--accent-text:${palette.accentText}`,
    `--accent-hover:${palette.accentHover}`,
    `--accent-link:${palette.accentLink}`,
  ].join(';');
}

function parseColor(color: string): Rgb {
  // Checked by the configuration already; here it keeps anything but a colour out of the stylesheet.
  if (!/^#[0-9a-f]{6}$/i.test(color)) throw new RangeError('A brand colour is written #rrggbb');
  return [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16)) as unknown as Rgb;
}

function formatColor(color: Rgb): string {
  return `#${color.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

function contrastRatio(one: Rgb, other: Rgb): number {
  const lighter = Math.max(luminance(one), luminance(other));
  const darker = Math.min(luminance(one), luminance(other));
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(color: Rgb): number {
  const [red, green, blue] = color.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function mix(color: Rgb, other: Rgb, share: number): Rgb {
  const blend = (at: 0 | 1 | 2) => Math.round(color[at] * (1 - share) + other[at] * share);
  return [blend(0), blend(1), blend(2)];
}

/** The same hue, darker or lighter by small steps, until it is good enough; black or white at the latest. */
function shiftLightness(color: Rgb, step: number, isGoodEnough: (shade: Rgb) => boolean): Rgb {
  const { hue, saturation, lightness } = toHsl(color);
  let shade = color;
  let level = lightness;
  const end = step < 0 ? 0 : 1;
  while (!isGoodEnough(shade) && level !== end) {
    level = Math.min(1, Math.max(0, level + step));
    shade = fromHsl(hue, saturation, level);
  }
  return shade;
}

function toHsl(color: Rgb): { hue: number; saturation: number; lightness: number } {
  const [red, green, blue] = color.map((part) => part / 255) as unknown as Rgb;
  const most = Math.max(red, green, blue);
  const least = Math.min(red, green, blue);
  const spread = most - least;
  const lightness = (most + least) / 2;
  if (spread === 0) return { hue: 0, saturation: 0, lightness };
  const saturation = spread / (1 - Math.abs(2 * lightness - 1));
  if (most === red) return { hue: ((green - blue) / spread + 6) % 6, saturation, lightness };
  if (most === green) return { hue: (blue - red) / spread + 2, saturation, lightness };
  return { hue: (red - green) / spread + 4, saturation, lightness };
}

/** `hue` runs from 0 to 6, one unit for each side of the colour hexagon. */
function fromHsl(hue: number, saturation: number, lightness: number): Rgb {
  const spread = saturation * (1 - Math.abs(2 * lightness - 1));
  const part = (offset: number) => {
    const place = (hue + offset) % 6;
    const share = Math.min(1, Math.max(0, Math.abs(place - 3) - 1));
    return Math.round(255 * (lightness - spread / 2 + spread * share));
  };
  return [part(0), part(4), part(2)];
}
