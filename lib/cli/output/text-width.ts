/** How many columns a terminal needs for a text without control characters: two for an ideograph, none for an accent of its own. */
export function columnsOf(text: string): number {
  let width = 0;
  for (const character of text) width += columnsOfOne(character);
  return width;
}

/** Fills a text up with spaces, to so many columns. */
export function padText(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - columnsOf(text)));
}

/** A cell that is longer leaves its column, so that it does not push the others out of sight. */
const WIDEST_COLUMN = 60;

/** The width of a column: that of the widest cell which is no longer than 60. */
export function columnWidth(cells: readonly string[]): number {
  return Math.max(0, ...cells.map(columnsOf).filter((width) => width <= WIDEST_COLUMN));
}

const NONE = /^[\p{Mn}\p{Me}]$/u;
// Unicode Standard Annex 11: what is wide there, in the scripts and signs that names are written with.
const TWO =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6]$/u;
const HALF = /^[\uFF61-\uFFDC]$/;

function columnsOfOne(character: string): number {
  if (NONE.test(character)) return 0;
  return TWO.test(character) && !HALF.test(character) ? 2 : 1;
}
