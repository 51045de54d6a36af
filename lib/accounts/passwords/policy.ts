import { commonWords, walks } from './common-passwords.js';

/** Characters. NIST SP 800-63B-4 §3.1.1.2 asks verifiers to take at least 64; these cost nothing to hash. */
const MAX_PASSWORD_LENGTH = 256;

/** UTF-16 code units: room for every way to type so many characters, such as letters with their accents apart. */
const MAX_INPUT_LENGTH = 4096;

/** What is hashed. Two ways to type one character are one password (NIST SP 800-63B-4 §3.1.1.2). Blanks stay, also the first and the last. */
export function passwordBytes(password: string): Buffer {
  return Buffer.from(spellPassword(password));
}

function spellPassword(password: string): string {
  return password.normalize('NFKC');
}

/**
 * Tells whether input can be a password at all: whatever may be set can be used, however it is typed. Checked before
 * hashing, which a megabyte must not reach.
 */
export function isPasswordInput(input: unknown): input is string {
  return (
    typeof input === 'string' &&
    input !== '' &&
    input.length <= MAX_INPUT_LENGTH &&
    !/\p{Cs}/u.test(input) &&
    countCharacters(spellPassword(input)) <= MAX_PASSWORD_LENGTH
  );
}

export interface PolicyContext {
  readonly minLength: number;
  /** What the password must not be made of: user name, e-mail address. */
  readonly logins: readonly string[];
}

/**
 * What is wrong with a new password, or undefined. Length and a blocklist, and no rules of composition
 * (NIST SP 800-63B-4 §3.1.1.2).
 */
export function passwordFlaw(
  password: unknown,
  { minLength, logins }: PolicyContext,
): PasswordFlaw | undefined {
  // Browsers drop line breaks from a password field, and other control characters can't be typed.
  if (typeof password !== 'string' || /[\p{Cs}\p{Cc}]/u.test(password))
    return flaw('not_text', 'is not text, or has control characters');
  if (countCharacters(spellPassword(password)) < minLength)
    return flaw('too_short', `has fewer than ${minLength} characters`);
  if (!isPasswordInput(password))
    return flaw('too_long', `has more than ${MAX_PASSWORD_LENGTH} characters`);
  const letters = simplify(password);
  if (logins.some((login) => isMadeOf(letters, login)))
    return flaw('contains_login', 'is made of the user name or e-mail address');
  if (isPredictable(letters))
    return flaw('blocklisted', 'is among the first that anybody would try');
  return undefined;
}

/** Characters as Unicode counts them, so that an emoji is not two. */
function countCharacters(text: string): number {
  return Array.from(text).length;
}

/** What is wrong with a password, by a word that callers may switch on. */
export interface PasswordFlaw {
  readonly code: string;
  readonly detail: string;
}

export function flaw(code: string, detail: string): PasswordFlaw {
  return { code, detail };
}

const lookAlikes: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/** Without case, separators and accents: what is left is what people remember. */
function simplify(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\s\p{M}\p{P}\p{Sk}\p{Sc}\p{Sm}]/gu, (mark) => (mark in lookAlikes ? mark : ''));
}

/** Guessing programs try `0` for `o`. */
function unleet(text: string): string {
  return text.replace(/[01345 7@$!]/g, (mark) => lookAlikes[mark] ?? mark);
}

/** Without the login, fewer than eight characters are left. */
function isMadeOf(letters: string, login: string): boolean {
  return [login, ...login.split('@')]
    .map(simplify)
    .filter((part) => part.length >= 3)
    .some((part) => letters.includes(part) && letters.replaceAll(part, '').length < 8);
}

function isPredictable(letters: string): boolean {
  const spellings = [letters, unleet(letters)];
  return (
    new Set(letters).size < 5 ||
    spellings.some((spelling) => isRepetition(spelling) || isMostlyWalks(spelling)) ||
    spellings.some(isCommonWords)
  );
}

/** `abcabcabcabcabc`, also with a begun last round. */
function isRepetition(text: string): boolean {
  for (let unit = 1; unit <= Math.min(8, text.length / 2); unit += 1)
    if (
      text ===
      text
        .slice(0, unit)
        .repeat(text.length / unit + 1)
        .slice(0, text.length)
    )
      return true;
  return false;
}

const allWalks = walks.flatMap((walk) => [walk, Array.from(walk).toReversed().join('')]);

/** Fewer than eight characters are left without the pieces of four and more that lie on a walk. */
function isMostlyWalks(text: string): boolean {
  let left = 0;
  for (let at = 0; at < text.length;) {
    const length = longestWalkAt(text, at);
    if (length < 4) left += 1;
    at += Math.max(1, length >= 4 ? length : 1);
  }
  return left < 8;
}

function longestWalkAt(text: string, at: number): number {
  let length = 0;
  while (
    at + length < text.length &&
    allWalks.some((walk) => walk.includes(text.slice(at, at + length + 1)))
  )
    length += 1;
  return length;
}

const wordsLongestFirst = commonWords.toSorted((a, b) => b.length - a.length);
const wordPattern = new RegExp(wordsLongestFirst.join('|'), 'g');

/** Nothing but common words and digits. */
function isCommonWords(text: string): boolean {
  return text.replace(wordPattern, '').replace(/\d/g, '').length < 3;
}
