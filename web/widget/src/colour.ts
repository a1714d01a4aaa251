// The site's colour: shades of it that can be read, on light and on dark. Pure.

type Rgb = [number, number, number];

export function parseColour(text: string): Rgb | null {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(text.trim());
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text.trim());
  const parts = short?.slice(1).map((each) => each + each) ?? long?.slice(1);
  return parts === undefined ? null : (parts.map((each) => Number.parseInt(each, 16)) as Rgb);
}

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((each) => (each <= 10 ? each / 3294 : ((each / 255 + 0.055) / 1.055) ** 2.4)) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// WCAG 2, section 1.4.3.
export function contrast(a: Rgb, b: Rgb): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

const mix = (from: Rgb, to: Rgb, share: number): Rgb => from.map((each, at) => Math.round(each + ((to[at] as number) - each) * share)) as Rgb;
const kWhite: Rgb = [255, 255, 255];
const kBlack: Rgb = [0, 0, 0];

function readable(colour: Rgb, ground: Rgb, towards: Rgb): Rgb {
  for (let share = 0; share < 1; share += 0.1) {
    const mixed = mix(colour, towards, share);
    if (contrast(mixed, ground) >= 4.8) return mixed;
  }
  return towards;
}

const css = (colour: Rgb): string => `rgb(${colour.join(" ")})`;

// Rules for a shadow root's host; "" : the colour is none.
export function colourRules(text: string): string {
  const accent = parseColour(text);
  if (accent === null) return "";
  const ink: Rgb = contrast(accent, kWhite) >= 3.5 ? kWhite : [16, 18, 28];
  const rules = (name: string, strong: Rgb, soft: number): string =>
    `--accent:${css(accent)};--accent-strong:${css(mix(accent, kBlack, 0.15))};--on-accent:${css(ink)};--accent-text:${css(strong)};--accent-soft:rgb(${accent.join(" ")} / ${soft}%);${name}`;
  return `:host{${rules("", readable(accent, [238, 240, 246], kBlack), 14)}}` +
    `@media (prefers-color-scheme:dark){:host{${rules("", readable(accent, [30, 34, 46], kWhite), 30)}}}`;
}
