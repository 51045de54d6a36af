import { createHash } from 'node:crypto';
import type { Response } from 'express';
import { withinPublicPath } from '../http/redirects.js';
import { addVary } from '../http/vary.js';
import { bannerOf } from './banner.js';
import { type Html, html } from './html.js';
import { checkPagesOptions, isPath, type PagesOptions } from './options.js';
import { STYLE } from './style.js';
import { createWords, type Words, type WordsFor } from './words.js';

/** What a page says. */
interface Page {
  readonly title: string;
  readonly body: Html;
  /** Whether it tells that something went wrong. @defaultValue `false` */
  readonly isError?: boolean;
  /** Whether it holds lists, which need more room than a form. @defaultValue `false` */
  readonly isWide?: boolean;
  /** URL that the browser goes on to by itself. */
  readonly forward?: string;
  /** Whether its address holds a secret, which no referrer may tell. @defaultValue `false` */
  readonly hasSecretAddress?: boolean;
}

/** A page in whichever language. */
export type PageIn = (words: Words) => Page;

/** The pages of an application: its name, its look, its languages. */
export interface Pages {
  /** A lost way leads there. */
  readonly home: string;
  readonly wordsFor: WordsFor;
  /** Sends a page in the language that the browser asks for. */
  send(res: Response, status: number, page: PageIn): void;
}

/** What the configuration knows of the application. */
export interface PagesSurroundings {
  readonly name: string;
  /** A path on the application's origin. */
  readonly home: string;
  /** Where the application's own files are, as browsers see it; undefined where only requests tell. */
  readonly publicUrl?: string | undefined;
  /** The path of that; paths of ours that lack it get it. @defaultValue none */
  readonly publicPath?: string;
}

/** Prepares the pages. Throws a TypeError for options that they could not obey. */
export function createPages(
  callee: string,
  options: PagesOptions,
  { home, publicUrl, publicPath = '', ...application }: PagesSurroundings,
): Pages {
  const { name = application.name, texts, ...look } = checkPagesOptions(callee, options);
  const placed = (option: string | undefined): string | undefined =>
    isPath(option) ? withinPublicPath(option, publicPath) : option;
  const logo = placed(look.logo);
  const wordsFor = createWords(texts, { app: name });
  const { policy, styles } = createLook({ css: placed(look.css), logo, publicUrl });
  const picture = logo === undefined ? undefined : html`<img src="${logo}" alt="" />`;
  const brand = html`<header>
    <a class="brand" href="${home}">${picture}<span>${name}</span></a>
  </header>`;
  return Object.freeze({
    home,
    wordsFor,
    send(res: Response, status: number, pageIn: PageIn): void {
      const words = wordsFor(res.req);
      const page = pageIn(words);
      const banner = bannerOf(res.req)?.(words);
      const text = documentOf(page, { words, name, brand, styles, banner });
      res.status(status);
      res.setHeader('Content-Security-Policy', policy);
      res.setHeader('X-Content-Type-Options', 'nosniff');
      res.setHeader('X-Frame-Options', 'DENY');
      res.setHeader('Cache-Control', 'no-store');
      res.setHeader('Content-Language', words.language);
      // The address may hold `returnTo`, which other sites must not see.
      res.setHeader('Referrer-Policy', page.hasSecretAddress ? 'no-referrer' : 'same-origin');
      addVary(res, 'Accept-Language');
      res.type('html').send(text);
    },
  });
}

interface Look {
  readonly styles: readonly Html[];
  readonly policy: string;
}

/**
 * No script, nothing from elsewhere, no frame around it (CSP 3); of this origin no more than the style sheet and the picture that were
 * given. There is no `form-action`: browsers apply it to every redirect after a form, and a password may be followed by a
 * provider's stronger sign-in. All text in the page is escaped, so that no foreign form gets in.
 */
function createLook({
  css,
  logo,
  publicUrl,
}: {
  readonly css: string | undefined;
  readonly logo: string | undefined;
  readonly publicUrl: string | undefined;
}): Look {
  const source = (path: string): string =>
    publicUrl === undefined ? "'self'" : new URL(path, publicUrl).href.replace(/[?#].*$/, '');
  const texts = css === undefined || isPath(css) ? [STYLE] : [STYLE, css];
  const hashes = texts.map(
    (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
  );
  // In one piece, since the hash covers every space inside.
  const styles: Html[] = texts.map((text) => ({ html: `<style>${text}</style>` }));
  if (isPath(css)) {
    hashes.push(source(css));
    styles.push(html`<link rel="stylesheet" href="${css}" />`);
  }
  // The empty icon is a data: URL.
  const pictures = isPath(logo) ? ['data:', source(logo)] : ['data:'];
  return {
    styles,
    policy: [
      "default-src 'none'",
      `style-src ${hashes.join(' ')}`,
      `img-src ${pictures.join(' ')}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  };
}

interface Frame {
  readonly words: Words;
  readonly name: string;
  readonly brand: Html;
  readonly styles: readonly Html[];
  readonly banner: Html | undefined;
}

function documentOf(
  { title, body, forward, isError = false, isWide = false }: Page,
  { words, name, brand, styles, banner }: Frame,
): string {
  const whole = isError ? words.say('page.error', { title }) : title;
  return html`<!doctype html>
    <html lang="${words.language}" dir="${isRightToLeft(words.language) ? 'rtl' : 'ltr'}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${whole} · ${name}</title>
        <link rel="icon" href="data:," />
        ${
          forward === undefined
            ? undefined
            : html`<meta http-equiv="refresh" content="0;url=${forward}" />`
        }
        ${styles}
      </head>
      <body ${isWide ? html`class="wide"` : undefined}>
        ${banner}${brand}
        <main>${body}</main>
      </body>
    </html> `.html;
}

function isRightToLeft(language: string): boolean {
  return /^(?:ar|ckb|dv|fa|he|ku-arab|ps|sd|ug|ur|yi)\b/i.test(language);
}
