import { domainToASCII, domainToUnicode } from 'node:url';

/** RFC 5321 §4.5.3.1.3: the longest address. */
const MAX_LENGTH = 254;

/**
 * Returns the spelling in which a user name or e-mail address is stored and compared: NFC, trimmed, lower case, the domain in
 * Unicode. Undefined for input that can be neither. Compatibility characters are refused: `ｂoss@` and `boss@` may be two
 * mailboxes, and no rule of ours may join them.
 */
export function normaliseLogin(input: unknown): string | undefined {
  const login = fold(input);
  if (login === undefined) return undefined;
  return isEmail(login) ? readEmail(login) : readUsername(login);
}

/**
 * Returns the spellings in which the account of a login may be stored, to be looked for in this order: as it was given, today's, and the
 * other one of an international domain. Before 0.6.0 each was stored as it came.
 */
export function storedSpellings(input: unknown): readonly string[] {
  const given = fold(input);
  if (given === undefined) return [];
  const today = normaliseLogin(given);
  const { local, domain } = partsOf(given) ?? {};
  if (local === undefined || domain === undefined || !isInternational(domain))
    return today === undefined ? [] : [today];
  const ascii = domainToASCII(domain);
  const other = ascii === '' ? undefined : `${local}@${ascii}`;
  return [...new Set([given, today, other])].filter((spelling) => spelling !== undefined);
}

/** Tells whether a normalised login is an e-mail address. User names have no `@`. */
export function isEmail(login: string): boolean {
  return login.includes('@');
}

/** NFC, trimmed, lower case. Repeated until nothing changes, because each step can undo another. */
function fold(input: unknown): string | undefined {
  if (typeof input !== 'string' || input.length > 4 * MAX_LENGTH || !isPlain(input))
    return undefined;
  let folded = input;
  for (let round = 0; round < 4; round += 1) {
    const next = folded.trim().normalize('NFC').toLowerCase();
    if (next === folded) break;
    folded = next;
  }
  return folded.length <= MAX_LENGTH && isPlain(folded) ? folded : undefined;
}

/** Without characters that are another spelling of others (UAX #15): full-width letters, ligatures, superscripts. */
function isPlain(text: string): boolean {
  const trimmed = text.trim();
  return trimmed.normalize('NFKC') === trimmed.normalize('NFC');
}

/**
 * RFC 5322 §3.2.3 (atext and dots) and RFC 6531 §3.3 (letters of any script), without `%` and `!`: they once routed mail
 * through a second host.
 */
const LOCAL_PART = /^[\p{L}\p{M}\p{N}#$&'*+\-/=?^_`{|}~.]{1,64}$/u;
const LABEL = '[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}-]*[\\p{L}\\p{M}\\p{N}])?';
const DOMAIN = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`, 'u');

interface Parts {
  readonly local: string;
  readonly domain: string;
}

function partsOf(login: string): Parts | undefined {
  const [local = '', domain = '', ...more] = login.split('@');
  const isAddress = more.length === 0 && LOCAL_PART.test(local) && DOMAIN.test(domain);
  return isAddress ? { local, domain } : undefined;
}

function readEmail(login: string): string | undefined {
  const { local, domain = '' } = partsOf(login) ?? {};
  const today = local === undefined ? undefined : readDomain(domain);
  return today === undefined ? undefined : `${local}@${today}`;
}

/** `xn--bcher-kva.example` is `bücher.example` (UTS #46). Stays in ASCII where the letters are none that a login has. */
function readDomain(domain: string): string | undefined {
  if (!isInternational(domain)) return domain;
  const ascii = domainToASCII(domain);
  if (ascii === '' || ascii.length > 253) return undefined;
  const unicode = domainToUnicode(ascii);
  return DOMAIN.test(unicode) && isPlain(unicode) ? unicode : ascii;
}

function isInternational(domain: string): boolean {
  return /[^ -~]|(?:^|\.)xn--/.test(domain);
}

function readUsername(login: string): string | undefined {
  return /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._+-]*$/u.test(login) ? login : undefined;
}
