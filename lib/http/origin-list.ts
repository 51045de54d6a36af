/**
 * Reads a list of web origins (RFC 6454 §6.2), each exactly as a browser sends it: scheme, host and
 * port where it is not the scheme's own. Anything else would never match, so it is refused here.
 * The result keeps the order and drops repetitions.
 */
export function parseOriginList(setting: string, list: unknown): readonly string[] {
  if (!Array.isArray(list))
    throw new TypeError(`${setting} takes a list, such as ['https://app.example']`);
  const origins = list.map((value: unknown, index) => parseOrigin(`${setting}[${index}]`, value));
  return Object.freeze([...new Set(origins)]);
}

function parseOrigin(setting: string, value: unknown): string {
  if (typeof value === 'string' && isOrigin(value)) return value;
  // The value itself is left out of the message: it may hold a password (https://user:password@host).
  throw new TypeError(`${setting} is not an origin; ${cureFor(value)}`);
}

function isOrigin(text: string): boolean {
  if (text.includes('*')) return false;
  if (/^https?:/i.test(text)) return URL.canParse(text) && new URL(text).origin === text;
  // Wrapped mobile and desktop apps and browser extensions, e.g. capacitor://localhost.
  return /^(?!file:)[a-z][a-z\d+.-]*:\/\/[a-z\d.-]+(?::\d+)?$/.test(text);
}

function cureFor(value: unknown): string {
  if (typeof value !== 'string') return "write a string such as 'https://app.example'";
  if (value.toLowerCase() === 'null')
    return "every sandboxed frame and local file sends 'null', so it cannot be allowed; serve the page from an origin of its own";
  if (value.includes('*')) return 'wildcards are not supported; list every origin';
  const corrected = correctedOrigin(value.trim());
  return corrected === undefined ? "write 'https://app.example'" : `write '${corrected}'`;
}

function correctedOrigin(text: string): string | undefined {
  const local = /^(?:localhost|127\.)/i.test(text);
  const url = text.includes('://') ? text : `${local ? 'http' : 'https'}://${text}`;
  const origin = URL.canParse(url) ? new URL(url).origin : 'null';
  return isOrigin(origin) ? origin : undefined;
}
