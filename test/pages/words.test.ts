import { describe, expect, it } from 'vitest';
import { AuthError, type AuthErrorCode } from 'latchkey';
import { refusalText } from '../../lib/pages/refusal-page.js';
import { de } from '../../lib/pages/texts/de.js';
import { en } from '../../lib/pages/texts/en.js';
import { createWords, type TextOptions } from '../../lib/pages/words.js';
import { readFile } from 'node:fs/promises';

const inLanguage = (header: string | undefined, texts?: TextOptions) =>
  createWords(texts, { app: 'Reports' })({
    headers: header === undefined ? {} : { 'accept-language': header },
  });

describe('the words of the pages', () => {
  it('are the same in every language that ships, facts included', () => {
    const factsOf = (texts: Readonly<Record<string, string>>) =>
      Object.fromEntries(
        Object.entries(texts).map(([key, text]) => [
          key,
          [...new Set(text.match(/\{\w+\}/g) ?? [])].toSorted(),
        ]),
      );
    expect(factsOf(de)).toEqual(factsOf(en));
    expect(Object.values(de).filter((text) => text.trim() === '')).toEqual([]);
  });

  it('exist for every code that can be refused', async () => {
    const source = await readFile('lib/errors/error-table.ts', 'utf8');
    const codes = [...source.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(
      ([, code]) => code as AuthErrorCode,
    );
    expect(codes.length).toBeGreaterThan(25);
    for (const code of codes) {
      const error = new AuthError(code, { retryAfterSeconds: 60 });
      const [english, german] = ['en', 'de'].map((tag) => refusalText(inLanguage(tag), error));
      expect(`${english}${german}`).not.toMatch(/\{\w+\}/);
      expect(english).not.toBe(german);
    }
  });

  it.each([
    { header: undefined, language: 'en' },
    { header: '', language: 'en' },
    { header: 'de', language: 'de' },
    { header: 'DE-at', language: 'de' },
    { header: 'fr, de;q=0.5, en;q=0.4', language: 'de' },
    { header: 'en;q=0.4, de;q=0.5', language: 'de' },
    { header: 'de;q=0, en', language: 'en' },
    { header: 'fr', language: 'en' },
    { header: '*', language: 'en' },
    { header: `${'x,'.repeat(100_000)}de`, language: 'en' },
    { header: 'de;q=x', language: 'en' },
  ])('for Accept-Language $header are $language', ({ header, language }) => {
    expect(inLanguage(header).language).toBe(language);
  });

  it('of a refusal are the application’s own where there is one way to sign in, too', () => {
    const error = new AuthError('PROVIDER_ERROR');
    const say = (texts: TextOptions, isOnlyWay: boolean): string =>
      refusalText(inLanguage('en', texts), error, { isOnlyWay });
    const base = { en: { 'error.PROVIDER_ERROR': 'Down.' } } as const;
    expect([true, false].map((isOnly) => say(base, isOnly))).toEqual(['Down.', 'Down.']);
    const both = { en: { ...base.en, 'error.PROVIDER_ERROR.only': 'Wait.' } };
    expect([true, false].map((isOnly) => say(both, isOnly))).toEqual(['Wait.', 'Down.']);
  });

  it('can be changed, and said in further languages, region by region', () => {
    const texts = {
      fr: { 'signIn.title': 'Connexion' },
      'fr-ca': { 'signIn.submit': 'Ouvrir une session' },
      de: { 'signIn.title': 'Hereinspaziert bei {app}' },
      en: { 'signIn.title': 'Come in' },
    };
    const said = (header: string) => {
      const words = inLanguage(header, texts);
      return [words.language, words.say('signIn.title'), words.say('signIn.submit')];
    };
    expect(said('de')).toEqual(['de', 'Hereinspaziert bei Reports', 'Anmelden']);
    expect(said('fr-BE')).toEqual(['fr', 'Connexion', 'Sign in']);
    expect(said('fr-CA')).toEqual(['fr-CA', 'Connexion', 'Ouvrir une session']);
    expect(said('it')).toEqual(['en', 'Come in', 'Sign in']);
  });

  it.each([
    { title: 'a misspelt key', texts: { en: { 'signin.title': 'x' } } },
    { title: 'no language', texts: { 'not a language': {} } },
    { title: 'no text', texts: { en: { 'signIn.title': 7 } } },
  ])('refuse $title', ({ texts }) => {
    expect(() => createWords(texts as TextOptions)).toThrow(TypeError);
  });

  it.each([
    [1, 'in 1 second', 'in 1 Sekunde'],
    [59, 'in 59 seconds', 'in 59 Sekunden'],
    [61, 'in 61 seconds', 'in 61 Sekunden'],
    [120, 'in 2 minutes', 'in 2 Minuten'],
    [121, 'in 3 minutes', 'in 3 Minuten'],
    [3600, 'in 1 hour', 'in 1 Stunde'],
    [-7200, '2 hours ago', 'vor 2 Stunden'],
    [-200_000, '2 days ago', 'vor 2 Tagen'],
    [0, 'now', 'jetzt'],
  ])('call %i seconds %s', (seconds, english, german) => {
    expect(inLanguage('en').fromNow(seconds)).toBe(english);
    expect(inLanguage('de').fromNow(seconds)).toBe(german);
  });
});
