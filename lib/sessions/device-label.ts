/**
 * Returns a label for the list of a user's sessions, such as `Firefox on Linux`. Made of fixed words only, so that no part of
 * a hostile User-Agent header reaches a page.
 */
export function deviceLabel(userAgent: string | undefined): string | undefined {
  if (userAgent === undefined) return undefined;
  const browser = firstMatch(browsers, userAgent);
  const system = firstMatch(systems, userAgent);
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system;
}

type Names = readonly (readonly [name: string, pattern: RegExp])[];

/** In this order, because most browsers also claim to be another one. */
const browsers: Names = [
  ['Edge', /\bEdgA?\//],
  ['Opera', /\bOPR\//],
  ['Samsung Internet', /\bSamsungBrowser\//],
  ['Firefox', /\b(?:Firefox|FxiOS)\//],
  ['Chrome', /\b(?:HeadlessChrome|Chrome|CriOS)\//],
  ['Safari', /\bSafari\//],
  ['curl', /^curl\//],
  ['Python', /^python|\bPython/i],
  ['Node.js', /^node\b|undici/i],
];

const systems: Names = [
  ['iPhone', /\biPhone\b/],
  ['iPad', /\biPad\b/],
  ['Android', /\bAndroid\b/],
  ['ChromeOS', /\bCrOS\b/],
  ['Windows', /\bWindows\b/],
  ['macOS', /\bMac OS X\b/],
  ['Linux', /\bLinux\b/],
];

function firstMatch(names: Names, text: string): string | undefined {
  return names.find(([, pattern]) => pattern.test(text))?.[0];
}
