import type { IncomingHttpHeaders } from 'node:http';
import { de } from './texts/de.js';
import { en } from './texts/en.js';
import type { PageTexts, TextKey } from './texts/texts.js';
import { TIME_UNITS } from '../time/units.js';

/** What the pages say, in one language. */
export interface Words {
  /** BCP 47, for `lang`. */
  readonly language: string;
  /** The text of a key, with facts in the place of their names. */
  say(key: TextKey, facts?: Facts): string;
  /** The text of a key if there is such a key. */
  find(key: string, facts?: Facts): string | undefined;
  /** A time from now: `in 15 minutes`, `3 hours ago`. */
  fromNow(seconds: number): string;
  /** A length of time: `1 hour`. */
  length(seconds: number): string;
}

type Facts = Readonly<Record<string, string>>;

/** Words by language, some of a language or all of them. */
export type TextOptions = Readonly<Record<string, Partial<PageTexts>>>;

/** Chooses the words for a request. */
export type WordsFor = (request: { readonly headers: IncomingHttpHeaders }) => Words;

const shipped: Readonly<Record<string, PageTexts>> = { en, de };

/**
 * Joins our words with the application's. What a language lacks is taken from the language without its region, then from English.
 * Throws a TypeError for a language or a key that there is none of.
 */
export function createWords(given: TextOptions = {}, facts: Facts = {}): WordsFor {
  const languages = new Map<string, Words>();
  const own = Object.entries(given).map(([tag, texts]) => [canonical(tag), texts] as const);
  for (const tag of new Set([...Object.keys(shipped), ...own.map(([name]) => name)])) {
    const base = primary(tag);
    const layers = own.filter(([name]) => name === base || name === tag);
    // A region after its language, however they were given.
    const ordered = layers.toSorted(([one], [other]) => one.length - other.length);
    const texts = ordered.reduce(
      (all, [name, some]) => ({ ...all, ...withOnlyWays(checked(some, name)) }),
      shipped[base] ?? en,
    );
    languages.set(tag.toLowerCase(), wordsOf(tag, texts, facts));
  }
  const usual = wordsOf('en', { ...en, ...own.find(([tag]) => tag === 'en')?.[1] }, facts);
  return ({ headers }) => chooseLanguage(headers['accept-language'], languages) ?? usual;
}

function canonical(tag: string): string {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? tag;
  } catch {
    throw new TypeError(`\`pages.texts\`: '${tag}' is no language; write it like 'fr' or 'pt-BR'`);
  }
}

function primary(tag: string): string {
  return tag.split('-', 1)[0] ?? tag;
}

function checked(texts: Partial<PageTexts>, tag: string): Partial<PageTexts> {
  for (const [key, text] of Object.entries(texts)) {
    if (!isKey(key)) throw new TypeError(`\`pages.texts.${tag}\`: there is no text '${key}'`);
    if (typeof text !== 'string')
      throw new TypeError(`\`pages.texts.${tag}\`: '${key}' is no text`);
  }
  return texts;
}

/** A refusal that has a text of its own for the only way to sign in, such as `error.acr.only`, is said in the application's words there, too. */
function withOnlyWays(texts: Partial<PageTexts>): Partial<PageTexts> {
  const further = Object.entries(texts)
    .map(([key, text]) => [`${key}.only`, text] as const)
    .filter(([key]) => isKey(key));
  return { ...Object.fromEntries(further), ...texts };
}

function isKey(key: string): key is TextKey {
  return Object.hasOwn(en, key);
}

function wordsOf(language: string, texts: PageTexts, common: Facts): Words {
  const say: Words['say'] = (key, facts = {}) => fill(texts[key], { ...common, ...facts });
  return Object.freeze({
    language,
    say,
    find: (key: string, facts: Facts = {}) => (isKey(key) ? say(key, facts) : undefined),
    fromNow(seconds: number) {
      if (Math.abs(seconds) < 1)
        return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(0, 'second');
      const [unit, size] = unitOf(seconds);
      // A wait must not end too early.
      return new Intl.RelativeTimeFormat(language).format(Math.ceil(seconds / size), unit);
    },
    length(seconds: number) {
      const [unit, size] = unitOf(seconds);
      return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(
        Math.floor(seconds / size),
      );
    },
  });
}

/** Two of a unit at least, so that rounding changes little: `90 minutes`, not `2 hours`; but `1 hour`. */
function unitOf(seconds: number): (typeof TIME_UNITS)[number] {
  const size = Math.abs(seconds);
  const fits = TIME_UNITS.find(([, unit]) => size >= 2 * unit || size === unit);
  return fits ?? ['second', 1];
}

function fill(text: string, facts: Facts): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => facts[name] ?? whole);
}

/** By `Accept-Language` (RFC 9110 §12.5.4): the first of the user's languages that there is, with or without its region. */
function chooseLanguage(
  header: string | undefined,
  languages: ReadonlyMap<string, Words>,
): Words | undefined {
  const wanted = (header ?? '')
    .slice(0, 1000)
    .split(',')
    .map((range) => {
      const [tag = '', weight = ''] = range
        .trim()
        .toLowerCase()
        .split(/\s*;\s*q\s*=\s*/);
      return { tag, weight: weight === '' ? 1 : Number(weight) };
    })
    .filter(({ weight }) => weight > 0)
    .toSorted((one, other) => other.weight - one.weight);
  for (const { tag } of wanted) {
    const found = languages.get(tag) ?? languages.get(primary(tag));
    if (found) return found;
  }
  return undefined;
}
