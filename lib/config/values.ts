import { isScopeToken } from '../errors/challenges.js';

/** Why a value cannot be used, and the cure. Fixed words only: it never quotes the value, which may be a secret in the wrong place. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly fix: string;

  constructor(problem: string, fix: string) {
    super(problem);
    this.fix = fix;
  }
}

/** Everything wrong with the members of one value. */
export class RefusalList extends Error {
  override readonly name = 'RefusalList';
  readonly refusals: { readonly refusal: Refusal; readonly place: string }[] = [];

  add(refusal: Refusal, place: string): void {
    this.refusals.push({ refusal, place });
  }

  /** Reads a member. Keeps what is wrong with it, and then returns undefined. */
  attempt<Value>(place: string, read: () => Value): Value | undefined {
    try {
      return read();
    } catch (error) {
      if (error instanceof Refusal) this.add(error, place);
      else if (error instanceof RefusalList)
        for (const { refusal, place: inner } of error.refusals)
          this.add(refusal, `${place}.${inner}`);
      else throw error;
      return undefined;
    }
  }

  throwAny(): void {
    if (this.refusals.length > 0) throw this;
  }
}

/** Turns what a source gave (text from the environment; anything from a file or from code) into the setting's value, or throws a {@link Refusal}. */
export type Reader<Value> = (input: unknown) => Value;

export interface Limit {
  /** Requests or attempts allowed in one window. */
  readonly max: number;
  /** Length of the window, in seconds. */
  readonly windowSeconds: number;
}

/** Narrows to a plain object, as JSON and YAML make them: no list, no instance of a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export function readText(input: unknown): string {
  if (typeof input !== 'string') throw new Refusal('is not text', 'write it as text, in quotes');
  const text = input.trim();
  if (text === '') throw new Refusal('is empty', 'give it a value or leave it out');
  return text;
}

export function readFlag(input: unknown): boolean {
  const word = String(input).trim().toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(word)) return true;
  if (['false', '0', 'no', 'off'].includes(word)) return false;
  throw new Refusal('is neither true nor false', 'write true or false');
}

export function oneOf<const Word extends string>(words: readonly Word[]): Reader<Word> {
  return function readWord(input) {
    const text = typeof input === 'string' ? input.trim() : undefined;
    const word = words.find((candidate) => candidate === text);
    if (word === undefined)
      throw new Refusal('is none of the known words', `use ${words.join(', ')}`);
    return word;
  };
}

const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function parseDuration(input: unknown): number {
  const match = /^(\d{1,10})([smhd]?)$/.exec(String(input).trim());
  return Number(match?.[1]) * (SECONDS_PER_UNIT[match?.[2] || 's'] ?? Number.NaN);
}

/** Seconds, within both bounds; they are written like the value itself (`60s`, `24h`). */
export function duration(from: string, to: string): Reader<number> {
  return function readDuration(input) {
    const seconds = parseDuration(input);
    const fix = `write ${from} to ${to}, e.g. 900 (seconds), 90s, 15m, 12h or 7d`;
    if (Number.isNaN(seconds)) throw new Refusal('is not a duration', fix);
    if (seconds < parseDuration(from) || seconds > parseDuration(to))
      throw new Refusal('is out of range', fix);
    return seconds;
  };
}

const MAX_PER_WINDOW = 1_000_000;

export function readLimit(input: unknown): Limit {
  const [max, window, ...others] = isPlainObject(input)
    ? limitMembers(input)
    : String(input).split('/');
  const limit = {
    max: /^\s*\d{1,7}\s*$/.test(String(max)) ? Number(max) : Number.NaN,
    windowSeconds: others.length > 0 ? Number.NaN : parseDuration(window),
  };
  const isWithin = (value: number, most: number) => value >= 1 && value <= most;
  if (isWithin(limit.max, MAX_PER_WINDOW) && isWithin(limit.windowSeconds, 604_800)) return limit;
  throw new Refusal(
    'is not a limit',
    `write count/window, e.g. 5/1s or 10/15m; count 1 to ${MAX_PER_WINDOW}, window 1s to 7d`,
  );
}

function limitMembers({ max, windowSeconds, ...others }: Record<string, unknown>): unknown[] {
  return Object.keys(others).length === 0 ? [max, windowSeconds] : [];
}

export function list<Item>(readItem: Reader<Item>): Reader<Item[]> {
  return function readList(input) {
    const items: readonly unknown[] = Array.isArray(input) ? input : splitList(readText(input));
    return items.map((item, index) => {
      try {
        return readItem(item);
      } catch (error) {
        if (!(error instanceof Refusal) || items.length === 1) throw error;
        throw new Refusal(`has an item, number ${index + 1}, that ${error.message}`, error.fix);
      }
    });
  };
}

/** A list of those who may sign in. An empty one would let everybody in, which is what leaving it out says. */
export function allowList<Item>(readItem: Reader<Item>): Reader<Item[]> {
  const read = list(readItem);
  return function readAllowList(input) {
    const items = read(input);
    if (items.length > 0) return items;
    throw new Refusal('names nobody', 'list those who may sign in, or leave it out to let all in');
  };
}

function splitList(text: string): readonly unknown[] {
  if (!text.startsWith('['))
    return text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean);
  const items = readJson(text);
  return Array.isArray(items) ? items : [items];
}

export function readJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw new Refusal('is not valid JSON', 'check quotes, commas and brackets');
  }
  refuseUnsafeTree(value);
  return value;
}

/** Refuses members named `__proto__`, and trees that contain themselves (a YAML alias can do that). */
export function refuseUnsafeTree(value: unknown, ancestors: readonly unknown[] = []): void {
  if (ancestors.includes(value))
    throw new Refusal(
      'contains itself',
      'remove the alias (`*name`) that points to its own parent',
    );
  if (!Array.isArray(value) && !isPlainObject(value)) return;
  if (Object.hasOwn(value, '__proto__'))
    throw new Refusal('has a key `__proto__`', 'remove that key');
  for (const member of Object.values(value)) refuseUnsafeTree(member, [...ancestors, value]);
}

/** A claim's name, a dotted path, several of either, or paths as lists of names. A backslash escapes a dot. */
export function readClaimPath(input: unknown): string | string[] | string[][] {
  const given = typeof input === 'string' && input.startsWith('[') ? readJson(input) : input;
  if (Array.isArray(given) && given.length > 0 && given.every((item) => Array.isArray(item)))
    return given.map(list(readText));
  const paths = list(readText)(given);
  const [first, ...others] = paths;
  if (first === undefined)
    throw new Refusal('names no claim', 'write a path, e.g. realm_access.roles');
  return others.length === 0 ? first : paths;
}

export function readScope(input: unknown): string {
  const tokens = readText(input).split(/\s+/);
  if (!tokens.every(isScopeToken))
    throw new Refusal('has a character that no scope may have', 'separate scopes by spaces');
  if (!tokens.includes('openid'))
    throw new Refusal('lacks the scope openid', 'add it, e.g. openid profile email');
  return tokens.join(' ');
}

export function readDomain(input: unknown): string {
  const domain = readText(input).toLowerCase();
  if (/^(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+[a-z\d-]{2,}$/.test(domain)) return domain;
  throw new Refusal('is not a domain', 'write the part after the @ only, e.g. example.com');
}

/**
 * What the names of our cookies begin with. A part such as `-login` would make one application's cookies look like another's,
 * and browsers give a meaning of their own to names that begin with `__`.
 */
export function readKeyEnvironment(input: unknown): string {
  const text = readText(input);
  if (/^[a-z0-9]{1,16}$/.test(text)) return text;
  throw new Refusal(
    'cannot be part of an API key',
    'write 1 to 16 lower-case letters and digits, such as live',
  );
}

export function readCookieName(input: unknown): string {
  const text = readText(input);
  if (!/^[A-Za-z0-9][\w.-]{0,39}$/.test(text))
    throw new Refusal(
      'is no name for cookies',
      'write 1 to 40 letters, digits, dots, underscores and hyphens, a letter or digit first',
    );
  if (/-(?:session|device|login|exchange)(?:-|$)/.test(text))
    throw new Refusal(
      'could be taken for the cookie of another application',
      'leave out -session, -device, -login and -exchange, which we append',
    );
  return text;
}

/** GitHub's names of organisations ignore case. */
export function readGithubOrganization(input: unknown): string {
  const name = readText(input).toLowerCase();
  if (/^[a-z\d][a-z\d-]{0,38}$/.test(name)) return name;
  throw new Refusal('is not the name of an organisation', 'write acme for github.com/acme');
}
