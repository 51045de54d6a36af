import { safeReturnTo } from '../http/redirects.js';
import { refuseUnknownOptions } from '../known-options.js';
import type { TextOptions } from './words.js';

/** How the pages look and what they say. */
export interface PagesOptions {
  /** What the pages call the application. @defaultValue AUTH_APP_NAME, else the host of AUTH_PUBLIC_URL */
  readonly name?: string;
  /** A picture beside the name: a path on the application's own origin, or a `data:image/…` URL. @defaultValue none */
  readonly logo?: string;
  /**
   * A style sheet after our own: a path on the application's own origin, or the text itself, such as `':root { --act: #0a6c3c }'`. The pages'
   * policy allows this one and no other. @defaultValue none
   */
  readonly css?: string;
  /**
   * Words by language (BCP 47). A language of ours, `en` or `de`, may be changed in part; what another one lacks is English. The
   * keys are those of {@link PageTexts}. @defaultValue English and German
   */
  readonly texts?: TextOptions;
}

/** Throws a TypeError for options that the pages could not obey. */
export function checkPagesOptions(callee: string, options: PagesOptions): PagesOptions {
  refuseUnknownOptions(callee, options, ['name', 'logo', 'css', 'texts']);
  const { name, logo, css } = options;
  if (name !== undefined && (typeof name !== 'string' || name.trim() === ''))
    throw new TypeError(`${callee}: \`name\` is a text`);
  if (logo !== undefined && !isPath(logo) && !isPicture(logo))
    throw new TypeError(
      `${callee}: \`logo\` is a path on this origin, such as /logo.svg, or a data:image/… URL`,
    );
  if (css !== undefined && !isPath(css) && !isStyleText(css))
    throw new TypeError(
      `${callee}: \`css\` is a path on this origin, such as /auth.css, or the style sheet itself`,
    );
  return options;
}

/** Whether the option names a file of the application's own, not the content itself. */
export function isPath(option: unknown): option is string {
  return typeof option === 'string' && option !== '/' && safeReturnTo(option) === option;
}

function isPicture(option: unknown): boolean {
  return typeof option === 'string' && /^data:image\/[\w.+-]+[;,][^\s"'<>]*$/i.test(option);
}

/** A path that is not ours must not pass for a style sheet, and no text may end the element that it stands in. */
function isStyleText(option: unknown): boolean {
  return typeof option === 'string' && option.includes('{') && !/<\/style/i.test(option);
}
